"""The preconditioner that the shape of X calls for, and what making and renewing it costs.

See `approximations` for what it is made from: second moments of the columns, of all rows or of some
of them.
"""

from collections.abc import Iterator

import numpy as np
from scipy.linalg.lapack import dpocon, dpotrf

from .._core import threads
from .._core.design import Design
from .approximations import (
    TINY_PRIOR,
    check_squares,
    class_blocks,
    null_model,
    projection,
    scaled_columns,
)
from .curvature import hessian_diagonal, mean_curvatures, min_curvatures
from .factors import CONSTANT, Diagonal, Factored, invert_factor, make_factored
from .hessian import hessian
from .moments import column_moments
from .shard import Shard

# A p x p factor pays up to this many columns; where X is sparse, if p^3 is not more than this many
# times the entries stored, and the pairs of entries in a row are not more than that many times.
_MAX_COLUMNS = 2048
_MAX_CUBE, _MAX_PAIRS = 1000, 64
# One factor a class, while all have no more numbers than this (64 MB, or 32 MB of float32).
_MAX_NUMBERS = 1 << 23
# Class blocks are made of a few Gram matrices at a time, of this many numbers (16 MB), or of one a
# thread.
_GROUP_NUMBERS = 1 << 21
# Rows of the sample that class blocks are made from: bounds, rows for each column far from and near
# the minimum, and passes over X that more rows may cost.
_MIN_ROWS, _MAX_ROWS = 1 << 12, 1 << 14
_ROWS_A_COLUMN, _NEAR_ROWS_A_COLUMN = 16, 32
_MAX_PASSES = 2.5
# How much of the Gram matrix of all rows is blended in: near the minimum, and at most.
_NEAR_BLEND, _MAX_BLEND = 1e-6, 0.5

# A column's mean may be this many times its deviation before rounding of the gradient counts.
_HARMLESS_OFFSET = 1e6

# The cost model, in passes over X. Gram matrices of K classes take for each row of the sample
# K / 28 of p / n passes, since with few classes a pass only waits for memory, and at most 1/4. A
# row counts as 32 columns more than it has, for what it costs beside its products.
_CLASSES_A_PASS, _MAX_ROW_COST, _COLUMNS_A_ROW = 28.0, 0.25, 32
# The Hessian of size s = K (p + 1) takes (s + p) / 4 passes, and its factor s^2 / (12 n).
_PARAMETERS_A_PASS, _FACTOR_PASSES = 4.0, 12.0
# A diagonal takes half a pass for the curvatures, and 3 / K passes for the moments of the columns.
_CURVATURE_PASSES, _MOMENT_PASSES = 0.5, 3.0


def _pays(design: Design) -> bool:
    # whether second moments of the columns of X cost no more than some passes over X, with their
    # factor
    p = design.shape[1]
    if p > _MAX_COLUMNS:
        return False
    if design.is_nearly_dense:
        return True
    rows = design.entries_of_rows().astype(np.float64)
    is_cheap = p**3 <= _MAX_CUBE * design.n_entries
    return is_cheap and float(rows @ rows) <= _MAX_PAIRS * design.n_entries


def _row_cost(n_outputs: int) -> float:
    # of a row's share of the Gram matrices of all classes, in multiples of p / n passes
    return min(n_outputs / _CLASSES_A_PASS, _MAX_ROW_COST)


def _sample_rows(shape: tuple[int, int], n_outputs: int, near: bool) -> int:
    """Return how many rows class blocks are made from."""
    n, p = shape
    affordable = int(_MAX_PASSES * n / ((p + _COLUMNS_A_ROW) * _row_cost(n_outputs)))
    per_column = _NEAR_ROWS_A_COLUMN if near else _ROWS_A_COLUMN
    return max(_MIN_ROWS, per_column * p, min(_MAX_ROWS, affordable))


# Rows of the sample that tells whether columns may have lost their curvature, what it must have
# left of a column's curvature and seen of its squares for all rows to be spared, and the logit from
# which on a row is as good as certain.
_CURVATURE_ROWS, _MAYBE_LEFT, _SEEN, _CERTAIN_LOGIT = 1024, 1e-2, 0.1, 9.0
# Room for rounding where the mean square and the mean of a column are equal.
_ZEROS_AND_ONES = 1e-9


class Preconditioner:
    """An approximate inverse Hessian: at coef = 0 first, at another point after `refresh`.

    Parameters
    ----------
    shard : Shard
        All rows.
    class_priors : ndarray (n_classes,)
        The classes' probabilities in the null model.
    penalty : float

    Attributes
    ----------
    current : Factored or Diagonal
        The inverse; its `apply` multiplies a packed table.
    gram : ndarray (p + 1, p + 1), or (p, p) without an intercept, or None
        The Gram matrix of the centred columns and a 1; None where X has too many columns.
    sum_of_squares : float
        Of the columns' mean squares, about their means with an intercept.
    is_halfway : bool
        Whether a diagonal is halfway between the Hessian's and none.
    """

    def __init__(self, shard: Shard, class_priors: np.ndarray, penalty: float) -> None:
        self.shard, self.penalty = shard, penalty
        self.gram: np.ndarray | None = None
        self.is_halfway = True
        self.curvature = max(float((class_priors * (1.0 - class_priors)).mean()), TINY_PRIOR)
        self.current: Factored | Diagonal
        if class_priors.size == 2:
            self._masses = class_priors[:1] * class_priors[1:]
        else:
            self._masses = class_priors * (1.0 - class_priors)
        p = shard.n_columns
        if not _pays(shard.design):
            moments = self._moments(shard.weights)
            check_squares(moments[1])
            mean = moments[0] if shard.fit_intercept else np.zeros(p)
            self.sum_of_squares = float(np.maximum(moments[1] - mean**2, 0.0).sum())
            self.current = scaled_columns(
                *moments, self._masses, penalty, centre=shard.fit_intercept
            )
            return
        self.mean = shard.design.mean(shard.weights) if shard.fit_intercept else np.zeros(p)
        gram = shard.gram(None, self.mean)[0]
        check_squares(gram.diagonal()[:p])
        self.sum_of_squares = float(gram.diagonal()[:p].sum())
        if shard.fit_intercept:
            # What rounding left of the mean is in the last row: without it, constant columns are
            # known as such.
            correction = gram[p, :p] / gram[p, p]
            self.mean += correction
            gram[:p, :p] -= gram[p, p] * np.outer(correction, correction)
            gram[p, :p] = 0.0
        else:
            gram = gram[:p, :p]
        self.gram = gram
        self.current = null_model(gram, self.mean, class_priors, penalty, _MAX_NUMBERS)

    @property
    def condition(self) -> float:
        """What rounding is multiplied by where the Gram matrix stands for the columns.

        The condition of the null model's Hessian, columns centred and scaled; more where means are
        so large beside deviations that rounding of a gradient counts. NaN without a Gram matrix,
        infinite where it is singular to float64.
        """
        if self.gram is None:
            return np.nan
        p, gram = self.mean.size, self.gram
        total = float(gram[p, p]) if len(gram) > p else 1.0
        squares = gram.diagonal()[:p].copy()
        squares[squares <= total * (CONSTANT * self.mean) ** 2] = 0.0
        squares += self.penalty / self.curvature
        scale = np.divide(1.0, np.sqrt(squares), out=np.zeros(p), where=squares > 0.0)
        matrix = np.tril(gram[:p, :p], -1) * scale * scale[:, np.newaxis]
        sums = 1.0 + np.abs(matrix).sum(axis=0) + np.abs(matrix).sum(axis=1)
        np.fill_diagonal(matrix, 1.0)
        upper, info = dpotrf(matrix.T, lower=0)
        reciprocal = 0.0 if info else float(dpocon(upper, sums.max())[0])
        offset = float(np.max(np.abs(self.mean) * scale)) * np.sqrt(total)
        factor = max(1.0, offset / _HARMLESS_OFFSET) ** 2
        return factor / reciprocal if reciprocal > 0.0 else np.inf

    def least_curvature(self, theta: np.ndarray) -> float:
        """Return the least part of a column's curvature in the null model that is left.

        It is that of packed coefficients, of the columns as they are, not centred; NaN without a
        Gram matrix. All rows are looked at only if a sample of them has lost a part of a column's
        curvature, or lacks its largest numbers where these can be certain.
        """
        if self.gram is None:
            return np.nan
        design, weights = self.shard.design, self.shard.weights
        tables = self.shard.tables(theta)
        squares = self.gram.diagonal()[: self.mean.size] + self.mean**2
        n, step = design.shape[0], max(1, design.shape[0] // _CURVATURE_ROWS)
        if step > 1:
            rows = design.rows(0, n, step)
            of_rows = np.broadcast_to(weights, n)[::step]
            of_rows = of_rows / of_rows.sum()
            found = rows.squared_product(0, len(of_rows), of_rows[:, np.newaxis])[:, 0]
            is_left = self._curvature_left(rows, tables, of_rows, found) > _MAYBE_LEFT
            largest = np.sqrt(squares / weights[weights > 0.0].min())
            # the mean square of zeros and ones is their mean: none is larger than 1
            largest[np.abs(squares - self.mean) <= _ZEROS_AND_ONES * squares] = 1.0
            may_be_certain = np.abs(tables[0]).max(axis=1) * largest > _CERTAIN_LOGIT
            if np.all(is_left & ((found >= _SEEN * squares) | ~may_be_certain)):
                return 1.0
        return float(self._curvature_left(design, tables, weights, squares).min(initial=1.0))

    def _curvature_left(
        self,
        design: Design,
        tables: tuple[np.ndarray, np.ndarray | None],
        weights: np.ndarray,
        squares: np.ndarray,
    ) -> np.ndarray:
        before = squares[:, np.newaxis] * self._masses + self.penalty
        left = hessian_diagonal(design, *tables, weights) + self.penalty
        parts = np.divide(left, before, out=np.ones_like(left), where=before > 0.0)
        return np.asarray(parts.min(axis=1))

    @property
    def refresh_cost(self) -> float:
        """What a refresh near the minimum costs, in passes over X."""
        (n, p), K = self.shard.design.shape, self.shard.n_outputs
        if self.gram is None:
            return _CURVATURE_PASSES + _MOMENT_PASSES / K
        return 1.0 + min(n, _sample_rows((n, p), K, True)) * p / n * _row_cost(K)

    @property
    def exact_cost(self) -> float:
        """What the exact Hessian costs, in passes over X; infinite where it is too large."""
        n, p = self.shard.design.shape
        size = self.shard.n_outputs * (p + 1)
        if self.gram is None or size * size > _MAX_NUMBERS // 2:
            return np.inf
        return (size + p) / _PARAMETERS_A_PASS + size**2 / (_FACTOR_PASSES * n)

    def factor(self, theta: np.ndarray) -> None:
        """Replace the inverse by that of the Hessian itself, at packed coefficients."""
        if self.gram is None:
            raise ValueError(
                "solver 'newton-cholesky' needs X with few columns for its rows or entries; "
                "use 'auto'"
            )
        shard = self.shard
        (n, p), K = shard.design.shape, shard.n_outputs
        matrix = hessian(shard.blocks_at(theta), n, shard.weights, self.mean)
        if not shard.fit_intercept:
            keep = np.flatnonzero(np.arange(len(matrix)) % (p + 1) < p)
            matrix = np.ascontiguousarray(matrix[np.ix_(keep, keep)])
        scale = invert_factor(matrix, self.mean, self.penalty, K).reshape(K, -1)
        self.current = make_factored(
            matrix[np.newaxis], scale, self.mean, shard.fit_intercept, projection(K)
        )

    def refresh(self, theta: np.ndarray, near: bool = False) -> bool:
        """Replace the inverse by that of class blocks, or of a diagonal, at packed coefficients.

        `near` says that the minimum is near. Returns whether it was replaced: the blocks may be too
        large.
        """
        if self.gram is None:
            return self._refresh_diagonal(theta)
        shard = self.shard
        (n, p), K = shard.design.shape, shard.n_outputs
        if K * p * p > _MAX_NUMBERS:
            return False
        n_rows = _sample_rows((n, p), K, near)
        min_curvature = min_curvatures(shard.design, *shard.tables(theta), n_rows)
        if not min_curvature.any():
            blend = 0.0  # all rows are used
        else:
            blend = _NEAR_BLEND if near else min(_MAX_BLEND, 2.0 * p / n_rows)
        grams = self._grams(theta, min_curvature)
        self.current = class_blocks(
            grams, K, self.gram, blend, self.mean, self.penalty, self.current
        )
        return True

    def _refresh_diagonal(self, theta: np.ndarray) -> bool:
        shard = self.shard
        of_rows, masses = mean_curvatures(shard.design, *shard.tables(theta), shard.weights)
        total = float(of_rows.sum())
        if not np.finfo(np.float64).tiny < total < np.inf:  # no row curves the loss here
            return False
        moments, masses = self._moments(of_rows / total), np.maximum(masses, TINY_PRIOR)
        self.current = scaled_columns(
            *moments,
            masses,
            self.penalty,
            centre=shard.fit_intercept,
            is_halfway=self.is_halfway,
        )
        return True

    def _moments(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        design = self.shard.design
        return column_moments(self.shard.blocks, design.shape[0], design.n_entries, weights)

    def _grams(self, theta: np.ndarray, min_curvature: np.ndarray) -> Iterator[np.ndarray]:
        # the Gram matrices of the classes, a few at a time so that they need little memory
        K, step = self.shard.n_outputs, max(1, _GROUP_NUMBERS // (self.shard.n_columns + 1) ** 2)
        n_threads = threads.current_num_threads()
        step = max(step // n_threads, 1) * n_threads
        for first in range(0, K, step):
            classes = range(first, min(K, first + step))
            yield from self.shard.gram(theta, self.mean, min_curvature, classes)
