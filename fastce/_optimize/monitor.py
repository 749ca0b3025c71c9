"""The state of a minimisation, its history, and the test that ends it."""

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import numpy as np

from .objective import Objective, Point
from .status import CONVERGED, MAX_ITER, PRECISION, RUNNING, STOPPED
from .vectors import amax

# Values whose relative difference is below this count as equal: eight times float64's epsilon, the
# rounding error of a carefully summed loss over many rows.
VALUE_NOISE = 8 * float(np.finfo(np.float64).eps)
# Iterations without a lower value or a smaller gap after which float64 has no more to give.
_MAX_STALLED = 20
# A gap is smaller than the best one when it is below this part of it.
_GAP_PROGRESS = 0.9
# The estimated gap is too low where the preconditioner is poor, so the fall of the value over this
# many iterations is looked at, too ...
_WINDOW = 3
# ... which may be at most this many times `gap_tol`, as may the fall that is still expected ...
_WINDOW_GAPS = 10.0
# ... unless the estimate is below this part of `gap_tol`: estimates were seen up to 59 times too
# low.
_CERTAIN_PART = 0.01
# With the Hessian itself, gaps fall ever faster near the minimum: by this factor at least from one
# iteration to the next, unless rounding keeps them. Where rows whose curvature is about to vanish
# hold up others, they fall by a constant factor, and say nothing of the distance.
_NEWTON_FALL = 0.1
# Iterations without a lower value or a smaller gap after which that is rounding.
_NEWTON_STALLED = 2
_TINY = float(np.finfo(np.float64).tiny)


class StartError(ValueError):
    """The objective is not finite where a minimisation is to start."""


class Progress(NamedTuple):
    """Where a minimiser stands: what a callback is given.

    `theta` is the point itself, not a copy: it is never written, by either side.
    """

    n_iter: int
    n_evaluations: int
    value: float
    grad_norm: float
    gap: float
    theta: np.ndarray


class Result(NamedTuple):
    """What a minimiser reached.

    `status` is one of `fastce._optimize.status`. `history`, `grad_norms` and `times` have an entry
    for the start and one for each iteration: the value, max |gradient|, and the reading of
    `time.perf_counter`.
    """

    theta: np.ndarray
    value: float
    grad: np.ndarray
    grad_norm: float
    gap: float
    n_iter: int
    n_evaluations: int
    status: str
    history: list[float]
    grad_norms: list[float]
    times: list[float]


class Monitor:
    """The state of a minimisation: the current point, the history, and whether it has ended.

    It ends when max |gradient| <= `tol` and the estimated gap <= `gap_tol`. The gap is what a step
    of the method's quadratic model would still gain, divided by max(|value|, objective.floor): the
    units of the parameters do not matter. Below the floor the gap decides alone, and where there
    need be no minimum that is the end. If the model has the Hessian itself, the gap must also have
    fallen to a tenth since the iteration before. Otherwise, the value must have levelled off: over
    the last three iterations it has fallen by no more than `gap_tol`, or has fallen and will fall
    by no more than ten times that; or the estimate is below a hundredth of `gap_tol`.

    Parameters
    ----------
    objective : Objective
    theta : ndarray (size,), float64
        The starting point; never written.
    tol : float
        Largest absolute entry of the gradient at the end.
    gap_tol : float
        Largest estimated relative distance to the minimum's value at the end.
    max_iter : int
        Most iterations.
    min_iter : int
        Least iterations, unless the gradient is exactly 0 or no lower point can be found.
    callback : callable or None
        Called with a `Progress` before the first iteration and after each; the minimisation ends
        there when it returns something true.

    Raises
    ------
    StartError
        If the value or the gradient is not finite at the starting point.
    """

    def __init__(
        self,
        objective: Objective,
        theta: np.ndarray,
        *,
        tol: float,
        gap_tol: float,
        max_iter: int,
        min_iter: int = 0,
        callback: Callable[[Progress], object] | None = None,
    ) -> None:
        self.point = Point(theta, *objective.value_and_grad(theta))
        if not (np.isfinite(self.point.value) and np.all(np.isfinite(self.point.grad))):
            raise StartError(
                "the objective must be finite at the starting point; "
                "got a value or gradient that is not"
            )
        self.objective = objective
        self.tol = tol
        self.gap_tol = gap_tol
        self.max_iter, self.min_iter = max_iter, min_iter
        self.callback = callback
        self.n_iter = 0
        self.n_evaluations = 1
        self.history = [self.point.value]
        self.grad_norms: list[float] = []
        self.times: list[float] = []
        self.grad_norm = np.inf
        self.resume()

    def resume(self) -> None:
        """Forget the estimates and the status: another method goes on from here."""
        self.gap = self._best_gap = self._last_gap = np.inf
        self._n_stalled = 0
        self._is_within_tolerance = False
        self.status = RUNNING

    def check(self, decrement: float, *, has_hessian: bool = False) -> bool:
        """Tell whether the minimisation ends at this point; `status` then says why.

        Parameters
        ----------
        decrement : float
            The squared Newton decrement of the method's model, g^T H^-1 g: twice what the model can
            still gain.
        has_hessian : bool
            Whether H is the Hessian itself and not an approximation.
        """
        value, floor = self.point.value, self.objective.floor
        scale = max(abs(value), floor, _TINY)
        self.grad_norm = amax(self.point.grad)
        is_descent = 0.0 < decrement < np.inf
        # A model that gains nothing where the gradient is large is broken.
        is_sound = is_descent or (decrement == 0.0 and self.grad_norm <= self.tol)
        self.gap = 0.5 * decrement / scale if is_sound else np.inf
        # Where another method goes on from a point, it has been noted already.
        is_stopped = len(self.times) == self.n_iter and self._note()
        # Below the floor a value is as good as zero, so nothing is left to gain there, whatever the
        # gradient: without a minimum that is the end.
        is_below_floor = value <= floor
        is_end = is_below_floor and not self.objective.has_minimum
        self._is_within_tolerance = is_end or (
            self.gap <= self.gap_tol and (self.grad_norm <= self.tol or is_below_floor)
        )
        if has_hessian:
            is_sure = is_below_floor or self._is_quadratic()
        else:
            is_sure = is_end or self.gap <= _CERTAIN_PART * self.gap_tol or self._is_level(scale)
        if is_stopped:
            self.status = STOPPED
        elif self._is_within_tolerance and is_sure and not self._must_move():
            self.status = CONVERGED
        elif not is_descent or self._n_stalled > _MAX_STALLED:
            self.give_up()
        elif self.n_iter >= self.max_iter:
            self.status = MAX_ITER
        return self.status != RUNNING

    def _note(self) -> bool:
        """Note the point in the histories, and tell whether the callback ends it here."""
        self.grad_norms.append(self.grad_norm)
        self.times.append(perf_counter())
        if self.callback is None:
            return False
        value, theta = self.point.value, self.point.theta
        return bool(
            self.callback(
                Progress(self.n_iter, self.n_evaluations, value, self.grad_norm, self.gap, theta)
            )
        )

    def _must_move(self) -> bool:
        # Rounding alone may make a gradient that is 0 other than that: `give_up` ends it then.
        return self.n_iter < self.min_iter and bool(np.any(self.point.grad))

    def _is_quadratic(self) -> bool:
        """Tell whether the gap has fallen as it does near the minimum, or is rounding."""
        has_fallen = self.gap <= _NEWTON_FALL * self._last_gap
        return has_fallen or self.gap <= VALUE_NOISE or self._n_stalled >= _NEWTON_STALLED

    def _is_level(self, scale: float) -> bool:
        """Tell whether the value has all but stopped falling, relative to `scale`."""
        earlier = self.history[max(0, self.n_iter - _WINDOW)]
        fall = (earlier - self.point.value) / scale
        fall_before = (self.history[max(0, self.n_iter - 2 * _WINDOW)] - earlier) / scale
        # What is left if the value goes on falling by the same factor: a geometric series.
        expected = fall * fall / (fall_before - fall) if fall_before > fall else np.inf
        return fall <= self.gap_tol or max(fall, expected) <= _WINDOW_GAPS * self.gap_tol

    def move(self, new: Point) -> None:
        """Go to the next point."""
        is_lower = new.value < self.point.value - VALUE_NOISE * abs(self.point.value)
        if self.gap < _GAP_PROGRESS * self._best_gap or is_lower:
            self._best_gap, self._n_stalled = min(self.gap, self._best_gap), 0
        else:
            self._n_stalled += 1
        self.point, self._last_gap = new, self.gap
        self.n_iter += 1
        self.history.append(new.value)

    def give_up(self) -> None:
        """End here: no lower point can be found."""
        self.status = CONVERGED if self._is_within_tolerance else PRECISION

    def result(self) -> Result:
        """Return what was reached."""
        return Result(
            *self.point,
            grad_norm=self.grad_norm,
            gap=self.gap,
            n_iter=self.n_iter,
            n_evaluations=self.n_evaluations,
            status=self.status,
            history=self.history,
            grad_norms=self.grad_norms,
            times=self.times,
        )
