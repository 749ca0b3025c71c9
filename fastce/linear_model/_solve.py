"""The fit of a linear classifier: a minimisation, in the row space where that is smaller.

This file loads Numba.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._core.design import as_design
from .._linear import orthonormal, row_space, separation
from .._linear.curvature import hessian_diagonal
from .._linear.judge import ABOVE, MINIMUM, TOLERANCE, judge
from .._linear.loss import LinearLoss
from .._linear.orthonormal_loss import OrthonormalLoss
from .._linear.shard import Shard
from .._optimize import minimise
from .._optimize.monitor import STOPPED, Progress, Result, StartError
from ._validation import Problem, Settings, Start

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


# A Hessian of this condition has lost half of its digits: what a preconditioner that is made from
# it says of the distance to the minimum is asked of the judge.
_MAX_CONDITION = 1e8
# Estimates of L-BFGS may be too low, too, where the Hessian is less ill-conditioned, or where
# hardly any loss is left and other rows curve it than where the preconditioner was made: from this
# condition on, or below this part of the null model's objective, the judge is asked where that is
# cheap, by multiply-adds.
_CHEAP_CONDITION, _CONFIDENT_VALUE, _CHEAP = 1e4, 0.05, 2e6
# The judge allows this many times the gap at which a minimisation ends.
_GAPS = 10.0
# A gap below this is rounding, whatever the tolerance.
_LEAST_TOLERANCE = 1e-12


class Solution(NamedTuple):
    """The model that was found, (K, p) and (K,), and what the minimiser says of it.

    `is_optimal` tells whether the objective is at its minimum, as far as float64 can tell;
    `separated` are the numbers of classes that columns take apart, so that there is no minimum.
    """

    coef: np.ndarray
    intercept: np.ndarray
    result: Result
    is_optimal: bool
    separated: tuple[int, ...] = ()


class _Minimum(NamedTuple):
    """The result of a minimisation: parameters and gradient as views of the packed vectors."""

    result: Result
    coef: np.ndarray
    intercept: np.ndarray
    grad_coef: np.ndarray
    grad_intercept: np.ndarray


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
    return solution


def _separated(problem: Problem, solution: Solution) -> tuple[int, ...]:
    """Return the classes that the columns take apart: asked where nothing else holds them."""
    if problem.target.ndim == 2:
        # a row between classes comes apart from none
        if not np.all(problem.target.max(axis=1) == 1.0):
            return ()
        problem = problem._replace(target=problem.target.argmax(axis=1))
    rows = _objective(problem).shard
    logits = separation.logits_of(rows, solution.coef, solution.intercept)
    classes = separation.completely_separated(rows, logits)
    if classes or not separation.may_be_separated(rows, logits):
        return tuple(classes)
    if not orthonormal.fits(problem.X):
        return ()
    objective = _objective(problem)
    columns = _orthonormal(objective)
    step = separation.direction(rows, columns.basis)
    if step is None:
        step = judge(objective, columns, solution.coef, solution.intercept).step
    return tuple(separation.separated_along(rows, step))


def _solve_in_columns(problem: Problem, start: Start, settings: Settings) -> Solution:
    objective = _objective(problem)
    found = _minimise(objective, start, settings)
    coef, intercept = _copy(found.coef, found.intercept)
    solution = Solution(coef, intercept, found.result, found.result.status == "converged")
    if found.result.status in ("max_iter", STOPPED):
        return solution
    if found.result.status == "converged" and _is_sound(objective, found.result):
        return solution
    if orthonormal.fits(problem.X):
        return _judged(objective, solution, settings)

    def gradient_is_rounding() -> bool:
        if not np.abs(found.grad_intercept).max(initial=0.0) <= _SMALL_GRADIENT:
            return False
        curvatures = _hessian_diagonal(problem, coef, intercept)
        value = found.result.value
        return _is_negligible(found.grad_coef.T, curvatures, _SMALL_GRADIENT, value)

    is_optimal = _is_optimal(found.result, settings.gap_tol, gradient_is_rounding)
    return solution._replace(is_optimal=is_optimal)


def _is_sound(objective: LinearLoss, result: Result) -> bool:
    """Tell whether a minimiser's own estimate of the distance to the minimum is to be trusted."""
    if objective.condition > _MAX_CONDITION:
        return False
    n_rows, n_parameters = objective.shard.design.shape[0], objective.size
    if n_rows * n_parameters**2 > _CHEAP:
        return True
    is_confident = result.value < _CONFIDENT_VALUE * objective.null_value
    return not (is_confident or objective.condition > _CHEAP_CONDITION)


def _judged(objective: LinearLoss, solution: Solution, settings: Settings) -> Solution:
    """Return the solution as the judge has it, gone on with in orthonormal columns if need be."""
    columns = _orthonormal(objective)
    tolerance = min(TOLERANCE, max(_LEAST_TOLERANCE, _GAPS * settings.gap_tol))
    verdict = judge(objective, columns, solution.coef, solution.intercept, tolerance)
    if verdict.answer == ABOVE and solution.result.n_iter < settings.max_iter:
        other = _go_on(objective, columns, solution, settings)
        if other.result.status == STOPPED:
            return other
        other_verdict = judge(objective, columns, other.coef, other.intercept, tolerance)
        if other_verdict.value < verdict.value:
            solution, verdict = other, other_verdict
            # rounding of the logits is in the value of the objective, not in the judge's
            history = [*other.result.history[:-1], verdict.value]
            result = other.result._replace(value=verdict.value, history=history)
            solution = other._replace(result=result)
    return solution._replace(is_optimal=verdict.answer == MINIMUM)


def _orthonormal(objective: LinearLoss) -> orthonormal.OrthonormalColumns:
    rows, penalty = objective.shard, objective.penalty / objective.curvature
    return orthonormal.OrthonormalColumns(
        rows.design, rows.weights, penalty, centre=rows.fit_intercept
    )


def _go_on(
    objective: LinearLoss,
    columns: orthonormal.OrthonormalColumns,
    solution: Solution,
    settings: Settings,
) -> Solution:
    loss, first = OrthonormalLoss(objective, columns), solution.result
    starts = [loss.pack(*columns.reduce(solution.coef, solution.intercept))]
    null = np.zeros_like(loss.parts(starts[0])[0]), objective.parts(objective.start())[1]
    starts.append(loss.pack(*null))
    values = [loss.value_and_grad(theta)[0] for theta in starts]
    theta = starts[0] if values[0] <= values[1] else starts[1]  # the second where one is NaN
    n_left = settings.max_iter - first.n_iter
    result = minimise.minimise(
        loss,
        theta,
        solver=settings.solver,
        tol=settings.tol,
        gap_tol=settings.gap_tol,
        max_iter=n_left,
        callback=_callback(settings, loss, columns.expand, first.n_iter),
    )
    coef, intercept = columns.expand(*loss.parts(result.theta))
    table = objective.pack(coef, intercept if objective.fit_intercept else np.zeros(len(coef)))
    value, grad = objective.value_and_grad(table)
    result = result._replace(
        value=value,
        grad_norm=float(np.abs(grad).max(initial=0.0)),
        n_iter=first.n_iter + result.n_iter,
        n_evaluations=first.n_evaluations + result.n_evaluations + 1,
        history=[*(first.history + result.history[1:])[:-1], value],
        grad_norms=first.grad_norms + result.grad_norms[1:],
        times=first.times + result.times[1:],
    )
    return Solution(coef, intercept, result, True)


def _solve_in_row_space(problem: Problem, start: Start, settings: Settings) -> Solution | None:
    """Return the solution found in coordinates of the rows of X, or None where they do not hold it.

    A row that is much larger than others may hide them from these coordinates: the gradient by the
    columns of X itself shows it.
    """
    space = row_space.RowSpace(problem.X, centre=problem.fit_intercept)
    stretch = space.largest_stretch
    found = _minimise(
        _objective(problem._replace(X=as_design(space.Y))),
        None if start is None else space.reduce(*start),
        settings._replace(tol=settings.tol / stretch),
        space.expand,
    )
    coef, intercept = space.expand(found.coef, found.intercept)
    grad = _gradient(problem, coef, intercept)
    curvatures = _hessian_diagonal(problem, coef, intercept)
    most = _ROUNDING_ROOM * max(settings.tol, stretch * found.result.grad_norm)
    is_held = _is_negligible(grad, curvatures, most, found.result.value)
    if not is_held and found.result.status != STOPPED:
        return None
    grad_norm = max(np.abs(grad).max(), np.abs(found.grad_intercept).max(initial=0.0))
    result = found.result._replace(grad_norm=float(grad_norm))
    return Solution(coef, intercept, result, _is_optimal(result, settings.gap_tol))


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


def _copy(coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.array(coef, order="C"), np.array(intercept)


def _parts(
    objective: LinearLoss | OrthonormalLoss, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return views of a packed vector, coef and intercept; zeros without an intercept."""
    coef, intercept = objective.parts(theta)
    return coef, intercept if intercept.size else np.zeros(len(coef))


def _callback(
    settings: Settings,
    objective: LinearLoss | OrthonormalLoss,
    expand: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    n_before: int = 0,
) -> Callable[[Progress], bool] | None:
    """Return the callback of a minimisation, for what watches the fit, if anything does.

    `expand` turns the objective's coef and intercept into new arrays of those for X; `n_before`
    iterations were made before.
    """
    watch = settings.watch
    if watch is None:
        return None

    def callback(progress: Progress) -> bool:
        theta = progress.theta
        progress = progress._replace(n_iter=n_before + progress.n_iter)
        return watch(progress, lambda: expand(*_parts(objective, theta)))

    return callback


def _minimise(
    objective: LinearLoss,
    start: Start,
    settings: Settings,
    expand: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] = _copy,
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
            callback=_callback(settings, objective, expand),
        )
    except StartError:
        if start is None:
            raise
        largest = max(float(np.abs(part).max(initial=0.0)) for part in start)
        raise ValueError(
            "coef_ and intercept_ must be finite, and so small that the objective is, when "
            f"warm_start is set; got numbers up to {largest:g}"
        ) from None
    return _Minimum(result, *_parts(objective, result.theta), *objective.parts(result.grad))


def _gradient(problem: Problem, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """Return the gradient by coef, (p, K)."""
    shard = Shard(
        problem.X,
        problem.target,
        problem.n_classes,
        weights=problem.weights,
        label_smoothing=problem.label_smoothing,
    )
    theta = np.concatenate([coef.T.ravel(), intercept])
    return shard.tables(shard.value_and_grad(theta, problem.penalty)[1])[0]


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
    if result.status != "precision":
        return result.status == "converged"
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
