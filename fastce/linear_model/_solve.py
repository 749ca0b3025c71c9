"""The fit of a linear classifier: a minimisation, in the row space where that is smaller.

This file loads Numba.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._core.design import as_design
from .._linear import certificate, orthonormal, row_space, separation
from .._linear.curvature import hessian_diagonal
from .._linear.judge import judge
from .._linear.loss import LinearLoss
from .._linear.shard import Shard
from .._optimize import minimise
from .._optimize.monitor import Result, StartError
from .._optimize.status import CONVERGED, MAX_ITER, PRECISION, STOPPED
from ._ends import (
    Solution,
    by_hessian,
    certified,
    is_promising,
    is_saturated,
    is_sound,
    judged,
    orthonormal_columns,
    refined,
)
from ._validation import Problem, Settings, Start
from ._watching import callback_of, copies, expanding, parts_of

# Where float64 has no more to give, an entry of the gradient of the mean objective may have this
# size: the default of `tol`, so that the precision of float64 is no reason to warn of what `tol`
# allows.
_SMALL_GRADIENT = 1e-4
# A larger entry is rounding error where a Newton step along it gains at most this part of the
# objective: far below the 1e-6 that a fit may end above its minimum.
_NO_GAIN = 1e-10
# The gradient by the columns of X of a fit in the row space may be this many times as large as the
# row space's coordinates promise: room for rounding.
_ROUNDING_ROOM = 1.01
# Multiply-adds that the judge may take, of those of an evaluation by which the model was found.
_JUDGE_COST = 2.0


class _Minimum(NamedTuple):
    """The result of a minimisation: parameters as views of the packed vector."""

    result: Result
    coef: np.ndarray
    intercept: np.ndarray


def solve(problem: Problem, start: Start, settings: Settings) -> Solution:
    """Fit a linear classifier.

    Parameters
    ----------
    problem : Problem
    start : tuple of ndarray, coef (K, p) and intercept (K,), or None
        The initial model; None for the null model.
    settings : Settings
    """
    solution = None
    if row_space.pays(problem.X):
        solution = _solve_in_row_space(problem, start, settings)
    if solution is None:
        solution = _solve_in_columns(problem, start, settings)
    is_ended = solution.result.status != STOPPED
    if is_ended and problem.penalty == 0.0 and problem.label_smoothing == 0.0:
        separated = _separated(problem, solution)
        solution = solution._replace(separated=separated)
    return solution._replace(columns=None)


def _separated(problem: Problem, solution: Solution) -> tuple[int, ...]:
    """Return the classes that the columns take apart: asked where nothing else holds them."""
    if problem.target.ndim == 2:
        # a row between classes comes apart from none
        if not np.all(problem.target.max(axis=1) == 1.0):
            return ()
        problem = problem._replace(target=problem.target.argmax(axis=1))
    rows = separation.Rows(problem.target, problem.weights)
    logits = separation.logits_of(problem.X, solution.coef, solution.intercept)
    classes = separation.completely_separated(rows, logits)
    if classes or not separation.may_be_separated(rows, logits):
        return tuple(classes)
    columns = solution.columns
    if columns is None and not orthonormal.fits(problem.X):
        return ()
    objective = _objective(problem)
    columns = orthonormal_columns(objective) if columns is None else columns
    if separation.is_held(rows, columns, columns.logits(solution.coef, solution.intercept)):
        return ()
    step = separation.direction(rows, columns, objective.n_outputs)
    if step is None:
        step = judge(objective, columns, solution.coef, solution.intercept).step
    return tuple(separation.separated_along(rows, step))


def _solve_in_columns(problem: Problem, start: Start, settings: Settings) -> Solution:
    objective = _objective(problem)
    found = _minimise(objective, start, settings)
    coef, intercept = copies(found.coef, found.intercept)
    result = found.result
    solution = Solution(coef, intercept, result, result.status == CONVERGED)
    if result.status == STOPPED:
        return solution
    if result.status == MAX_ITER and not is_promising(result, settings):
        return solution
    if result.n_iter < settings.max_iter and is_saturated(objective, result):
        solution = by_hessian(objective, solution, settings)
        result = solution.result
        if solution.is_optimal or result.status in (MAX_ITER, STOPPED):
            return solution
    elif result.status == CONVERGED and is_sound(objective, result):
        return solution
    n, size = problem.X.shape[0], objective.size
    if orthonormal.fits(problem.X, _JUDGE_COST * result.n_evaluations * n * size):
        return judged(objective, solution, settings)
    if np.isfinite(certificate.condition(objective)):
        return certified(objective, solution, settings)

    def gradient_is_rounding() -> bool:
        grad_coef, grad_intercept = objective.parts(result.grad)
        if not np.abs(grad_intercept).max(initial=0.0) <= _SMALL_GRADIENT:
            return False
        curvatures = _hessian_diagonal(problem, solution.coef, solution.intercept)
        value = result.value
        return _is_negligible(grad_coef.T, curvatures, _SMALL_GRADIENT, value)

    is_optimal = _is_optimal(result, settings.gap_tol, gradient_is_rounding)
    return solution._replace(is_optimal=is_optimal)


def _solve_in_row_space(problem: Problem, start: Start, settings: Settings) -> Solution | None:
    """Return the solution found in coordinates of the rows of X, or None where they do not hold it.

    A row that is much larger than others may hide them from these coordinates: the gradient by the
    columns of X itself shows it.
    """
    space = row_space.RowSpace(problem.X, centre=problem.fit_intercept)
    stretch = space.largest_stretch
    in_space = problem._replace(X=as_design(space.Y))
    found = _solve_in_columns(
        in_space,
        None if start is None else space.reduce(*start),
        settings._replace(
            tol=settings.tol / stretch, watch=expanding(settings.watch, space.expand)
        ),
    )
    if found.result.status == STOPPED:
        coef, intercept = space.expand(found.coef, found.intercept)
        grad, of_intercept = _gradient(problem, coef, intercept)
    elif space.has_close_rows:
        found = refined(_objective(in_space), space, found)
        coef, intercept = found.coef, found.intercept
        grad, of_intercept = _gradient(problem, coef, intercept)
    else:
        coef, intercept = space.expand(found.coef, found.intercept)
        grad, of_intercept = _gradient(problem, coef, intercept)
        curvatures = _hessian_diagonal(problem, coef, intercept)
        most = _ROUNDING_ROOM * max(settings.tol, stretch * found.result.grad_norm)
        if not _is_negligible(grad, curvatures, most, found.result.value):
            return None
    if problem.fit_intercept:
        grad = np.vstack([grad, of_intercept])
    result = found.result._replace(grad_norm=float(np.abs(grad).max()))
    return found._replace(coef=coef, intercept=intercept, result=result, columns=None)


def _objective(problem: Problem) -> LinearLoss:
    return LinearLoss(
        problem.X,
        problem.target,
        problem.n_classes,
        weights=problem.weights,
        penalty=problem.penalty,
        fit_intercept=problem.fit_intercept,
        label_smoothing=problem.label_smoothing,
    )


def _minimise(
    objective: LinearLoss,
    start: Start,
    settings: Settings,
) -> _Minimum:
    try:
        # neither a name nor a tuple of arguments keeps the vector that it starts from, which is
        # freed as soon as the point has moved on
        result = minimise.minimise(
            objective,
            objective.start() if start is None else objective.pack(*start),
            solver=settings.solver,
            tol=settings.tol,
            gap_tol=settings.gap_tol,
            max_iter=settings.max_iter,
            # a null model is no fit, however small the columns' unit makes the gradient
            min_iter=1 if start is None else 0,
            callback=callback_of(settings, objective, copies),
        )
    except StartError:
        if start is None:
            raise
        largest = max(float(np.abs(part).max(initial=0.0)) for part in start)
        raise ValueError(
            "coef_ and intercept_ must be finite, and so small that the objective is, when "
            f"warm_start is set; got numbers up to {largest:g}"
        ) from None
    return _Minimum(result, *parts_of(objective, result.theta))


def _gradient(
    problem: Problem, coef: np.ndarray, intercept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient by coef, (p, K), and by the intercept, (K,)."""
    shard = Shard(
        problem.X,
        problem.target,
        problem.n_classes,
        weights=problem.weights,
        label_smoothing=problem.label_smoothing,
    )
    theta = np.concatenate([coef.T.ravel(), intercept])
    table = shard.value_and_grad(theta)[1].reshape(-1, len(coef))
    return table[:-1] + problem.penalty * coef.T, table[-1]


def _hessian_diagonal(problem: Problem, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """Return the diagonal of the Hessian by coef, (p, K)."""
    table = np.ascontiguousarray(coef.T)
    return hessian_diagonal(problem.X, table, intercept, problem.weights) + problem.penalty


def _is_optimal(
    result: Result, gap_tol: float, gradient_is_rounding: Callable[[], bool] = lambda: False
) -> bool:
    """Tell whether a fit has ended at the minimum, as far as float64 can tell.

    It has where it converged. Where it ended at the precision of float64 instead, a gradient above
    `tol` is no fault of the fit if the objective is at its minimum, which needs both:

    - the estimated gap is within its tolerance;
    - since rounding may have broken the model that this estimate comes from, the gradient is small
      itself: no entry is above `_SMALL_GRADIENT`, or those that are can be shown to be rounding
      errors (a pass over X, made only where all else holds).
    """
    if result.status != PRECISION:
        return result.status == CONVERGED
    if not result.gap <= gap_tol:
        return False
    return result.grad_norm <= _SMALL_GRADIENT or gradient_is_rounding()


def _is_negligible(grad: np.ndarray, curvatures: np.ndarray, most: float, value: float) -> bool:
    """Tell whether each entry g of a gradient is small, or all but nothing is gained along it.

    Small is at most `most`; the gain of a Newton step along it is g^2 / (2 curvature), and at most
    `_NO_GAIN` of the objective's value is all but nothing.
    """
    bound = np.maximum(most, np.sqrt(2.0 * _NO_GAIN * abs(value) * curvatures))
    return bool(np.all(np.abs(grad) <= bound))
