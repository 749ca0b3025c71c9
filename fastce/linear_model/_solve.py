"""The fit of a linear classifier: a minimisation, in the row space where that is smaller.

This file loads Numba.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._core.design import as_design
from .._linear import row_space
from .._linear.curvature import hessian_diagonal
from .._linear.loss import LinearLoss
from .._linear.shard import Shard
from .._optimize import minimise
from .._optimize.monitor import Progress, Result
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


class Solution(NamedTuple):
    """The model that was found, (K, p) and (K,), and what the minimiser says of it.

    `is_optimal` tells whether the objective is at its minimum, as far as float64 can tell.
    """

    coef: np.ndarray
    intercept: np.ndarray
    result: Result
    is_optimal: bool


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
    if row_space.pays(problem.X):
        solution = _solve_in_row_space(problem, start, settings)
        if solution is not None:
            return solution
    return _solve_in_columns(problem, start, settings)


def _solve_in_columns(problem: Problem, start: Start, settings: Settings) -> Solution:
    found = _minimise(problem, start, settings)
    coef, intercept = np.array(found.coef, order="C"), np.array(found.intercept)

    def gradient_is_rounding() -> bool:
        if not np.abs(found.grad_intercept).max(initial=0.0) <= _SMALL_GRADIENT:
            return False
        curvatures = _hessian_diagonal(problem, coef, intercept)
        value = found.result.value
        return _is_negligible(found.grad_coef.T, curvatures, _SMALL_GRADIENT, value)

    is_optimal = _is_optimal(found.result, settings.gap_tol, gradient_is_rounding)
    return Solution(coef, intercept, found.result, is_optimal)


def _solve_in_row_space(problem: Problem, start: Start, settings: Settings) -> Solution | None:
    """Return the solution found in coordinates of the rows of X, or None where they do not hold it.

    A row that is much larger than others may hide them from these coordinates: the gradient by the
    columns of X itself shows it.
    """
    space = row_space.RowSpace(problem.X, centre=problem.fit_intercept)
    stretch = space.largest_stretch
    found = _minimise(
        problem._replace(X=as_design(space.Y)),
        None if start is None else space.reduce(*start),
        settings._replace(tol=settings.tol / stretch),
    )
    coef, intercept = space.expand(found.coef, found.intercept)
    grad = _gradient(problem, coef, intercept)
    curvatures = _hessian_diagonal(problem, coef, intercept)
    most = _ROUNDING_ROOM * max(settings.tol, stretch * found.result.grad_norm)
    if not _is_negligible(grad, curvatures, most, found.result.value):
        return None
    grad_norm = max(np.abs(grad).max(), np.abs(found.grad_intercept).max(initial=0.0))
    result = found.result._replace(grad_norm=float(grad_norm))
    return Solution(coef, intercept, result, _is_optimal(result, settings.gap_tol))


def _minimise(problem: Problem, start: Start, settings: Settings) -> _Minimum:
    objective = LinearLoss(
        problem.X,
        problem.target,
        problem.n_classes,
        weights=problem.weights,
        penalty=problem.penalty,
        fit_intercept=problem.fit_intercept,
        label_smoothing=problem.label_smoothing,
    )
    result = minimise.minimise(
        objective,
        objective.start() if start is None else objective.pack(*start),
        solver=settings.solver,
        tol=settings.tol,
        gap_tol=settings.gap_tol,
        max_iter=settings.max_iter,
        callback=_print_progress if settings.verbose else None,
    )
    if settings.verbose:
        print(f"  {result.status}", flush=True)
    coef, intercept = objective.parts(result.theta)
    if not problem.fit_intercept:
        intercept = np.zeros(len(coef))
    return _Minimum(result, coef, intercept, *objective.parts(result.grad))


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


def _print_progress(progress: Progress) -> None:
    print(
        f"\riteration {progress.n_iter:4d}  objective {progress.value:.9g}  "
        f"max |gradient| {progress.grad_norm:.1e}  gap {progress.gap:.1e}",
        end="",
        flush=True,
    )
