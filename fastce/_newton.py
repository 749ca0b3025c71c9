"""Newton's method: each step solves the Hessian's equations by preconditioned conjugate gradients, no more exactly than pays.

References
----------
S. G. Nash, A. Sofer (1990), Assessing a search direction within a truncated-Newton method, Operations Research Letters 9.
R. S. Dembo, T. Steihaug (1983), Truncated-Newton algorithms for large-scale unconstrained optimization, Mathematical Programming 26.
"""

from collections.abc import Callable

import numpy as np

from ._search import Objective, Point, Progress, Result, Watch, search

# Conjugate gradients end when k steps have on average gained this many times what the last one gained.
_PAYS = 0.1
_MAX_STEPS = 100


def _direction(objective: Objective, point: Point) -> tuple[np.ndarray, float, int]:
    """Return a descent direction of the quadratic model, the model's fall along it (positive), and the Hessian products it took."""
    step, residual = np.zeros_like(point.theta), -point.grad
    ahead = objective.precondition(residual)
    square, fall, k = float(residual @ ahead), 0.0, 0
    if objective.is_exact:
        return ahead, 0.5 * square, 0
    direction = ahead
    while 0.0 < square < np.inf and k < _MAX_STEPS:
        change = objective.hessian_product(point.theta, direction)
        k += 1
        curvature = float(direction @ change)
        if not curvature > 0.0:
            break
        length = square / curvature
        step += length * direction
        residual -= length * change
        gain = 0.5 * length * square
        fall += gain
        ahead = objective.precondition(residual)
        new_square = float(residual @ ahead)
        if k * gain <= _PAYS * fall:
            break
        direction = ahead + (new_square / square) * direction
        square = new_square
    return (step, fall, k) if k and fall > 0.0 else (ahead, 0.5 * square, k)


def newton(
    objective: Objective,
    theta: np.ndarray,
    *,
    tol: float,
    gap_tol: float,
    max_iter: int,
    callback: Callable[[Progress], None] | None = None,
    watch: Watch | None = None,
) -> Result:
    """Minimise a smooth function by Newton's method with conjugate gradients and a line search.

    Parameters
    ----------
    objective : Objective
        Gives value and gradient, products with the Hessian, and an approximate inverse Hessian, renewed in each iteration. Where that says
        it is exact, no product is asked for: this is Newton's method with a factored Hessian.
    theta : ndarray (size,), float64
        Where to start; never written.
    tol, gap_tol, max_iter, callback
        As for `lbfgs`; the gap is estimated by what the model says can still be gained.
    watch : Watch or None
        What was counted before, when another method has begun.

    Returns
    -------
    Result
    """
    watch = Watch(objective, theta, tol, gap_tol, max_iter, callback) if watch is None else watch
    while True:
        objective.refresh(watch.point.theta, True)
        direction, fall, n = _direction(objective, watch.point)
        watch.n_evaluations += n
        if watch.ends(2.0 * fall, is_exact=True):
            return watch.result()
        new, n = search(objective, watch.point, direction)
        watch.n_evaluations += n
        if new is None:
            watch.give_up()
            return watch.result()
        watch.move(new)
