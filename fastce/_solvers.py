"""Minimisers of smooth functions. They know an objective's protocol, and nothing of losses, data or scikit-learn.

`lbfgs` is limited-memory BFGS (Nocedal 1980) around an inverse Hessian that the objective provides, with a line search that keeps working
where the value no longer changes in float64 (the approximate Wolfe conditions of Hager & Zhang 2005).

References
----------
J. Nocedal (1980), Updating quasi-Newton matrices with limited storage, Mathematics of Computation 35.
W. W. Hager, H. Zhang (2005), A new conjugate gradient method with guaranteed descent and an efficient line search, SIAM J. Optimization 16.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

_EPS = float(np.finfo(np.float64).eps)
# Wolfe conditions: the value must fall by this part of what the first slope promises ...
_DECREASE = 1e-4
# ... and the slope must shrink to this part of the first one. Loose: with a good inverse Hessian the step 1 is almost always right, and
# every evaluation is a pass over the data.
_CURVATURE = 0.9
_MAX_SEARCH = 30
# Values closer than this (relative) are taken for equal: what a well-rounded sum over many rows may be off.
_NOISE = 8 * _EPS
# So many iterations without a lower value or a smaller gap mean that float64 has no more to give.
_MAX_STALL = 20
# The objective may replace its inverse Hessian after these iterations: often at first, when the point moves far, then geometrically.
_FIRST_REFRESH, _REFRESH_GROWTH = 5, 3
# The estimate of the gap is low where the inverse Hessian is poor; the value's own fall over so many iterations, at most so many times the
# gap asked for, stands by it, unless the estimate is as small a part of the gap asked for as _SURELY.
_WINDOW, _WINDOW_GAPS, _SURELY = 3, 10.0, 0.01
_MAX_MEMORY, _MIN_MEMORY, _MEMORY_ENTRIES = 100, 5, 1 << 22


class Objective(Protocol):
    """What a minimiser asks of a function of a float64 vector."""

    floor: float  # values below it are as good as zero: gaps are relative to max(|value|, floor)

    def value_and_grad(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the value and a new gradient array."""

    def precondition(self, vector: np.ndarray) -> np.ndarray:
        """Return a new array: an approximate inverse Hessian, symmetric and positive definite, times `vector`."""

    def refresh(self, theta: np.ndarray) -> bool:
        """Renew the inverse Hessian at `theta` if that pays; tell whether it changed."""


class Progress(NamedTuple):
    """Where a minimiser stands."""

    n_iter: int
    n_evaluations: int
    value: float
    grad_norm: float
    gap: float


class Result(NamedTuple):
    """What a minimiser reached: `status` is ``"converged"``, ``"precision"`` (float64 has no more to give) or ``"max_iter"``."""

    theta: np.ndarray
    value: float
    grad_norm: float
    gap: float
    n_iter: int
    n_evaluations: int
    status: str
    history: list[float]


class _Point(NamedTuple):
    theta: np.ndarray
    value: float
    grad: np.ndarray


class _InverseHessian:
    """The objective's inverse Hessian, corrected by the last steps s and changes of the gradient y."""

    def __init__(self, objective: Objective, memory: int) -> None:
        self.objective = objective
        self.pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=memory)
        self.scale = 1.0

    def forget(self) -> None:
        self.pairs.clear()
        self.scale = 1.0

    def update(self, s: np.ndarray, y: np.ndarray) -> None:
        """Learn one pair, unless the curvature along it is lost in rounding."""
        sy, y_norm = float(s @ y), float(y @ self.objective.precondition(y))
        if sy > _EPS * y_norm > 0.0:
            self.pairs.append((s, y, 1.0 / sy))
            self.scale = sy / y_norm

    def times(self, vector: np.ndarray) -> np.ndarray:
        q, weights = vector.copy(), []
        for s, y, rho in reversed(self.pairs):
            weight = rho * float(s @ q)
            q -= weight * y
            weights.append(weight)
        q = self.objective.precondition(q)
        q *= self.scale
        for (s, y, rho), weight in zip(self.pairs, reversed(weights), strict=True):
            q += (weight - rho * float(y @ q)) * s
        return q


def _between(low: float, high: float, f_low: float, f_high: float, s_low: float, s_high: float, noise: float) -> float:
    """Return the minimiser of a cubic through both ends, or of a parabola where values are missing or noise."""
    width = high - low
    if np.isfinite(s_high) and np.isfinite(f_high) and abs(f_high - f_low) > 10 * noise:
        a = s_low + s_high - 3 * (f_low - f_high) / (low - high)
        square = a * a - s_low * s_high
        if square >= 0.0:
            root = np.sqrt(square)
            bottom = s_high - s_low + 2 * root
            step = high - width * (s_high + root - a) / bottom if bottom > 0.0 else high
        else:
            step = low - s_low * width / (s_high - s_low)
    elif np.isfinite(s_high) and s_high > s_low:
        step = low - s_low * width / (s_high - s_low)
    elif np.isfinite(f_high) and f_high - f_low > s_low * width:
        step = low - s_low * width**2 / (2 * (f_high - f_low - s_low * width))
    else:
        step = low + 0.1 * width  # nothing is known beyond `low`: stay close to it
    return float(min(max(step, low + 0.05 * width), high - 0.05 * width))


def _search(objective: Objective, point: _Point, direction: np.ndarray) -> tuple[_Point | None, int]:
    """Return a point along a descent direction that fulfils the Wolfe or approximate Wolfe conditions, and the evaluations it took.

    If rounding hides such a point, the lowest one seen; None if none was lower.
    """
    first = float(point.grad @ direction)
    noise = _NOISE * abs(point.value)
    low, f_low, s_low = 0.0, point.value, first
    high = f_high = s_high = np.inf
    lowest: _Point | None = None
    step = 1.0
    for n in range(1, _MAX_SEARCH + 1):
        theta = point.theta + step * direction
        value, grad = objective.value_and_grad(theta)
        slope = float(grad @ direction)
        if not (np.isfinite(value) and np.isfinite(slope)):
            high, f_high, s_high = step, np.inf, np.inf
        else:
            here = _Point(theta, value, grad)
            if value < (lowest or point).value:
                lowest = here
            falls = value <= point.value + _DECREASE * step * first
            is_flat = value <= point.value + noise
            if (falls and abs(slope) <= -_CURVATURE * first) or (is_flat and _CURVATURE * first <= slope <= (2 * _DECREASE - 1) * first):
                return here, n
            if slope >= 0.0:
                high, f_high, s_high = step, value, slope
            elif not (falls or is_flat):
                high, f_high, s_high = step, value, np.inf  # it rose in between: the slope here belongs to another valley
            else:
                low, f_low, s_low = step, value, slope
        if high == np.inf:
            # Still downhill: where the secant of the slopes says, but at least twice and at most ten times as far.
            secant = step * first / (first - slope) if slope > first else np.inf
            step = min(max(secant, 2 * step), 10 * step)
        elif high - low <= 4 * _EPS * high:
            break
        else:
            step = _between(low, high, f_low, f_high, s_low, s_high, noise)
    return lowest, n


def lbfgs(
    objective: Objective,
    theta: np.ndarray,
    *,
    tol: float,
    gap_tol: float,
    max_iter: int,
    memory: int | None = None,
    callback: Callable[[Progress], None] | None = None,
) -> Result:
    """Minimise a smooth function by limited-memory BFGS.

    Parameters
    ----------
    objective : Objective
        Gives value and gradient, and an approximate inverse Hessian that may be renewed now and then.
    theta : ndarray (size,), float64
        Where to start; never written.
    tol, gap_tol : float
        It stops when max |gradient| <= `tol` and the estimated gap <= `gap_tol`. With H the current inverse Hessian, the gap is
        g' H g / 2 (what a Newton step would still gain) divided by max(|value|, objective.floor): no unit of any parameter matters.
        Since H may be poor, the value must also have fallen by no more than ten times `gap_tol` in the last three iterations, or the
        estimate must be below a hundredth of `gap_tol`.
    max_iter : int
        Most iterations.
    memory : int or None
        Pairs kept; by default 100, fewer for long vectors so that they stay within 64 MB, but at least 5.
    callback : callable or None
        Called with a `Progress` before the first iteration and after each.

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
    ...     floor = 0.0
    ...     def value_and_grad(self, theta):
    ...         return 1.0 + float((theta - 3.0) @ (theta - 3.0)), 2.0 * (theta - 3.0)
    ...     def precondition(self, vector):
    ...         return vector.copy()
    ...     def refresh(self, theta):
    ...         return False
    >>> result = lbfgs(Parabola(), np.zeros(2), tol=1e-9, gap_tol=1e-9, max_iter=100)
    >>> result.status, result.theta.round(6)
    ('converged', array([3., 3.]))
    """
    if memory is None:
        memory = max(_MIN_MEMORY, min(_MAX_MEMORY, _MEMORY_ENTRIES // max(1, theta.size)))
    inverse = _InverseHessian(objective, memory)
    point = _Point(theta, *objective.value_and_grad(theta))
    if not (np.isfinite(point.value) and np.all(np.isfinite(point.grad))):
        raise ValueError("the objective must be finite at the starting point; got a value or gradient that is not")
    n_iter, n_evaluations, history = 0, 1, [point.value]
    best_gap, stall, next_refresh = np.inf, 0, _FIRST_REFRESH
    status = ""
    while not status:
        direction = -inverse.times(point.grad)
        decrease = -float(point.grad @ direction)
        if not (0.0 < decrease < np.inf) and inverse.pairs:
            # Rounding has spoilt the pairs: start over from the objective's own inverse Hessian.
            inverse.forget()
            continue
        grad_norm = float(np.max(np.abs(point.grad), initial=0.0))
        scale = max(abs(point.value), objective.floor, float(np.finfo(np.float64).tiny))
        gap = 0.5 * max(decrease, 0.0) / scale
        if callback is not None:
            callback(Progress(n_iter, n_evaluations, point.value, grad_norm, gap))
        fallen = (history[max(0, n_iter - _WINDOW)] - point.value) / scale
        is_close = grad_norm <= tol and gap <= gap_tol
        if is_close and (gap <= _SURELY * gap_tol or fallen <= _WINDOW_GAPS * gap_tol):
            status = "converged"
        elif not (0.0 < decrease < np.inf) or stall > _MAX_STALL:
            status = "converged" if is_close else "precision"
        elif n_iter >= max_iter:
            status = "max_iter"
        else:
            new, n = _search(objective, point, direction)
            n_evaluations += n
            if new is None and inverse.pairs:
                inverse.forget()
                new, n = _search(objective, point, -inverse.times(point.grad))
                n_evaluations += n
            if new is None:
                status = "converged" if is_close else "precision"
                continue
            inverse.update(new.theta - point.theta, new.grad - point.grad)
            if gap < 0.9 * best_gap or new.value < point.value - _NOISE * abs(point.value):
                best_gap, stall = min(gap, best_gap), 0
            else:
                stall += 1
            point = new
            n_iter += 1
            history.append(point.value)
            if n_iter == next_refresh:
                next_refresh *= _REFRESH_GROWTH
                if objective.refresh(point.theta):
                    inverse.scale = 1.0
    return Result(point.theta, point.value, grad_norm, gap, n_iter, n_evaluations, status, history)
