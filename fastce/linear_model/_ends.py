"""Where a fit ends: what the judge and the bound say of it, and how it goes on if they say no.

This file loads Numba.
"""

from time import perf_counter
from typing import NamedTuple

import numpy as np

from .._linear import certificate, orthonormal, row_space
from .._linear.judge import ABOVE, MINIMUM, TOLERANCE, Told, Verdict, exact_value, judge, residuals
from .._linear.loss import LinearLoss
from .._linear.orthonormal_loss import OrthonormalLoss
from .._optimize import minimise
from .._optimize.monitor import Result
from .._optimize.status import CONVERGED, PRECISION, STOPPED
from ._validation import Settings
from ._watching import callback_of, copies, parts_of

# A Hessian of this condition has lost half of its digits: what a preconditioner that is made from
# it says of the distance to the minimum is asked of the judge.
_MAX_CONDITION = 1e8
# Estimates of L-BFGS may be too low, too, where the Hessian is less ill-conditioned, or where
# hardly any loss is left and other rows curve it than where the preconditioner was made: from this
# condition on, or below this part of the null model's objective, the judge is asked where that is
# cheap, by multiply-adds.
_CHEAP_CONDITION, _CONFIDENT_VALUE, _CHEAP = 1e4, 0.05, 2e6
# A column with less than this part of its curvature in the null model has a few huge numbers, whose
# rows no longer curve the loss: approximations of the Hessian may know nothing else.
_LEAST_CURVATURE = 1e-4
# A minimisation out of iterations may stand at the minimum where its estimate is below this.
_PROMISING_GAP = 1e-3
# The judge allows this many times the gap at which a minimisation ends.
_GAPS = 10.0
# Newton steps of the judge's that correct a solution.
_REFINEMENTS = 8
# Newton steps between two looks at the bound.
_STEPS = 5
# A gap below this is rounding, whatever the tolerance.
_LEAST_TOLERANCE = 1e-12


class Solution(NamedTuple):
    """The model that was found, (K, p) and (K,), and what the minimiser says of it.

    `is_optimal` tells whether the objective is at its minimum, as far as float64 can tell;
    `separated` are the numbers of classes that columns take apart, so that there is no minimum;
    `columns` those that it was judged by, if it was.
    """

    coef: np.ndarray
    intercept: np.ndarray
    result: Result
    is_optimal: bool
    separated: tuple[int, ...] = ()
    columns: orthonormal.OrthonormalColumns | None = None


def is_sound(objective: LinearLoss, result: Result) -> bool:
    """Tell whether a minimiser's own estimate of the distance to the minimum is to be trusted."""
    condition = objective.condition
    if np.isnan(condition):  # no second moments
        condition = certificate.condition(objective)
        return condition <= _MAX_CONDITION or condition == np.inf
    if condition > _MAX_CONDITION:
        return False
    n_rows, n_parameters = objective.shard.design.shape[0], objective.size
    if n_rows * n_parameters**2 > _CHEAP:
        return True
    is_confident = result.value < _CONFIDENT_VALUE * objective.null_value
    return not (is_confident or condition > _CHEAP_CONDITION)


def is_saturated(objective: LinearLoss, result: Result) -> bool:
    """Tell whether rows that curved the null model, and an approximation of the Hessian, are gone.

    Not where columns are nearly collinear: products with the Hessian have lost digits then, too.
    """
    if result.value <= objective.floor or not objective.condition <= _MAX_CONDITION:
        return False
    return objective.least_curvature(result.theta) < _LEAST_CURVATURE


def by_hessian(objective: LinearLoss, solution: Solution, settings: Settings) -> Solution:
    """Return the solution that Newton steps by products with the Hessian itself go on to."""
    first = solution.result
    result = minimise.minimise(
        objective,
        first.theta,
        solver="newton-cg",
        tol=settings.tol,
        gap_tol=settings.gap_tol,
        max_iter=settings.max_iter - first.n_iter,
        min_iter=1,
        callback=callback_of(settings, objective, copies, first.n_iter),
    )
    return Solution(
        *copies(*parts_of(objective, result.theta)),
        after(first, result),
        result.status == CONVERGED,
    )


def after(first: Result, result: Result) -> Result:
    """Return the result of a minimisation that went on where another one had ended."""
    return result._replace(
        n_iter=first.n_iter + result.n_iter,
        n_evaluations=first.n_evaluations + result.n_evaluations,
        history=first.history + result.history[1:],
        grad_norms=first.grad_norms + result.grad_norms[1:],
        times=first.times + result.times[1:],
    )


def is_promising(result: Result, settings: Settings) -> bool:
    """Tell whether a minimisation out of iterations may stand at the minimum.

    Not for a tolerance that asks for all that float64 can give: more iterations might give more.
    """
    return result.gap <= _PROMISING_GAP and _tolerance(settings) > _LEAST_TOLERANCE


def _tolerance(settings: Settings) -> float:
    return max(_LEAST_TOLERANCE, _GAPS * settings.gap_tol)


def judged(objective: LinearLoss, solution: Solution, settings: Settings) -> Solution:
    """Return the solution as the judge has it, gone on with in orthonormal columns if need be."""
    columns = orthonormal_columns(objective)
    tolerance = _tolerance(settings)
    verdict = judge(objective, columns, solution.coef, solution.intercept, tolerance)
    for solver in dict.fromkeys((settings.solver, "auto")):
        if verdict.answer != ABOVE or solution.result.n_iter >= settings.max_iter:
            break
        other = _go_on(objective, columns, solution, settings._replace(solver=solver))
        if other.result.status == STOPPED:
            return other._replace(is_optimal=False)
        other_verdict = judge(objective, columns, other.coef, other.intercept, tolerance)
        if other_verdict.value < verdict.value:
            verdict = other_verdict
            # rounding of the logits is in the value of the objective, not in the judge's
            history = [*other.result.history[:-1], verdict.value]
            result = other.result._replace(value=verdict.value, history=history)
            solution = other._replace(result=result)
    for _ in range(min(_REFINEMENTS, settings.max_iter - solution.result.n_iter)):
        if verdict.answer != ABOVE:
            break
        # The judge's step knows directions that no minimiser's model of the Hessian has.
        other = _stepped(objective, columns, solution, verdict)
        other_verdict = judge(objective, columns, other.coef, other.intercept, tolerance)
        if not other_verdict.value < verdict.value:
            break
        solution, verdict = other, other_verdict
    is_optimal, result = verdict.answer == MINIMUM, solution.result
    if result.status == CONVERGED and not is_optimal:  # by estimates that have lost their digits
        solution = solution._replace(result=result._replace(status=PRECISION))
    return solution._replace(is_optimal=is_optimal, columns=columns)


def _stepped(
    objective: LinearLoss,
    columns: orthonormal.OrthonormalColumns,
    solution: Solution,
    verdict: Verdict,
) -> Solution:
    """Return the solution after the judge's Newton step."""
    coef, intercept = columns.moved(solution.coef, solution.intercept, verdict.table)
    value, grad = objective.value_and_grad(objective.pack(coef, intercept))
    result, grad_norm = solution.result, float(np.abs(grad).max(initial=0.0))
    result = result._replace(
        value=value,
        grad_norm=grad_norm,
        n_iter=result.n_iter + 1,
        n_evaluations=result.n_evaluations + 1,
        history=[*result.history, value],
        grad_norms=[*result.grad_norms, grad_norm],
        times=[*result.times, perf_counter()],
    )
    return Solution(coef, intercept, result, True)


def orthonormal_columns(objective: LinearLoss) -> orthonormal.OrthonormalColumns:
    """Return the orthonormal columns that an objective is judged by."""
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
        min_iter=1,  # where it starts is known not to be the end
        callback=callback_of(settings, loss, columns.expand, first.n_iter),
    )
    coef, intercept = columns.expand(*loss.parts(result.theta))
    table = objective.pack(coef, intercept if objective.fit_intercept else np.zeros(len(coef)))
    value, grad = objective.value_and_grad(table)
    result = after(first, result)
    result = result._replace(
        value=value,
        grad_norm=float(np.abs(grad).max(initial=0.0)),
        n_evaluations=result.n_evaluations + 1,
        history=[*result.history[:-1], value],
    )
    return Solution(coef, intercept, result, True)


def certified(objective: LinearLoss, solution: Solution, settings: Settings) -> Solution:
    """Return the solution, gone on with until a bound says that it is at the minimum."""
    result = solution.result
    tolerance = _tolerance(settings)
    objective.scale_fully()
    n_left, is_over = settings.max_iter - result.n_iter, False
    while True:
        allowed = tolerance * max(result.value, objective.floor)
        left = certificate.bound(objective, result.theta, result.value, result.grad)
        is_optimal = result.value <= objective.floor or left <= allowed
        if is_optimal or is_over or n_left <= 0:
            break
        # an entry of the gradient that the bound leaves to each parameter
        entry = np.sqrt(2.0 * objective.penalty * allowed / objective.size)
        more = minimise.minimise(
            objective,
            result.theta,
            solver="newton-cg",
            tol=float(entry),
            gap_tol=settings.gap_tol,
            max_iter=min(_STEPS, n_left),
            callback=callback_of(settings, objective, copies, result.n_iter),
        )
        n_left -= _STEPS
        is_over = more.n_iter == 0 or more.status in (PRECISION, STOPPED)
        result = after(result, more)
    status = PRECISION if result.status == CONVERGED and not is_optimal else result.status
    result = result._replace(status=status)
    return Solution(*copies(*parts_of(objective, result.theta)), result, is_optimal)


def _outside(space: row_space.RowSpace, coef: np.ndarray) -> np.ndarray:
    """Return the part of numbers by column (K, p) outside of the row space, but for rounding."""
    none = np.zeros(len(coef))
    return coef - space.expand(*space.reduce(coef, none))[0]


def refined(loss: LinearLoss, space: row_space.RowSpace, found: Solution) -> Solution:
    """Return the solution for X of one in its row space, whose coordinates have lost digits.

    Logits and gradient of the coefficients of X themselves, with twice the digits, correct it by
    Newton steps in these coordinates.
    """
    if not orthonormal.fits(loss.shard.design):
        coef, intercept = space.expand(found.coef, found.intercept)
        value = exact_value(loss, space.logits(coef, intercept), coef)
        is_optimal = found.is_optimal and value <= loss.floor
        return found._replace(coef=coef, intercept=intercept, is_optimal=is_optimal)
    columns = orthonormal_columns(loss) if found.columns is None else found.columns
    own, own_intercept = found.coef, found.intercept
    best, least, outside = found, np.inf, np.zeros((1, 1))
    for _ in range(_REFINEMENTS):
        coef, intercept = space.expand(own, own_intercept)
        coef = coef + outside
        logits = space.logits(coef, intercept)
        of_rows = residuals(loss, logits)
        grad = space.product_back(of_rows) + loss.penalty * coef.T
        if loss.fit_intercept:
            grad -= space.mean[:, np.newaxis] * of_rows.sum(axis=0)
        in_space = space.reduce(grad.T, np.zeros(len(coef)))[0]
        told = Told(logits, columns.T.T @ in_space.T)
        verdict = judge(loss, columns, own, own_intercept, told=told)
        value = verdict.value + 0.5 * loss.penalty * float((outside * outside).sum())
        if not value < least:
            break
        least = value
        history = [*found.result.history[:-1], least]
        # What rounding of the coordinates has put outside of the row space costs a penalty, which
        # the gradient there tells.
        wasted = 0.0
        if loss.penalty > 0.0:
            beside = _outside(space, _outside(space, grad.T))
            wasted = float((beside * beside).sum()) / (2.0 * loss.penalty)
            outside = outside - beside / loss.penalty
        is_near = verdict.gap + wasted / max(least, loss.floor) <= TOLERANCE
        is_optimal = verdict.answer == MINIMUM and (
            least <= loss.floor or (is_near and space.has_all)
        )
        best = Solution(
            coef,
            intercept,
            found.result._replace(
                value=least,
                history=history,
                status=found.result.status if is_optimal else PRECISION,
            ),
            is_optimal,
        )
        if is_optimal:
            break
        own, own_intercept = columns.moved(own, own_intercept, verdict.table)
    return best
