"""Minimisers of smooth functions. They know an objective's protocol, and nothing of losses, data or scikit-learn.

`lbfgs` is limited-memory BFGS (Nocedal 1980) around an inverse Hessian that the objective provides,
with its pairs as two matrices (Byrd, Nocedal & Schnabel 1994), so that an iteration is four
products with them and not as many steps as there are pairs.

References
----------
J. Nocedal (1980), Updating quasi-Newton matrices with limited storage, Mathematics of Computation
35. R. H. Byrd, J. Nocedal, R. B. Schnabel (1994), Representations of quasi-Newton matrices and
their use in limited memory methods, Mathematical Programming 63.
"""

from collections.abc import Callable

import numpy as np

from .monitor import EPS, Objective, Point, Progress, Result, Watch, search
from .newton import newton
from .vectors import add, dot, dots, learn, table

# The objective may replace its inverse Hessian after these iterations: often at first, when the
# point moves far, then geometrically. If fewer iterations than twice what that costs seem to be
# left, it is put off by so many.
_FIRST_REFRESH, _REFRESH_GROWTH, _REFRESH_COSTS, _PUT_OFF = 5, 3, 2, 5
# What the objective's inverse is scaled by costs one product with it: it is found from the first
# pairs, and from some of the later ones.
_SCALE_AT_FIRST, _SCALE_EVERY = 3, 4
# See `choose`.
_EXACT_PAYS, _PATIENCE, _LONG_PATIENCE = 1.0, 60.0, 200.0
_MAX_MEMORY, _MIN_MEMORY, _MEMORY_ENTRIES = 100, 5, 1 << 22


class _InverseHessian:
    """The objective's inverse Hessian, corrected by the last steps s and changes of the gradient y.

    With R the upper triangle of s_i . y_j, D its diagonal and H the objective's inverse times a
    scale, the product with q is::

        alpha = R^-1 S q      r = H (q - Y^T alpha)      result = r + S^T R^-T (D alpha - Y r)

    Pairs of long vectors are rounded to float32, which halves what they take and what a product
    reads. R and D are those of the rounded pairs, so the matrix is that of BFGS still, and
    positive.

    A new pair adds a column to R, hence one to R^-1, which is kept: without its oldest pair it is
    the rest of itself.
    """

    def __init__(self, objective: Objective, memory: int, size: int) -> None:
        self.objective, self.memory = objective, memory
        self.S, self.Y = table(memory, size), table(memory, size)
        self.D = np.zeros(memory)  # s_i . y_i, times the ratio of what y_i and s_i are scaled by
        self.R_inverse = np.zeros(
            (memory, memory)
        )  # by rows of S and Y, which the pairs take in turn
        self.forget()

    def forget(self) -> None:
        """Go back to the objective's inverse alone."""
        self.n_pairs, self.row = 0, 0
        self.renew()

    def renew(self) -> None:
        """Take note that the objective's inverse is another one: its scale is not known."""
        self.scale, self.n_updates = 1.0, 0

    def update(self, new: Point, old: Point, work: np.ndarray) -> None:
        """Learn the pair of two points, unless the curvature along it is lost in rounding; `work` is overwritten."""
        row, is_full = self.row, self.n_pairs == self.memory
        used = self.n_pairs + (not is_full)
        products, of_s, of_y = learn(
            (new.theta, new.grad), (old.theta, old.grad), self.S[:used], self.Y[:used], row, work
        )
        sy = float(products[row]) * (of_y / of_s)
        # beside the slope there was
        is_good = EPS * of_y * abs(dot(self.S[row], old.grad)) < products[row] and 0.0 < sy < np.inf
        if is_good and (self.n_updates < _SCALE_AT_FIRST or self.n_updates % _SCALE_EVERY == 0):
            y_norm = dot(self.Y[row], self.objective.precondition(work, work))
            is_good = EPS * y_norm < sy and y_norm > 0.0
            self.scale = sy / y_norm if is_good else self.scale
        self.n_updates += 1
        inverse = self.R_inverse[:used, :used]
        inverse[row], inverse[:, row], self.D[row] = 0.0, 0.0, 0.0
        if is_good:
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # what is not finite spoils the direction, and is forgotten
                inverse[:, row] = inverse @ (products / -products[row])
                inverse[row, row], self.D[row] = 1.0 / products[row], sy
        elif is_full:
            # The oldest pair's place is taken: zeros change nothing.
            self.S[row], self.Y[row] = 0.0, 0.0
        else:
            return
        self.n_pairs, self.row = used, (row + 1) % self.memory

    def descent(self, grad: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write minus the product with a gradient to `out` and return it."""
        used = self.n_pairs
        if used == 0:
            out = self.objective.precondition(grad, out)
            out *= -self.scale
            return out
        S, Y, R_inverse = self.S[:used], self.Y[:used], self.R_inverse[:used, :used]
        with np.errstate(over="ignore", invalid="ignore"):
            alpha = R_inverse @ dots(S, grad)
            self.objective.precondition(add(Y, self.scale * alpha, grad, out, -self.scale), out)
            # `out` is -r
            beta = (self.D[:used] * alpha + dots(Y, out)) @ R_inverse
            return add(S, -beta, out, out)


def lbfgs(
    objective: Objective,
    theta: np.ndarray,
    *,
    tol: float,
    gap_tol: float,
    max_iter: int,
    memory: int | None = None,
    callback: Callable[[Progress], None] | None = None,
    watch: Watch | None = None,
    patience: float = np.inf,
) -> Result:
    """Minimise a smooth function by limited-memory BFGS.

    Parameters
    ----------
    objective : Objective
        Gives value and gradient, and an approximate inverse Hessian that may be renewed now and
        then.
    theta : ndarray (size,), float64
        Where to start; never written.
    tol, gap_tol : float
        It stops when max |gradient| <= `tol` and the estimated relative gap <= `gap_tol`: see
        `Watch`.
    max_iter : int
        Most iterations.
    memory : int or None
        Pairs kept; by default 100, fewer for long vectors so that they stay within 64 MB, but at
        least 5.
    callback : callable or None
        Called with a `Progress` before the first iteration and after each.
    watch : Watch or None
        Where the minimisation stands, when another method goes on with it.
    patience : float
        After so many iterations it stops wherever it is, with an empty status.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If the value or the gradient is not finite where it starts.

    Examples
    --------
    >>> import numpy as np
    >>> class Parabola:
    ...     floor, is_diagonal = 0.0, True
    ...     def value_and_grad(self, theta):
    ...         return 1.0 + float((theta - 3.0) @ (theta - 3.0)), 2.0 * (theta - 3.0)
    ...     def precondition(self, vector, out):
    ...         out[:] = vector
    ...         return out
    ...     def refresh(self, theta):
    ...         return False
    >>> result = lbfgs(Parabola(), np.zeros(2), tol=1e-9, gap_tol=1e-9, max_iter=100)
    >>> result.status, result.theta.round(6)
    ('converged', array([3., 3.]))
    """
    if memory is None:
        memory = max(_MIN_MEMORY, min(_MAX_MEMORY, _MEMORY_ENTRIES // max(1, theta.size)))
    watch = Watch(objective, theta, tol, gap_tol, max_iter, callback) if watch is None else watch
    inverse, next_refresh = _InverseHessian(objective, memory, theta.size), _FIRST_REFRESH
    del theta  # long vectors are let go of as soon as the point has moved on
    direction = np.empty_like(watch.point.grad)
    before = (0, np.inf)  # an iteration, and the gap then
    while True:
        point = watch.point
        inverse.descent(point.grad, direction)
        decrease = -dot(point.grad, direction)
        if not (0.0 < decrease < np.inf) and inverse.n_pairs:
            # Rounding has spoilt the pairs: start over from the objective's own inverse Hessian.
            inverse.forget()
            continue
        if watch.n_iter >= patience or watch.ends(decrease):
            return watch.result()
        new, n = search(objective, point, direction, -decrease)
        watch.n_evaluations += n
        if new is None and inverse.n_pairs:
            inverse.forget()
            inverse.descent(point.grad, direction)
            new, n = search(objective, point, direction, dot(point.grad, direction))
            watch.n_evaluations += n
        if new is None:
            watch.give_up()
            return watch.result()
        inverse.update(new, point, direction)
        watch.move(new)
        if watch.n_iter == 1 and objective.is_diagonal:
            # With a diagonal the gap falls as evenly at first as later; a better inverse promises
            # too much.
            before = 1, watch.gap
        if watch.n_iter == next_refresh:
            if _left(watch, before) < _REFRESH_COSTS * objective.refresh_cost:
                next_refresh += _PUT_OFF
            else:
                next_refresh *= _REFRESH_GROWTH
                if objective.refresh(new.theta, False):
                    inverse.renew()
            before = watch.n_iter, watch.gap


def _left(watch: Watch, before: tuple[int, float]) -> float:
    """Return how many iterations are left if the gap goes on falling as it has since an earlier one."""
    n, gap = before
    if not (watch.gap < gap < np.inf and watch.gap_tol > 0.0):
        return np.inf
    return float(np.log(watch.gap / watch.gap_tol) / np.log(gap / watch.gap) * (watch.n_iter - n))


def choose(refresh_cost: float, exact_cost: float, is_diagonal: bool) -> tuple[str, float]:
    """Return the method to begin with, and after how many iterations of L-BFGS Newton's method goes on.

    Parameters
    ----------
    refresh_cost, exact_cost : float
        What an inverse Hessian costs, approximate or exact, in evaluations.
    is_diagonal : bool
        Whether the approximate one is a diagonal.

    Returns
    -------
    solver : {"newton-cholesky", "lbfgs"}
        Newton's method with a factored Hessian where that costs no more than an evaluation: it
        needs about ten iterations, L-BFGS twice or three times as many evaluations.
    patience : float
        L-BFGS is best at first, when the point moves far. What it has not done in 60 iterations, it
        will not do soon; Newton's method needs few iterations then, but each begins with a refresh:
        L-BFGS may take twice as long as one costs. Where the approximation is never more than a
        diagonal, conjugate gradients take many products, and L-BFGS may take 200 iterations.
    """
    if exact_cost <= _EXACT_PAYS:
        return "newton-cholesky", 0.0
    return "lbfgs", max(_LONG_PATIENCE if is_diagonal else _PATIENCE, 2.0 * refresh_cost)


def minimise(
    objective: Objective,
    theta: np.ndarray,
    *,
    solver: str = "auto",
    tol: float,
    gap_tol: float,
    max_iter: int,
    callback: Callable[[Progress], None] | None = None,
) -> Result:
    """Minimise a smooth function by the method named, or by what `choose` says; the other arguments are those of `lbfgs`."""
    patience = np.inf
    if solver == "auto":
        solver, patience = choose(
            objective.refresh_cost, objective.exact_cost, objective.is_diagonal
        )
    watch = Watch(objective, theta, tol, gap_tol, max_iter, callback)
    del theta  # see `lbfgs`
    if solver == "lbfgs":
        result = lbfgs(
            objective,
            watch.point.theta,
            tol=tol,
            gap_tol=gap_tol,
            max_iter=max_iter,
            watch=watch,
            patience=patience,
        )
        if result.status and not (result.status == "precision" and patience < np.inf):
            return result
        del result
        # Where L-BFGS finds no lower point, its model may be to blame: the Hessian's own tells.
        watch.resume()
    return newton(
        objective,
        watch.point.theta,
        tol=tol,
        gap_tol=gap_tol,
        max_iter=max_iter,
        watch=watch,
        exact=solver == "newton-cholesky",
    )
