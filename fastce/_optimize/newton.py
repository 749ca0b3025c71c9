"""Newton's method with a line search: by preconditioned conjugate gradients, or a factored Hessian.

References
----------
S. G. Nash, A. Sofer (1990), Assessing a search direction within a truncated-Newton method,
Operations Research Letters 9. R. S. Dembo, T. Steihaug (1983), Truncated-Newton algorithms for
large-scale unconstrained optimization, Mathematical Programming 26.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .line_search import search
from .monitor import Monitor
from .objective import Objective, Point
from .vectors import axpy, dot

# Conjugate gradients end when the last step gained less than this part of what the steps have
# gained on average (Nash & Sofer's test, with their value).
_WORTHWHILE_GAIN = 0.5
# Most steps of conjugate gradients: a bound for Hessians that the preconditioner does not fit.
_MAX_CG_STEPS = 100
# The preconditioner is renewed once products with the Hessian have taken this part of what a
# renewal costs.
_REFRESH_AFTER = 0.25


class _Step(NamedTuple):
    """A descent direction, what the quadratic model gains along it, and the products it took."""

    direction: np.ndarray
    gain: float
    n_products: int


def newton_cg(monitor: Monitor) -> None:
    """Minimise by truncated Newton steps until the monitor says that it ends.

    Each step solves the Hessian's equations by conjugate gradients, no more exactly than pays. The
    preconditioner is renewed at the current point as products with the Hessian add up.
    """
    objective, n_since_refresh = monitor.objective, np.inf

    def find_step(point: Point) -> _Step:
        nonlocal n_since_refresh
        if n_since_refresh >= _REFRESH_AFTER * objective.refresh_cost:
            objective.refresh(point.theta, True)
            n_since_refresh = 0
        step = _conjugate_gradients(objective, point)
        n_since_refresh += step.n_products
        return step

    _iterate(monitor, find_step)


def newton_cholesky(monitor: Monitor) -> None:
    """Minimise by Newton steps with a factored Hessian until the monitor says that it ends."""
    objective = monitor.objective

    def find_step(point: Point) -> _Step:
        objective.factor(point.theta)
        return _preconditioned_gradient(objective, point)

    _iterate(monitor, find_step)


def _iterate(monitor: Monitor, find_step: Callable[[Point], _Step]) -> None:
    while True:
        direction, gain, n_products = find_step(monitor.point)
        monitor.n_evaluations += n_products
        if monitor.check(2.0 * gain, has_hessian=True):
            return
        slope = dot(monitor.point.grad, direction)
        new, n_evaluations = search(monitor.objective, monitor.point, direction, slope)
        monitor.n_evaluations += n_evaluations
        if new is None:
            monitor.give_up()
            return
        monitor.move(new)


def _preconditioned_gradient(objective: Objective, point: Point) -> _Step:
    residual = -point.grad
    direction = objective.precondition(residual, np.empty_like(residual))
    return _Step(direction, 0.5 * dot(residual, direction), 0)


def _conjugate_gradients(objective: Objective, point: Point) -> _Step:
    """Return a descent direction of the quadratic model at a point.

    That is the preconditioned gradient where the first product finds no positive curvature.
    """
    step, residual = np.zeros_like(point.theta), -point.grad
    # The preconditioned residual z, and its product with the residual.
    z = objective.precondition(residual, np.empty_like(residual))
    rz, gain, k = dot(residual, z), 0.0, 0
    direction = z
    while 0.0 < rz < np.inf and k < _MAX_CG_STEPS:
        product = objective.hessian_product(point.theta, direction)
        k += 1
        curvature = dot(direction, product)
        if not curvature > 0.0:
            break
        length = rz / curvature
        axpy(length, direction, step, step)
        axpy(-length, product, residual, residual)
        last_gain = 0.5 * length * rz
        gain += last_gain
        z = objective.precondition(residual, product)
        new_rz = dot(residual, z)
        if k * last_gain <= _WORTHWHILE_GAIN * gain:
            break
        direction = axpy(new_rz / rz, direction, z, direction)
        rz = new_rz
    return _Step(step, gain, k) if k and gain > 0.0 else _Step(z, 0.5 * rz, k)
