"""Mean loss of ``X @ coef.T + intercept`` plus penalty, and its gradient: one pass over X, row block by row block.

A block that stays in cache is multiplied, turned into loss and gradient in place, and multiplied
back::

    Z = X_b coef^T + intercept      Z <- d loss / d Z      G += X_b^T Z

so nothing of n x K numbers exists and X is neither copied nor converted. The blocks are dealt to
slots, each with a gradient of its own; the slots are added in order. Both depend on the shape of X
only, not on the number of threads, hence the same bits for any number.

Parameters are packed as the block products like them, and only this file knows how: (p + 1, K) with
the intercept as last row, which is missing without one. Two classes have one logit, K = 1.
"""

from typing import Any

import numpy as np
from numba import prange

from .._core import threads as _threads
from .._core.jit import driver, reduction
from .._kernels.sigmoid import CHUNK, binary_rows
from .._kernels.softmax import index_rows_value_and_grad
from .._kernels.sums import blocks
from .._optimize.vectors import NUMBERS_A_STEP
from . import hessian as _linear_hessian
from . import preconditioner as _gram
from . import row_blocks as _walk
from .row_blocks import block_starts, count_slots, multiply, multiply_back

# More slots spread the work more evenly over threads, but each has a gradient: 2 always, more while
# all fit in this many numbers (32 MB) and each has four entries of X for every column, so that
# clearing and adding it costs less than its products.
_MAX_SLOTS, _SLOT_NUMBERS, _SLOT_ENTRIES = 32, 1 << 22, 4
# The slots are added so many numbers at a time.
_BLOCK = 1 << 12
# Without a penalty the loss of separable data falls towards 0 for ever, as does that of a lone
# class with weight; below this part of the null model's loss that is the end.
_FLOOR = 1e-6

# The null model of a class without weight.
_TINY_SHARE = 1e-9

_NOTHING = np.zeros(0)


# In what follows: starts (blocks + 1,) the blocks' first rows, slots (slots + 1,) the slots' first
# blocks; grad (size,) the gradient of the first slot, others (slots - 1, size) those of the others;
# values (slots,); hit, row (n,) or (1,); scale (0,); spread (K,) or None; weight (n,), or a block's
# where all rows weigh the same.


@driver
def _multiclass(source, starts, slots, target, hit, row, scale, spread, step, grad, others, values):
    K = source.n_outputs
    for slot in prange(values.size):
        Z, work = np.empty(source.block_rows * K), np.empty((5, step))
        own, total = others[slot - 1] if slot else grad, 0.0
        own[:] = 0.0
        for b in range(slots[slot], slots[slot + 1]):
            i, j = starts[b], starts[b + 1]
            multiply(source, i, j - i, Z.ctypes.data)
            logits = Z[: (j - i) * K].reshape((j - i, K))
            hits, rows = hit[i:j] if hit.size > 1 else hit, row[i:j] if row.size > 1 else row
            total += index_rows_value_and_grad(
                logits, target[i:j], hits, rows, scale, spread, scale[:0], logits, work
            )
            multiply_back(source, i, j - i, Z, Z.ctypes.data, own)
        values[slot] = total


@driver
def _binary(source, starts, slots, target, weight, grad, others, values):
    for slot in prange(values.size):
        Z, work = np.empty(source.block_rows), np.empty((5, CHUNK))
        own, total = others[slot - 1] if slot else grad, 0.0
        own[:] = 0.0
        for b in range(slots[slot], slots[slot + 1]):
            i, j = starts[b], starts[b + 1]
            multiply(source, i, j - i, Z.ctypes.data)
            first = i if weight.size == target.size else 0
            w = weight[first : first + (j - i)]
            total += binary_rows(
                Z[: j - i], target[i:j], w, w, 1.0, None, None, None, Z[: j - i], None, work
            )
            multiply_back(source, i, j - i, Z, Z.ctypes.data, own)
        values[slot] = total


@reduction
def _penalise(theta, penalty, grad):
    square = 0.0
    for j in range(theta.size):
        grad[j] += penalty * theta[j]
        square += theta[j] * theta[j]
    return square


@driver
def _total(grad, others, theta, penalty, n_penalised, squares):
    # grad (size,) += the others (slots - 1, size), in order, plus penalty times theta in the first
    # n_penalised; squares (blocks,) <- the sums of the squares of theta there
    for b in prange(squares.size):
        i, j = b * _BLOCK, min(grad.size, (b + 1) * _BLOCK)
        for slot in range(others.shape[0]):
            row, target = others[slot, i:j], grad[i:j]
            for t in range(j - i):
                target[t] += row[t]
        last = max(i, min(j, n_penalised))
        squares[b] = _penalise(theta[i:last], penalty, grad[i:last])


class LinearLoss:
    """The objective of a linear classifier: a function of one packed float64 vector (see `_solvers.Objective`).

    Parameters
    ----------
    X : ndarray or CSR matrix (n, p), float32 or float64
        Any strides; kept, never written. A CSR matrix has one integer dtype, int32 or int64, and is
        checked here.
    target : ndarray (n,), int64
        Classes from 0 to `n_classes` - 1.
    n_classes : int
        At least 2.
    weights : ndarray (n,) or (1,), float64
        Rows' weights (of a row, or the same for all), which sum to one.
    penalty : float
        The term penalty ||coef||^2 / 2 is added.
    fit_intercept : bool
    label_smoothing : float
    """

    def __init__(
        self,
        X: Any,
        target: np.ndarray,
        n_classes: int,
        *,
        weights: np.ndarray,
        penalty: float,
        fit_intercept: bool = True,
        label_smoothing: float = 0.0,
    ) -> None:
        n, self.n_columns = X.shape
        self.n_outputs = 1 if n_classes == 2 else n_classes
        self.X, self.weights, self.penalty, self.fit_intercept = X, weights, penalty, fit_intercept
        self.sparse = hasattr(X, "indptr")
        self.size = self.n_outputs * (self.n_columns + fit_intercept)
        self._starts = block_starts(X, self.n_outputs, self.sparse)
        n_blocks = self._starts.size - 1
        n_entries = int(X.indptr[-1]) if self.sparse else X.size
        most = max(
            2,
            min(
                _MAX_SLOTS,
                _SLOT_NUMBERS // self.size,
                n_entries // (_SLOT_ENTRIES * self.n_columns + 1),
            ),
        )
        n_slots = count_slots(min(n_blocks, most))
        self._slots = np.arange(n_slots + 1) * n_blocks // n_slots
        block_rows = int(np.diff(self._starts).max())
        self._others, self._values = np.empty((n_slots - 1, self.size)), np.empty(n_slots)
        self._driver: Any
        self._arguments: tuple[Any, ...]
        if self.n_outputs == 1:
            hard = np.array([0.5 * label_smoothing, 1.0 - 0.5 * label_smoothing])
            of_rows = weights if weights.size > 1 else np.full(block_rows, weights[0])
            self._driver, self._arguments = _binary, (hard[target], of_rows)
        else:
            spread = (
                np.full(n_classes, label_smoothing / n_classes) if label_smoothing else None
            )  # not compiled then
            _, _, step = blocks(n, n_classes)
            self._driver, self._arguments = (
                _multiclass,
                (target, (1.0 - label_smoothing) * weights, weights, _NOTHING, spread, step),
            )
        # one column of coefficients waits for memory as long as four
        self._work = n * self.n_outputs + n_entries * max(4, self.n_outputs) // 4
        # Addresses are used from now on, and the caller may give X other arrays meanwhile.
        self._alive = (X.data, X.indices, X.indptr) if self.sparse else (X,)
        self._source = _walk.find(X, self.n_outputs, block_rows)
        if weights.size == 1:
            counts = np.bincount(target, minlength=n_classes) / n
        else:
            counts = np.bincount(target, weights=weights, minlength=n_classes)
        self.shares = (1.0 - label_smoothing) * counts + label_smoothing / n_classes
        self.shares /= self.shares.sum()
        self.floor = (
            0.0
            if penalty > 0.0 and self.shares.min() > 0.0
            else _FLOOR * -float(self.shares @ np.log(np.maximum(self.shares, 1e-300)))
        )
        self._inverse = _gram.InverseHessian(
            X,
            self._source,
            weights,
            self.shares,
            penalty,
            centre=fit_intercept,
        )

    def parts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return views of a packed vector: coef (K, p) and intercept (K,), which is empty when there is none."""
        table = theta.reshape(-1, self.n_outputs).T
        return table[:, : self.n_columns], table[
            :, self.n_columns :
        ].ravel() if not self.fit_intercept else table[:, self.n_columns]

    def pack(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the packed vector of coef (K, p) and intercept (K,), with a mean of zero over the classes, where the penalty is least."""
        theta = np.empty(self.size)
        own_coef, own_intercept = self.parts(theta)
        several = self.n_outputs > 1
        own_coef[...] = coef - coef.mean(axis=0) if several else coef
        if self.fit_intercept:
            own_intercept[...] = intercept - intercept.mean() if several else intercept
        return theta

    def start(self) -> np.ndarray:
        """Return the packed null model: the classes' logarithmic odds as intercept."""
        log_shares = np.log(np.maximum(self.shares, _TINY_SHARE))
        odds = log_shares[1:] - log_shares[:1] if self.n_outputs == 1 else log_shares
        return self.pack(np.zeros((self.n_outputs, self.n_columns)), odds)

    def _at(self, theta: np.ndarray) -> _walk.Source:
        # the source with these coefficients, which must live as long
        coef = theta.ctypes.data
        intercept = (
            coef + theta.itemsize * self.n_outputs * self.n_columns if self.fit_intercept else 0
        )
        return self._source._replace(coef=coef, intercept=intercept)

    def _total(self, grad: np.ndarray, theta: np.ndarray) -> float:
        # adds the other slots' gradients to that of the first, in order, and that of the penalty at
        # theta; returns twice the penalty there
        squares, n_penalised = (
            np.empty(-(-self.size // _BLOCK)),
            self.n_outputs * self.n_columns if self.penalty else 0,
        )
        arguments = (grad, self._others, theta, float(self.penalty), n_penalised, squares)
        _threads.run(
            _total,
            (self._others.size + 3 * self.size) // NUMBERS_A_STEP,
            *arguments,
        )
        return self.penalty * float(squares.sum())

    def value_and_grad(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient, packed."""
        grad = np.empty(self.size)
        arguments = (
            self._at(theta),
            self._starts,
            self._slots,
            *self._arguments,
            grad,
            self._others,
            self._values,
        )
        _threads.run(self._driver, self._work, *arguments)
        square = self._total(grad, theta)
        return float(sum(self._values.tolist())) + 0.5 * square, grad

    def hessian_product(self, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Return the Hessian at `theta` times a vector, packed: one pass over X."""
        product = np.empty(self.size)
        arguments = (
            self._at(theta),
            self._at(vector),
            self._starts,
            self._slots,
            self.weights,
            product,
            self._others,
        )
        _threads.run(_linear_hessian.hessian_product, 2 * self._work, *arguments)
        self._total(product, vector)
        return product

    def precondition(self, vector: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Write the approximate inverse Hessian times a packed vector to `out`, by default a new array, and return it."""
        out = np.empty_like(vector) if out is None else out
        self._inverse.solve(vector.reshape(-1, self.n_outputs), out.reshape(-1, self.n_outputs))
        return out

    @property
    def is_diagonal(self) -> bool:
        """Tell whether the inverse Hessian is a diagonal, because X has too many columns."""
        return self._inverse.gram is None

    @property
    def refresh_cost(self) -> float:
        """Return what a refresh costs, in passes over X."""
        return self._inverse.refresh_cost

    @property
    def exact_cost(self) -> float:
        """Return what `factor` costs, in passes over X."""
        return self._inverse.exact_cost

    def refresh(self, theta: np.ndarray, near: bool = False) -> bool:
        """Renew the inverse Hessian at `theta`, where the shape of X allows it; tell whether it changed."""
        coef, intercept = self.parts(theta)
        return self._inverse.refresh(
            self._at(theta), coef.T, intercept if self.fit_intercept else None, near
        )

    def factor(self, theta: np.ndarray) -> None:
        """Make the inverse Hessian the exact one at `theta`."""
        self._inverse.factor(self._at(theta))
