"""What a shard of rows computes for a linear model: sums over its rows, one pass over X each.

A block of rows that stays in cache is multiplied, turned into loss and gradient in place, and
multiplied back::

    Z = X_b coef^T + intercept      Z <- d loss / d Z      G += X_b^T Z

so nothing of n x K numbers exists and X is neither copied nor converted. The blocks are dealt to
accumulators, each with a gradient of its own, which are added in order. Both depend on the shape of
X only, not on the number of threads, hence the same bits for any number.

Coefficients are packed as the block products like them: (p + 1, K) with the intercept as last row,
which is missing without one. Two classes have one logit, K = 1.
"""

from typing import Any, NamedTuple

import numpy as np

from .._core import pool, threads
from .._core.design import as_design
from .._core.jit import driver, reduction
from .._core.threads import NUMBERS_A_STEP
from .._kernels.fitted_rows import rows_value_and_grad
from .._kernels.sigmoid import CHUNK, binary_rows
from .._kernels.sums import blocks as blocks_of_rows
from .._kernels.sums import clear
from .._native import rowwise
from .hessian import hessian_vector_product
from .moments import weighted_grams
from .row_blocks import (
    RowBlocks,
    accumulator_bounds,
    multiply,
    multiply_back,
    row_blocks,
)

# More accumulators spread the work more evenly over threads, but each has a gradient: 2 always,
# more while all have no more numbers than this (32 MB) and each has four entries of X for every
# column, so that clearing and adding it costs less than its products.
_MAX_ACCUMULATORS, _ACCUMULATOR_NUMBERS, _MIN_ENTRIES = 32, 1 << 22, 4
# The accumulators are added in blocks of this many numbers (32 kB).
_BLOCK_NUMBERS = 1 << 12
# Logits of held-out rows are found in blocks of this many numbers (512 kB).
_SCORE_NUMBERS = 1 << 16
# Columns of coefficients up to which a pass is taken to cost the same, because it waits for X.
_COLUMNS_A_READ = 4
# Rows of scratch memory of the kernels, of a step's (or a chunk's) length.
_WORK_ROWS = 5

_NO_CLASS_WEIGHT = np.zeros(0)


# In what follows: starts (blocks + 1,) are the blocks' first rows, bounds (accumulators + 1,) the
# accumulators' first blocks; grad (size,) is the gradient of the first accumulator, others
# (accumulators - 1, size) those of the others; values (accumulators,); target (n,) class indices,
# or (n, K) probabilities; target_weight and sample_weight (n,) or (1,); smoothing (K,), or (0,)
# where there is none, and None of class indices without it; weight (n,), or a block's where all
# rows weigh the same.


@driver
def _multiclass(
    a,
    blocks,
    starts,
    bounds,
    target,
    target_weight,
    sample_weight,
    class_weight,
    smoothing,
    step,
    grad,
    others,
    values,
):
    K = blocks.n_outputs
    Z, work = np.empty(blocks.block_rows * K), np.empty((_WORK_ROWS, step))
    own, total = others[a - 1] if a else grad, 0.0
    clear(own)
    for b in range(bounds[a], bounds[a + 1]):
        i, j = starts[b], starts[b + 1]
        multiply(blocks, i, j - i, Z.ctypes.data)
        logits = Z[: (j - i) * K].reshape((j - i, K))
        of_target = target_weight[i:j] if target_weight.size > 1 else target_weight
        of_sample = sample_weight[i:j] if sample_weight.size > 1 else sample_weight
        total += rows_value_and_grad(
            logits,
            target[i:j],
            of_target,
            of_sample,
            class_weight,
            smoothing,
            class_weight[:0],
            logits,
            work,
        )
        multiply_back(blocks, i, j - i, Z, Z.ctypes.data, own)
    values[a] = total


@driver
def _binary(a, blocks, starts, bounds, target, weight, grad, others, values):
    Z, work = np.empty(blocks.block_rows), np.empty((_WORK_ROWS, CHUNK))
    own, total = others[a - 1] if a else grad, 0.0
    clear(own)
    for b in range(bounds[a], bounds[a + 1]):
        i, j = starts[b], starts[b + 1]
        multiply(blocks, i, j - i, Z.ctypes.data)
        first = i if weight.size == target.size else 0
        w = weight[first : first + (j - i)]
        total += binary_rows(
            Z[: j - i], target[i:j], w, w, 1.0, None, None, Z[:0], Z[: j - i], Z[:0], work
        )
        multiply_back(blocks, i, j - i, Z, Z.ctypes.data, own)
    values[a] = total


@reduction
def _penalise(theta, penalty, grad):
    square = 0.0
    for j in range(theta.size):
        grad[j] += penalty * theta[j]
        square += theta[j] * theta[j]
    return square


@driver
def _add_accumulators(b, grad, others, theta, penalty, n_penalised, squares):
    # grad (size,) += the others (accumulators - 1, size), in order, plus penalty times theta in the
    # first n_penalised; squares (blocks,) <- the sums of the squares of theta there
    i, j = b * _BLOCK_NUMBERS, min(grad.size, (b + 1) * _BLOCK_NUMBERS)
    for a in range(others.shape[0]):
        row, target = others[a, i:j], grad[i:j]
        for t in range(j - i):
            target[t] += row[t]
    last = max(i, min(j, n_penalised))
    squares[b] = _penalise(theta[i:last], penalty, grad[i:last])


class Summary(NamedTuple):
    """What a caller must know of a shard before the first pass."""

    n_rows: int
    weight: float  # the sum of the rows' weights
    class_counts: np.ndarray  # (n_classes,): rows of each class, or sums of its probabilities
    class_weights: np.ndarray  # (n_classes,): the sum of their weights


class Scores(NamedTuple):
    """Sums over held-out rows, to be divided by the sum of their weights."""

    loss: float  # of weight times cross-entropy, without smoothing
    correct: float  # of the weights of rows whose class is the most probable one
    weight: float


class Shard:
    """Rows of X with their classes and weights, and the sums that an objective is made of.

    It is for one call at a time: its accumulators are memory that all calls share.

    Parameters
    ----------
    X : ndarray or CSR matrix (n, p), or a design
        See `as_design`; kept, never written.
    target : ndarray (n,), int64, or (n, n_classes), float64
        Classes from 0 to `n_classes` - 1, or their probabilities, C-contiguous: rows that sum to 1.
    n_classes : int
        At least 2.
    weights : ndarray (n,) or (1,), float64
        Of the rows, or the same for all.
    fit_intercept : bool
    label_smoothing : float

    Attributes
    ----------
    blocks : RowBlocks
        Without coefficients.
    size : int
        Of packed coefficients.
    """

    def __init__(
        self,
        X: Any,
        target: np.ndarray,
        n_classes: int,
        *,
        weights: np.ndarray,
        fit_intercept: bool = True,
        label_smoothing: float = 0.0,
    ) -> None:
        self.design = as_design(X)
        n, self.n_columns = self.design.shape
        self.target, self.n_classes, self.weights = target, n_classes, weights
        self.fit_intercept, self.label_smoothing = fit_intercept, label_smoothing
        self.n_outputs = 1 if n_classes == 2 else n_classes
        self.size = self.n_outputs * (self.n_columns + fit_intercept)
        self._starts = self.design.block_starts(self.n_outputs)
        n_blocks, n_entries = self._starts.size - 1, self.design.n_entries
        self._bounds = accumulator_bounds(
            n_blocks,
            n_blocks,
            _MAX_ACCUMULATORS,
            _ACCUMULATOR_NUMBERS // self.size,
            n_entries // (_MIN_ENTRIES * self.n_columns + 1),
            minimum=2,
        )
        n_accumulators = self._bounds.size - 1
        self._others = np.empty((n_accumulators - 1, self.size))
        self._values = np.empty(n_accumulators)
        block_rows = int(np.diff(self._starts).max())
        self.blocks = row_blocks(self.design, self.n_outputs, block_rows)
        self._driver, self._arguments = self._kernel(block_rows)
        reads = max(_COLUMNS_A_READ, self.n_outputs)
        self._work = n * self.n_outputs + n_entries * reads // _COLUMNS_A_READ

    def _kernel(self, block_rows: int) -> tuple[Any, tuple[Any, ...]]:
        # the driver of value and gradient, and what it takes of the rows
        weights, n_classes, smoothing = self.weights, self.n_classes, self.label_smoothing
        if self.n_outputs == 1:
            of_rows = weights if weights.size > 1 else np.full(block_rows, weights[0])
            return _binary, (self._second_class(), of_rows)
        _, _, step = blocks_of_rows(len(self.target), n_classes)
        if self.target.ndim == 2:  # of probabilities, the weight of the target is that of the row
            of_target = np.full(n_classes, 1.0 - smoothing) if smoothing else _NO_CLASS_WEIGHT
            of_classes = np.full(n_classes if smoothing else 0, smoothing / n_classes)
            options = (weights, weights, of_target, of_classes, step)
        else:  # None is not compiled
            of_classes = np.full(n_classes, smoothing / n_classes) if smoothing else None
            target_weight = (1.0 - smoothing) * weights
            options = (target_weight, weights, _NO_CLASS_WEIGHT, of_classes, step)
        return _multiclass, (self.target, *options)

    def _second_class(self) -> np.ndarray:
        # the probability of the second of two classes, smoothed, (n,)
        smoothing, target = self.label_smoothing, self.target
        if target.ndim == 2:
            return (1.0 - smoothing) * target[:, 1] + 0.5 * smoothing
        return np.array([0.5 * smoothing, 1.0 - 0.5 * smoothing])[target]

    def target_probabilities(self, first: int, last: int) -> np.ndarray:
        """Return the smoothed targets of rows `first` to `last` as (last - first, n_classes)."""
        target, K = self.target[first:last], self.n_classes
        rows = target if target.ndim == 2 else np.eye(K)[target]
        return (1.0 - self.label_smoothing) * rows + self.label_smoothing / K

    def summary(self) -> Summary:
        """Return rows and weight, of all and of each class."""
        n, weights = self.design.shape[0], self.weights
        if self.target.ndim == 2:
            counts = self.target.sum(axis=0)
            totals = weights @ self.target if weights.size > 1 else counts * weights[0]
            return Summary(n, float(np.broadcast_to(weights, n).sum()), counts, totals)
        counts = np.bincount(self.target, minlength=self.n_classes)
        if weights.size == 1:
            return Summary(n, float(n * weights[0]), counts, counts * weights[0])
        totals = np.bincount(self.target, weights=weights, minlength=self.n_classes)
        return Summary(n, float(weights.sum()), counts, totals)

    def tables(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return views of packed coefficients: coef (p, K), and the intercept (K,) or None."""
        table = theta.reshape(-1, self.n_outputs)
        coef = table[: self.n_columns]
        return coef, table[self.n_columns] if self.fit_intercept else None

    def blocks_at(self, theta: np.ndarray) -> RowBlocks:
        """Return the blocks with these packed coefficients, which must live as long."""
        coef = theta.ctypes.data
        intercept = coef + theta.itemsize * self.n_outputs * self.n_columns
        return self.blocks._replace(coef=coef, intercept=intercept if self.fit_intercept else 0)

    def value_and_grad(self, theta: np.ndarray, penalty: float = 0.0) -> tuple[float, np.ndarray]:
        """Return the sum of the rows' losses and its gradient, packed.

        The caller may have penalty / 2 ||coef||^2 added: the pass that adds the accumulators reads
        coefficients and gradient anyway. Of several shards one gets it.
        """
        grad = np.empty(self.size)
        sums = grad, self._others, self._values
        arguments = self.blocks_at(theta), self._starts, self._bounds, *self._arguments, *sums
        threads.run(self._driver, self._work, self._values.size, *arguments)
        square = self._add_accumulators(grad, theta, penalty)
        return float(sum(self._values.tolist())) + 0.5 * square, grad

    def hessian_product(
        self, theta: np.ndarray, vector: np.ndarray, penalty: float = 0.0
    ) -> np.ndarray:
        """Return the Hessian at `theta` times a vector, packed; `penalty`: see `value_and_grad`."""
        product = np.empty(self.size)
        blocks = self.blocks_at(theta), self.blocks_at(vector), self._starts, self._bounds
        arguments = *blocks, self.weights, product, self._others
        threads.run(hessian_vector_product, 2 * self._work, self._values.size, *arguments)
        self._add_accumulators(product, vector, penalty)
        return product

    def gram(
        self,
        theta: np.ndarray | None,
        centre: np.ndarray,
        min_curvature: np.ndarray | None = None,
        classes: range | None = None,
    ) -> np.ndarray:
        """Return Gram matrices of the columns less a centre, weighted by curvatures at `theta`.

        Where it is None, by the rows' weights alone: see `moments.weighted_grams`.
        """
        blocks = self.blocks if theta is None else self.blocks_at(theta)
        n = self.design.shape[0]
        return weighted_grams(blocks, n, self.weights, centre, min_curvature, classes)

    def scores(self, theta: np.ndarray, weights: np.ndarray) -> Scores:
        """Return sums over held-out rows at packed coefficients: those with a weight in (n,).

        The target must be class indices.
        """
        (n, _), K, target = self.design.shape, self.n_outputs, self.target
        coef, intercept = self.tables(theta)
        step = max(1, _SCORE_NUMBERS // K)

        def sums(first: int, last: int) -> list[tuple[float, float, float]]:
            found = []
            for start in range(first * step, min(n, last * step), step):
                rows = slice(start, min(n, start + step))
                w, y = weights[rows], target[rows]
                Z = self.design.forward(start, rows.stop, coef, intercept, np.empty((w.size, K)))
                if K == 1:
                    best = (Z[:, 0] > 0.0).astype(np.int64)
                    log_p = np.where(y == 1, Z[:, 0], -Z[:, 0])
                    rowwise.log_sigmoid_flat(log_p, log_p)
                else:
                    best = Z.argmax(axis=1)
                    rowwise.log_softmax_rows(Z, Z)
                    log_p = Z[np.arange(y.size), y]
                # a row without weight is not looked at, whatever its loss
                loss = -float((w * np.where(w > 0.0, log_p, 0.0)).sum())
                found.append((loss, float(w[best == y].sum()), float(w.sum())))
            return found

        parts = pool.split(sums, -(-n // step), 8 * n * K + self.design.n_bytes)
        totals = np.sum([block for part in parts for block in part], axis=0)
        return Scores(*totals.tolist())

    def _add_accumulators(self, grad: np.ndarray, theta: np.ndarray, penalty: float) -> float:
        # adds the other accumulators to the first, in order, and the penalty's gradient at theta;
        # returns twice the penalty there
        squares = np.empty(-(-self.size // _BLOCK_NUMBERS))
        n_penalised = self.n_outputs * self.n_columns if penalty else 0
        arguments = grad, self._others, theta, float(penalty), n_penalised, squares
        work = (self._others.size + 3 * self.size) // NUMBERS_A_STEP
        threads.run(_add_accumulators, work, squares.size, *arguments)
        return penalty * float(squares.sum())
