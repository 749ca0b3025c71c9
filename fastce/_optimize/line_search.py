"""A line search for the Wolfe conditions that also works where the value no longer changes.

Near the minimum rounding hides the decrease of the value; there the approximate Wolfe conditions of
Hager & Zhang (2005), which need slopes only, decide.

References
----------
W. W. Hager, H. Zhang (2005), A new conjugate gradient method with guaranteed descent and an
efficient line search, SIAM J. Optimization 16.
"""

import numpy as np

from .monitor import VALUE_NOISE
from .objective import Objective, Point
from .vectors import axpy, dot

_EPS = float(np.finfo(np.float64).eps)
# Sufficient decrease (Armijo): the value falls by this part of what the initial slope promises; the
# usual value (Nocedal & Wright, section 3.1).
_SUFFICIENT_DECREASE = 1e-4
# Curvature condition: the slope shrinks to this part of the initial one. Loose, as usual for
# quasi-Newton methods: the step 1 is almost always right, and an evaluation is a pass over the
# data.
_CURVATURE = 0.9
# Most evaluations: a bracket that is halved by each has 1e-9 of its length after them.
_MAX_EVALUATIONS = 30
# A bracket is extrapolated by a factor between these.
_MIN_GROWTH = 2
_MAX_GROWTH = 10
# A trial step keeps this part of the bracket away from its ends.
_MARGIN = 0.05
# Where nothing is known of the upper end, the step is this part of the bracket away from the lower.
_CAUTIOUS_PART = 0.1
# Values that differ by less than this many times their noise do not enter an interpolation.
_CLEAR_DIFFERENCE = 10


def search(
    objective: Objective, point: Point, direction: np.ndarray, slope: float
) -> tuple[Point | None, int]:
    """Return a point along a descent direction, and the number of evaluations it took.

    The point fulfils the Wolfe or the approximate Wolfe conditions. If rounding hides such a point,
    it is the lowest one tried, or None if none was lower. No two trial points exist at once: with
    many parameters they are what takes memory.

    Parameters
    ----------
    objective : Objective
    point : Point
        Where the search starts.
    direction : ndarray (size,)
    slope : float
        That along the direction at the start, below zero.
    """
    noise = VALUE_NOISE * abs(point.value)
    # The ends of the bracket, with value and slope there; infinite where unknown.
    low, f_low, s_low = 0.0, point.value, slope
    high = f_high = s_high = np.inf
    lowest, lowest_step, step = point.value, 0.0, 1.0
    trial: Point | None
    for n_evaluations in range(1, _MAX_EVALUATIONS + 1):
        trial, new_slope = _evaluate(objective, point, direction, step)
        value = trial.value
        if not (np.isfinite(value) and np.isfinite(new_slope)):
            high, f_high, s_high = step, np.inf, np.inf
        else:
            if value < lowest:
                lowest, lowest_step = value, step
            has_decreased = value <= point.value + _SUFFICIENT_DECREASE * step * slope
            is_flat = value <= point.value + noise
            if (has_decreased and abs(new_slope) <= -_CURVATURE * slope) or (
                is_flat
                and _CURVATURE * slope <= new_slope <= (2 * _SUFFICIENT_DECREASE - 1) * slope
            ):
                return trial, n_evaluations
            if new_slope >= 0.0:
                high, f_high, s_high = step, value, new_slope
            elif not (has_decreased or is_flat):
                # The value rose in between: the slope here belongs to another valley.
                high, f_high, s_high = step, value, np.inf
            else:
                low, f_low, s_low = step, value, new_slope
        if n_evaluations == _MAX_EVALUATIONS or (high < np.inf and high - low <= 4 * _EPS * high):
            break
        if high == np.inf:
            # Still downhill: extrapolate to the zero of the slopes' secant.
            secant = step * slope / (slope - new_slope) if new_slope > slope else np.inf
            step = min(max(secant, _MIN_GROWTH * step), _MAX_GROWTH * step)
        else:
            step = _interpolate((low, f_low, s_low), (high, f_high, s_high), noise)
        trial = None  # freed before there is another one
    if lowest_step == step:
        return trial, n_evaluations
    trial = None
    if lowest_step == 0.0:
        return None, n_evaluations
    trial, _ = _evaluate(objective, point, direction, lowest_step)
    return trial, n_evaluations + 1


def _evaluate(
    objective: Objective, point: Point, direction: np.ndarray, step: float
) -> tuple[Point, float]:
    """Return the point a step along a direction, and the slope there."""
    theta = axpy(step, direction, point.theta)
    new = Point(theta, *objective.value_and_grad(theta))
    return new, dot(new.grad, direction)


def _interpolate(
    lower: tuple[float, float, float], upper: tuple[float, float, float], noise: float
) -> float:
    """Return a step inside a bracket, whose ends are (step, value, slope).

    It is the minimiser of the cubic through both ends (Nocedal & Wright, equation 3.59), or of a
    parabola where values or slopes are missing or noise.
    """
    (low, f_low, s_low), (high, f_high, s_high) = lower, upper
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        width = high - low
        has_slope, has_value = np.isfinite(s_high), np.isfinite(f_high)
        if has_slope and has_value and abs(f_high - f_low) > _CLEAR_DIFFERENCE * noise:
            a = s_low + s_high - 3 * (f_low - f_high) / (low - high)
            discriminant = a * a - s_low * s_high
            if discriminant >= 0.0:
                root = np.sqrt(discriminant)
                denominator = s_high - s_low + 2 * root
                step = (
                    high - width * (s_high + root - a) / denominator if denominator > 0.0 else high
                )
            else:
                step = low - s_low * width / (s_high - s_low)
        elif has_slope and s_high > s_low:
            step = low - s_low * width / (s_high - s_low)
        elif has_value and f_high - f_low > s_low * width:
            step = low - s_low * width**2 / (2 * (f_high - f_low - s_low * width))
        else:
            step = low + _CAUTIOUS_PART * width
        if not np.isfinite(step):  # slopes too small for their products
            step = low + 0.5 * width
        return float(min(max(step, low + _MARGIN * width), high - _MARGIN * width))
