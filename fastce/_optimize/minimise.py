"""The choice of a minimiser, and the change from one to another."""

from collections.abc import Callable

import numpy as np

from . import SOLVERS
from .lbfgs import lbfgs
from .monitor import Monitor, Progress, Result
from .newton import newton_cg, newton_cholesky
from .objective import Objective
from .status import PRECISION, RUNNING

# Newton's method with a factored Hessian is chosen where a factor costs at most this many
# evaluations: it takes about ten iterations, L-BFGS two to three times as many evaluations.
_MAX_EXACT_COST = 1.0
# Iterations of L-BFGS after which Newton's method goes on. L-BFGS is best at first, when the point
# moves far; what it has not reached by then, it will not reach soon.
_SWITCH_AFTER = 60.0
# The same where the preconditioner is a diagonal: conjugate gradients take many products there.
_SWITCH_AFTER_DIAGONAL = 200.0
# Each Newton iteration begins with a refresh: L-BFGS may take this many times as many iterations
# as one refresh costs evaluations.
_SWITCH_COSTS = 2.0


def choose(refresh_cost: float, exact_cost: float, is_diagonal: bool) -> tuple[str, float]:
    """Return the method to begin with, and the iteration of L-BFGS at which `newton_cg` goes on.

    Parameters
    ----------
    refresh_cost, exact_cost : float
        What a renewed preconditioner and a factored Hessian cost, in evaluations.
    is_diagonal : bool
        Whether the preconditioner is a diagonal.

    Returns
    -------
    solver : {"newton-cholesky", "lbfgs"}
    switch_after : float
    """
    if exact_cost <= _MAX_EXACT_COST:
        return "newton-cholesky", 0.0
    least = _SWITCH_AFTER_DIAGONAL if is_diagonal else _SWITCH_AFTER
    return "lbfgs", max(least, _SWITCH_COSTS * refresh_cost)


def minimise(
    objective: Objective,
    theta: np.ndarray,
    *,
    solver: str = "auto",
    tol: float,
    gap_tol: float,
    max_iter: int,
    min_iter: int = 0,
    callback: Callable[[Progress], object] | None = None,
) -> Result:
    """Minimise a smooth function.

    Parameters
    ----------
    objective : Objective
    theta : ndarray (size,), float64
        The starting point; never written.
    solver : {"auto", "lbfgs", "newton-cg", "newton-cholesky"}
        "auto" begins with what `choose` says, and may change from "lbfgs" to "newton-cg".
    tol, gap_tol, max_iter, min_iter, callback
        See `Monitor`.

    Returns
    -------
    Result

    Examples
    --------
    >>> import numpy as np
    >>> class Parabola:
    ...     floor, has_minimum, is_diagonal = 0.0, True, True
    ...     def value_and_grad(self, theta):
    ...         return 1.0 + float((theta - 3.0) @ (theta - 3.0)), 2.0 * (theta - 3.0)
    ...     def precondition(self, vector, out):
    ...         out[:] = vector
    ...         return out
    ...     def refresh(self, theta, near):
    ...         return False
    >>> options = {"solver": "lbfgs", "tol": 1e-9, "gap_tol": 1e-9, "max_iter": 100}
    >>> result = minimise(Parabola(), np.zeros(2), **options)
    >>> result.status, result.theta.round(6)
    ('converged', array([3., 3.]))
    """
    switch_after = np.inf
    if solver == "auto":
        solver, switch_after = choose(
            objective.refresh_cost, objective.exact_cost, objective.is_diagonal
        )
    monitor = Monitor(
        objective,
        theta,
        tol=tol,
        gap_tol=gap_tol,
        max_iter=max_iter,
        min_iter=min_iter,
        callback=callback,
    )
    del theta  # a long vector is freed as soon as the point has moved on
    if solver == "lbfgs":
        lbfgs(monitor, pause_after=switch_after)
        # Where L-BFGS finds no lower point, its model may be to blame: that of the Hessian decides.
        if monitor.status == RUNNING or (monitor.status == PRECISION and switch_after < np.inf):
            monitor.resume()
            newton_cg(monitor)
    elif solver == "newton-cg":
        newton_cg(monitor)
    elif solver == "newton-cholesky":
        newton_cholesky(monitor)
    else:
        raise ValueError(f"solver must be one of {SOLVERS}; got {solver!r}")
    return monitor.result()
