"""How a minimisation stands, or has ended."""

# It goes on.
RUNNING = ""
# At the minimum, as the tolerances have it.
CONVERGED = "converged"
# No lower point can be found: float64 has no more to give.
PRECISION = "precision"
# Out of iterations.
MAX_ITER = "max_iter"
# By the callback.
STOPPED = "stopped"
