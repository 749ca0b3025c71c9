"""The judge of a fit: whether a model is at the minimum of its objective, as far as can be told.

Gradients, tolerances and estimates of a minimiser are not asked: its preconditioner may have lost
columns that others all but hide, and rounding of large columns keeps gradients large at a minimum.
What is asked is what the model itself says, in columns that are about orthonormal: logits with
twice the digits, the gradient by these columns, and what a Newton step along it would gain. That is
the distance from the minimum where the step changes no logit by more than a unit.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._native import rowwise
from . import formed_hessian
from .curvature import probabilities
from .formed_hessian import both_tails
from .loss import LinearLoss
from .orthonormal import OrthonormalColumns
from .shard import Shard

# The distance from the minimum that a fit may end at, as a part of the minimum, or of the null
# model's objective where the minimum is less than this part of that.
TOLERANCE = 1e-6
# A row whose logit a Newton step changes by more than this may curve the loss less and less along
# the step: the gain is looked at without its curvature, too. Where no row is moved as far, the gain
# is what the quadratic model says, but for a third.
_LONG_STEP = 0.3
_MAX_CG_STEPS, _CG_ACCURACY = 200, 1e-3
# Eigenvalues of a Hessian whose diagonal is scaled to ones that are below this many times its size
# are rounding: only rows that no longer curve the loss tell these directions apart.
_ROUNDING = 1e-14

# Along such a direction the penalty may be all that curves the objective, and is known: a gradient
# along it counts where it is more than rounding of the rows' terms, which are 1 at most.
_GRADIENT_NOISE = 100 * float(np.finfo(np.float64).eps)

MINIMUM, UNKNOWN, ABOVE = "at the minimum", "cannot be told in float64", "not there"


class Verdict(NamedTuple):
    """What the judge says of a model.

    Attributes
    ----------
    answer : {MINIMUM, UNKNOWN, ABOVE}
    value : float
        The objective.
    gap : float
        The distance from the minimum, relative to it (or to `floor`, where it is smaller).
    step : ndarray (n, K)
        How a Newton step changes the logits.
    table : ndarray (r, K), or (r + 1, K) with an intercept
        The step itself, by the orthonormal columns.
    """

    answer: str
    value: float
    gap: float
    step: np.ndarray
    table: np.ndarray


class Told(NamedTuple):
    """What is known of a model with more digits than the columns tell.

    Attributes
    ----------
    logits : ndarray (n, K)
    grad : ndarray (r, K)
        The gradient by the coefficients of the columns Z.
    """

    logits: np.ndarray
    grad: np.ndarray


def judge(
    loss: LinearLoss,
    columns: OrthonormalColumns,
    coef: np.ndarray,
    intercept: np.ndarray,
    tolerance: float = TOLERANCE,
    told: Told | None = None,
) -> Verdict:
    """Tell whether coef (K, p) and intercept (K,) are at the minimum of an objective."""
    return _Model(loss, columns, coef, intercept, told).verdict(tolerance)


def residuals(loss: LinearLoss, logits: np.ndarray) -> np.ndarray:
    """Return the derivatives of the mean loss by the logits (n, K)."""
    rows = loss.shard
    _, own = _losses_and_residuals(rows, logits, probabilities(logits.copy()))
    return own * np.broadcast_to(rows.weights, len(own))[:, np.newaxis]


def exact_value(loss: LinearLoss, logits: np.ndarray, coef: np.ndarray) -> float:
    """Return the objective of logits (n, K) and coef (K, p)."""
    rows, n = loss.shard, len(logits)
    logits = np.ascontiguousarray(logits)
    losses, _ = _losses_and_residuals(rows, logits, probabilities(logits.copy()))
    weights = np.broadcast_to(rows.weights, n)
    return float(weights @ losses) + 0.5 * loss.penalty * float((coef * coef).sum())


class _Model:
    """The objective about a model: residuals and curvatures of the rows, the penalty."""

    def __init__(
        self,
        loss: LinearLoss,
        columns: OrthonormalColumns,
        coef: np.ndarray,
        intercept: np.ndarray,
        told: Told | None,
    ) -> None:
        self.columns, self.loss, self.is_told = columns, loss, told is not None
        logits = columns.logits(coef, intercept) if told is None else told.logits
        logits = np.ascontiguousarray(logits)
        self.K, self.is_curved = logits.shape[1], True
        self.p, self.rest = both_tails(logits)
        losses, residuals = _losses_and_residuals(loss.shard, logits, self.p)
        # weights of the rows' curvatures
        self.curving = columns.weights
        weights = columns.weights[:, np.newaxis]
        self.penalty_value = 0.5 * loss.penalty * float((coef * coef).sum())
        self.value = float(columns.weights @ losses) + self.penalty_value
        residuals *= weights
        r = columns.rank
        self.P = r + columns.centre
        self.grad = self._back(residuals)
        root = np.sqrt(loss.penalty) * columns.T
        self.penalty = root.T @ root
        if told is None:
            self.grad[:r] += root.T @ (np.sqrt(loss.penalty) * coef.T)
        else:
            self.grad[:r] = told.grad
        if self.K > 1:
            self.grad -= self.grad.mean(axis=1, keepdims=True)

    def verdict(self, tolerance: float) -> Verdict:
        """Say where the model is."""
        step, decrement = self._newton_step()
        change = self._forward(step)
        moved = np.abs(change).max(axis=1, initial=0.0) > _LONG_STEP
        floor = TOLERANCE * self.loss.null_value
        if moved.any() and self.value > floor:
            is_curved = self.is_curved
            self.curving = np.where(moved, 0.0, self.curving)
            with np.errstate(over="ignore", invalid="ignore"):  # there may be no curvature at all
                decrement = max(decrement, self._newton_step()[1])
            self.is_curved = is_curved
        gap = 0.5 * decrement
        least = max(self.value - gap, 0.0)
        allowed = tolerance * least if least >= floor else floor
        answer = ABOVE
        if self.value <= floor:
            answer = MINIMUM
        elif gap <= allowed:  # neither is NaN
            answer = MINIMUM if self._knows_all(allowed) else UNKNOWN
        return Verdict(answer, self.value, gap / max(least, floor), change, step)

    def _knows_all(self, allowed: float) -> bool:
        # Directions that the columns lack change no logit; what is left of them is the penalty.
        columns = self.columns
        if not self.is_curved and not self.is_told and columns.hides_rows:
            return False
        if columns.rank == columns.T.shape[0]:
            return True
        return columns.has_all and self.penalty_value <= allowed

    def _newton_step(self) -> tuple[np.ndarray, float]:
        """Return the Newton step (P, K) and its squared decrement."""
        if not (np.isfinite(self.value) and np.all(np.isfinite(self.grad))):
            return np.full_like(self.grad, np.nan), np.nan
        n, n_parameters = len(self.p), self.P * self.K
        if formed_hessian.is_small(n, n_parameters):
            return self._exact_step()
        return self._cg_step()

    def _exact_step(self) -> tuple[np.ndarray, float]:
        P, K = self.P, self.K
        values, vectors, scale = formed_hessian.scaled(
            formed_hessian.form(self._blocks(), P, K, self.penalty)
        )
        along = vectors.T @ (scale * self.grad.ravel())
        least = _ROUNDING * P * K
        self.is_curved = bool(values[0] > least)
        curvatures = np.maximum(values, least)
        if self.loss.penalty > 0.0:
            for i in np.flatnonzero(values <= least):
                flat = (scale * vectors[:, i]).reshape(P, K)
                if abs(along[i]) > _GRADIENT_NOISE * np.abs(flat).sum():
                    curvatures[i] = max(self._curvature_along(flat), np.finfo(float).tiny)
        step = -along / curvatures
        return (scale * (vectors @ step)).reshape(P, K), float(-(along @ step))

    def _curvature_along(self, table: np.ndarray) -> float:
        # a sum of squares, which does not cancel
        change, r = self._forward(table), len(self.penalty)
        if self.rest is not None:
            of_rows = (change * change * self.p * self.rest)[:, 0]
        else:
            mean = (self.p * change).sum(axis=1, keepdims=True)
            of_rows = (self.p * (change - mean) ** 2).sum(axis=1)
        by_penalty = self.columns.T @ table[:r]
        return float(self.curving @ of_rows) + self.loss.penalty * float((by_penalty**2).sum())

    def _forward(self, table: np.ndarray) -> np.ndarray:
        # changes of the logits (n, K) by changes of the coefficients (P, K)
        columns, result = self.columns, np.empty((len(self.p), self.K))
        for rows in columns.slices():
            result[rows] = columns.basis_of(rows) @ table
        return result

    def _back(self, table: np.ndarray) -> np.ndarray:
        # the transpose's product with numbers of the rows (n, K)
        columns, result = self.columns, np.zeros((self.P, self.K))
        for rows in columns.slices():
            result += columns.basis_of(rows).T @ table[rows]
        return result

    def _blocks(self) -> Iterator[formed_hessian.Block]:
        for rows in self.columns.slices():
            rest = None if self.rest is None else self.rest[rows]
            basis = self.columns.basis_of(rows)
            yield formed_hessian.Block(basis, self.p[rows], rest, self.curving[rows])

    def _cg_step(self) -> tuple[np.ndarray, float]:
        # the columns are about orthonormal, so the identity is a preconditioner but for the classes
        weights, r = self.curving[:, np.newaxis], len(self.penalty)
        self.columns.keep()
        step, residual = np.zeros_like(self.grad), -self.grad
        direction, square, gain = residual.copy(), float((residual * residual).sum()), 0.0
        for _ in range(_MAX_CG_STEPS):
            if not square > 0.0:
                break
            change = self._forward(direction)
            if self.rest is not None:
                change *= weights * self.p * self.rest
            else:
                change -= (self.p * change).sum(axis=1, keepdims=True)
                change *= weights * self.p
            product = self._back(change)
            product[:r] += self.penalty @ direction[:r]
            length = square / float((direction * product).sum())
            step += length * direction
            residual -= length * product
            gain += length * square
            new_square = float((residual * residual).sum())
            if length * square <= _CG_ACCURACY * gain and new_square <= _CG_ACCURACY * square:
                break
            direction = residual + new_square / square * direction
            square = new_square
        return step, gain


def _losses_and_residuals(
    rows: Shard, logits: np.ndarray, p: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return cross-entropies (n,) and their derivatives by the logits (n, K)."""
    targets = rows.target_probabilities(0, len(p))
    if logits.shape[1] == 1:
        log_p = np.hstack([-logits, logits])
        flat = log_p.ravel()
        rowwise.log_sigmoid_flat(flat, flat)
        return -(targets * flat.reshape(-1, 2)).sum(axis=1), p - targets[:, 1:]
    log_p = np.empty_like(logits)
    rowwise.log_softmax_rows(logits, log_p)
    return -(targets * log_p).sum(axis=1), p - targets
