"""What every minimiser shares: an objective's protocol, the line search, the bookkeeping and the certified stop.

The line search keeps working where the value no longer changes in float64 (the approximate Wolfe
conditions of Hager & Zhang 2005).

References
----------
W. W. Hager, H. Zhang (2005), A new conjugate gradient method with guaranteed descent and an
efficient line search, SIAM J. Optimization 16.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from .vectors import combine, dot, largest

EPS = float(np.finfo(np.float64).eps)
# Wolfe conditions: the value must fall by this part of what the first slope promises ...
_DECREASE = 1e-4
# ... and the slope must shrink to this part of the first one. Loose: with a good inverse Hessian
# the step 1 is almost always right, and every evaluation is a pass over the data.
_CURVATURE = 0.9
_MAX_SEARCH = 30
# Values closer than this (relative) are taken for equal: what a well-rounded sum over many rows may
# be off.
_NOISE = 8 * EPS
# So many iterations without a lower value or a smaller gap mean that float64 has no more to give.
_MAX_STALL = 20
# The estimate of the gap is low where the inverse Hessian is poor; the value's own fall over so
# many iterations, and what it promises to fall yet, at most so many times the gap asked for, stand
# by it, unless the estimate is as small a part of the gap asked for as _SURELY.
_WINDOW, _WINDOW_GAPS, _SURELY = 3, 10.0, 0.01


class Objective(Protocol):
    """What a minimiser asks of a function of a float64 vector."""

    floor: float  # values below it are as good as zero: gaps are relative to max(|value|, floor)

    @property
    def is_diagonal(self) -> bool:
        """Tell whether the approximate inverse Hessian is a diagonal."""

    @property
    def refresh_cost(self) -> float:
        """What `refresh` costs near the minimum, in evaluations."""

    @property
    def exact_cost(self) -> float:
        """What `factor` costs, in evaluations; infinite where it cannot be done."""

    def value_and_grad(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the value and a new gradient array."""

    def hessian_product(self, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Return a new array: the Hessian at `theta` times `vector`. Asked for by `newton` only."""

    def precondition(self, vector: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write an approximate inverse Hessian, symmetric and positive definite, times `vector` to `out`, which may be it; return it."""

    def refresh(self, theta: np.ndarray, near: bool) -> bool:
        """Renew the inverse Hessian at `theta` if that pays; tell whether it changed.

        Far from the minimum it had better be cautious; `near` the Hessian at `theta` itself is
        wanted.
        """

    def factor(self, theta: np.ndarray) -> None:
        """Make the inverse Hessian that of `theta`, exactly."""


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
    grad: np.ndarray
    grad_norm: float
    gap: float
    n_iter: int
    n_evaluations: int
    status: str
    history: list[float]


class Point(NamedTuple):
    """A vector, the value and the gradient there."""

    theta: np.ndarray
    value: float
    grad: np.ndarray


class Watch:
    """Where a minimisation stands, what it took, and whether it has come to its end.

    It ends when max |gradient| <= `tol` and the estimated gap <= `gap_tol`. The gap is what a step
    of the method's model would still gain, divided by max(|value|, objective.floor): no unit of any
    parameter matters. Unless the model is the Hessian's own, the value must also have fallen by no
    more than ten times `gap_tol` in the last three iterations, and promise no more, or by no more
    than `gap_tol`, or the estimate must be below a hundredth of `gap_tol`.
    """

    def __init__(
        self,
        objective: Objective,
        theta: np.ndarray,
        tol: float,
        gap_tol: float,
        max_iter: int,
        callback: Callable[[Progress], None] | None = None,
    ) -> None:
        self.point = Point(theta, *objective.value_and_grad(theta))
        if not (np.isfinite(self.point.value) and np.all(np.isfinite(self.point.grad))):
            raise ValueError(
                "the objective must be finite at the starting point; got a value or gradient that is not"
            )
        self.objective, self.tol, self.gap_tol, self.max_iter, self.callback = (
            objective,
            tol,
            gap_tol,
            max_iter,
            callback,
        )
        self.n_iter, self.n_evaluations, self.history = 0, 1, [self.point.value]
        self.best_gap, self.stall, self.gap, self.grad_norm = np.inf, 0, np.inf, np.inf
        self.is_close, self.status = False, ""

    def ends(self, decrease: float, *, is_exact: bool = False) -> bool:
        """Take note of twice what the model can still gain, and tell whether that is the end."""
        point, scale = (
            self.point,
            max(abs(self.point.value), self.objective.floor, float(np.finfo(np.float64).tiny)),
        )
        self.grad_norm = largest(point.grad)
        # Nothing to gain where the gradient is not small is what a broken model says.
        is_sound = 0.0 < decrease < np.inf or (decrease == 0.0 and self.grad_norm <= self.tol)
        self.gap = 0.5 * decrease / scale if is_sound else np.inf
        if self.callback is not None:
            self.callback(
                Progress(self.n_iter, self.n_evaluations, point.value, self.grad_norm, self.gap)
            )
        earlier = self.history[max(0, self.n_iter - _WINDOW)]
        fallen, before = (
            (earlier - point.value) / scale,
            (self.history[max(0, self.n_iter - 2 * _WINDOW)] - earlier) / scale,
        )
        # What is left if the value goes on falling by the same factor.
        left = fallen * fallen / (before - fallen) if before > fallen else np.inf
        is_level = fallen <= self.gap_tol or max(fallen, left) <= _WINDOW_GAPS * self.gap_tol
        # What lies below the floor is as good as zero, so nothing is left to gain there.
        is_exact = is_exact or point.value <= self.objective.floor
        self.is_close = self.grad_norm <= self.tol and (
            self.gap <= self.gap_tol or point.value <= self.objective.floor
        )
        if self.is_close and (is_exact or self.gap <= _SURELY * self.gap_tol or is_level):
            self.status = "converged"
        elif not (0.0 < decrease < np.inf) or self.stall > _MAX_STALL:
            self.status = "converged" if self.is_close else "precision"
        elif self.n_iter >= self.max_iter:
            self.status = "max_iter"
        return self.status != ""

    def move(self, new: Point) -> None:
        """Go to the next point."""
        if self.gap < 0.9 * self.best_gap or new.value < self.point.value - _NOISE * abs(
            self.point.value
        ):
            self.best_gap, self.stall = min(self.gap, self.best_gap), 0
        else:
            self.stall += 1
        self.point = new
        self.n_iter += 1
        self.history.append(new.value)

    def give_up(self) -> None:
        """End where no lower point was found."""
        self.status = "converged" if self.is_close else "precision"

    def resume(self) -> None:
        """Begin anew from here with another method."""
        self.best_gap, self.stall, self.gap, self.is_close, self.status = (
            np.inf,
            0,
            np.inf,
            False,
            "",
        )

    def result(self) -> Result:
        """Return what was reached."""
        point = self.point
        reached = (
            self.grad_norm,
            self.gap,
            self.n_iter,
            self.n_evaluations,
            self.status,
            self.history,
        )
        return Result(*point, *reached)


def _between(
    low: float, high: float, f_low: float, f_high: float, s_low: float, s_high: float, noise: float
) -> float:
    """Return the minimiser of a cubic through both ends, or of a parabola where values are missing or noise."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
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
        if not np.isfinite(step):  # slopes too small for their products
            step = low + 0.5 * width
        return float(min(max(step, low + 0.05 * width), high - 0.05 * width))


def _point(objective: Objective, point: Point, direction: np.ndarray, step: float) -> Point:
    theta = combine(step, direction, point.theta)
    return Point(theta, *objective.value_and_grad(theta))


def search(
    objective: Objective, point: Point, direction: np.ndarray, first: float
) -> tuple[Point | None, int]:
    """Return a point along a descent direction that fulfils the Wolfe or approximate Wolfe conditions, and the evaluations it took.

    If rounding hides such a point, the lowest one seen; None if none was lower. The slope at first
    is that of the point itself. No two trial points exist at once: with many parameters they are
    what takes memory.
    """
    noise = _NOISE * abs(point.value)
    low, f_low, s_low = 0.0, point.value, first
    high = f_high = s_high = np.inf
    lowest, lowest_step, step = point.value, 0.0, 1.0
    here: Point | None
    for n in range(1, _MAX_SEARCH + 1):
        here = _point(objective, point, direction, step)
        value, slope = here.value, dot(here.grad, direction)
        if not (np.isfinite(value) and np.isfinite(slope)):
            high, f_high, s_high = step, np.inf, np.inf
        else:
            if value < lowest:
                lowest, lowest_step = value, step
            falls = value <= point.value + _DECREASE * step * first
            is_flat = value <= point.value + noise
            if (falls and abs(slope) <= -_CURVATURE * first) or (
                is_flat and _CURVATURE * first <= slope <= (2 * _DECREASE - 1) * first
            ):
                return here, n
            if slope >= 0.0:
                high, f_high, s_high = step, value, slope
            elif not (falls or is_flat):
                high, f_high, s_high = (
                    step,
                    value,
                    np.inf,
                )  # it rose in between: the slope here belongs to another valley
            else:
                low, f_low, s_low = step, value, slope
        if n == _MAX_SEARCH or (high < np.inf and high - low <= 4 * EPS * high):
            break
        if high == np.inf:
            # Still downhill: where the secant of the slopes says, but at least twice and at most
            # ten times as far.
            secant = step * first / (first - slope) if slope > first else np.inf
            step = min(max(secant, 2 * step), 10 * step)
        else:
            step = _between(low, high, f_low, f_high, s_low, s_high, noise)
        here = None  # before there is another one
    if lowest_step == step:
        return here, n
    here = None
    if lowest_step == 0.0:
        return None, n
    return _point(objective, point, direction, lowest_step), n + 1
