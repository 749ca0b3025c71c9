"""Newton's method: each step solves the Hessian's equations by preconditioned conjugate gradients, no more exactly than pays.

References
----------
S. G. Nash, A. Sofer (1990), Assessing a search direction within a truncated-Newton method,
Operations Research Letters 9. R. S. Dembo, T. Steihaug (1983), Truncated-Newton algorithms for
large-scale unconstrained optimization, Mathematical Programming 26.
"""

from collections.abc import Callable

import numpy as np

from .monitor import Objective, Point, Progress, Result, Watch, search
from .vectors import combine, dot

# Conjugate gradients end when the last step gained less than this part of what the steps have
# gained on average.
_PAYS = 0.5
# The inverse Hessian is renewed when so large a part of what that costs has been spent on products
# with the Hessian.
_REFRESH_PART = 0.25
_MAX_STEPS = 100


def _direction(objective: Objective, point: Point, exact: bool) -> tuple[np.ndarray, float, int]:
    """Return a descent direction of the quadratic model, the model's fall along it (positive), and the Hessian products it took."""
    step, residual = np.zeros_like(point.theta), -point.grad
    ahead = objective.precondition(residual, np.empty_like(residual))
    square, fall, k = dot(residual, ahead), 0.0, 0
    if exact:
        return ahead, 0.5 * square, 0
    direction = ahead
    while 0.0 < square < np.inf and k < _MAX_STEPS:
        change = objective.hessian_product(point.theta, direction)
        k += 1
        curvature = dot(direction, change)
        if not curvature > 0.0:
            break
        length = square / curvature
        combine(length, direction, step, step)
        combine(-length, change, residual, residual)
        gain = 0.5 * length * square
        fall += gain
        ahead = objective.precondition(residual, change)
        new_square = dot(residual, ahead)
        if k * gain <= _PAYS * fall:
            break
        direction = combine(new_square / square, direction, ahead, direction)
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
    exact: bool = False,
) -> Result:
    """Minimise a smooth function by Newton's method with conjugate gradients and a line search.

    Parameters
    ----------
    objective : Objective
        Gives value and gradient, products with the Hessian, and an approximate inverse Hessian,
        renewed where that pays.
    theta : ndarray (size,), float64
        Where to start; never written.
    tol, gap_tol, max_iter, callback
        As for `lbfgs`; the gap is estimated by what the model says can still be gained.
    watch : Watch or None
        Where the minimisation stands, when another method has begun it.
    exact : bool
        Factor the Hessian itself in each iteration, and ask for no products.

    Returns
    -------
    Result
    """
    watch = Watch(objective, theta, tol, gap_tol, max_iter, callback) if watch is None else watch
    del theta  # long vectors are let go of as soon as the point has moved on
    spent = np.inf
    while True:
        if exact:
            objective.factor(watch.point.theta)
        elif spent >= _REFRESH_PART * objective.refresh_cost:
            objective.refresh(watch.point.theta, True)
            spent = 0
        direction, fall, n = _direction(objective, watch.point, exact)
        watch.n_evaluations += n
        spent += n
        if watch.ends(2.0 * fall, is_exact=True):
            return watch.result()
        new, n = search(objective, watch.point, direction, dot(watch.point.grad, direction))
        watch.n_evaluations += n
        if new is None:
            watch.give_up()
            return watch.result()
        watch.move(new)
