"""Mean loss of ``X @ coef.T + intercept`` plus penalty, and its gradient: one pass over X, row block by row block.

A block that stays in cache is multiplied, turned into loss and gradient in place, and multiplied back::

    Z = X_b coef^T + intercept      Z <- d loss / d Z      G += Z^T X_b

so nothing of n x K numbers exists and X is neither copied nor converted. The blocks are dealt to slots, each with a gradient of its own;
the slots are added in order. Both depend on the shape of X only, not on the number of threads, hence the same bits for any number.

Parameters are packed as the block products like them, and only this file knows how: dense X, (K, p + 1) with the intercept as last
column; CSR, (p + 1, K) with the intercept as last row; without an intercept the last one is missing. Two classes have one logit, K = 1.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from . import _blocks, _gram, _threads
from ._binary_kernels import CHUNK, binary_rows
from ._cross_entropy_kernels import index_rows_value_and_grad
from ._jit import driver, kernel
from ._rows import blocks

# A block of X and its logits take about this many bytes: a part of the second-level cache.
_BLOCK_BYTES = 1 << 18
# More slots spread the work more evenly over threads, but each has a gradient: 2 always, more while all fit in this many numbers (32 MB).
_MAX_SLOTS, _SLOT_NUMBERS = 32, 1 << 22
# Without a penalty the loss of separable data falls towards 0 for ever, as does that of a lone class with weight;
# below this part of the null model's loss that is the end.
_FLOOR = 1e-6

# The null model of a class without weight.
_TINY_SHARE = 1e-9

_NOTHING = np.zeros(0)


@intrinsic
def _call(typing_context, address, arguments):
    """Call the C function at an address; every argument is a Py_ssize_t. An address is data, so compiled code can be cached."""

    def generate(context, builder, signature, values):
        word = context.get_value_type(types.intp)
        words = cgutils.unpack_tuple(builder, values[1])
        function = builder.inttoptr(values[0], ir.FunctionType(ir.VoidType(), [word] * len(words)).as_pointer())
        builder.call(function, words)
        return context.get_dummy_value()

    return types.void(types.intp, types.UniTuple(types.intp, len(arguments))), generate


class _Source(NamedTuple):
    """Where the block products find things: addresses, strides (of X in elements) and sizes."""

    sparse: int
    forward: int
    backward: int
    data: int
    data_bytes: int
    row_stride: int
    col_stride: int
    indices: int
    indptr: int
    index_bytes: int
    n_columns: int
    n_outputs: int
    block_rows: int
    coef: int
    coef_stride: int
    intercept: int
    intercept_start: int
    intercept_stride: int


@kernel
def _multiply(source, start, n, Z):
    # Z (n, K) = X_b coef^T + intercept, at an address
    K = source.n_outputs
    if source.sparse:
        rows = source.indptr + start * source.index_bytes
        _call(source.forward, (source.data, source.indices, rows, n, source.coef, source.intercept, K, Z))
    else:
        block = source.data + start * source.row_stride * source.data_bytes
        strides = source.row_stride, source.col_stride
        _call(source.forward, (block, *strides, n, source.n_columns, source.coef, source.coef_stride, source.intercept, K, Z))


@kernel
def _multiply_back(source, start, n, residuals, Z, grad):
    # grad += residuals^T [X_b 1]; residuals (n * K,) is what lies at the address Z
    K = source.n_outputs
    if source.sparse:
        rows = source.indptr + start * source.index_bytes
        _call(source.backward, (source.data, source.indices, rows, n, Z, K, grad.ctypes.data))
    else:
        block = source.data + start * source.row_stride * source.data_bytes
        strides = source.row_stride, source.col_stride
        _call(source.backward, (block, *strides, n, source.n_columns, Z, K, grad.ctypes.data, source.coef_stride))
    if source.intercept:
        for i in range(n):
            for k in range(K):
                grad[source.intercept_start + k * source.intercept_stride] += residuals[i * K + k]


# In what follows: starts (blocks + 1,) the blocks' first rows, slots (slots + 1,) the slots' first blocks, grads (slots, size),
# values (slots,); hit, row (n,) or (1,); scale, spread (K,) or (0,); weight (n,), or a block's
# where all rows weigh the same.


@driver
def _multiclass(source, starts, slots, target, hit, row, scale, spread, step, grads, values):
    K = source.n_outputs
    for slot in prange(values.size):
        Z, work = np.empty(source.block_rows * K), np.empty((5, step))
        grad, total = grads[slot], 0.0
        grad[:] = 0.0
        for b in range(slots[slot], slots[slot + 1]):
            i, j = starts[b], starts[b + 1]
            _multiply(source, i, j - i, Z.ctypes.data)
            logits = Z[: (j - i) * K].reshape((j - i, K))
            hits, rows = hit[i:j] if hit.size > 1 else hit, row[i:j] if row.size > 1 else row
            total += index_rows_value_and_grad(logits, target[i:j], hits, rows, scale, spread, scale[:0], logits, work)
            _multiply_back(source, i, j - i, Z, Z.ctypes.data, grad)
        values[slot] = total


@driver
def _binary(source, starts, slots, target, weight, grads, values):
    for slot in prange(values.size):
        Z, work = np.empty(source.block_rows), np.empty((5, CHUNK))
        grad, total = grads[slot], 0.0
        grad[:] = 0.0
        for b in range(slots[slot], slots[slot + 1]):
            i, j = starts[b], starts[b + 1]
            _multiply(source, i, j - i, Z.ctypes.data)
            first = i if weight.size == target.size else 0
            w = weight[first : first + (j - i)]
            total += binary_rows(Z[: j - i], target[i:j], w, w, 1.0, None, None, None, Z[: j - i], None, work)
            _multiply_back(source, i, j - i, Z, Z.ctypes.data, grad)
        values[slot] = total


def _block_starts(X: Any, n_outputs: int, sparse: bool) -> np.ndarray:
    """Return the first row of each block and the number of rows; the blocks of a sparse X hold about as many entries each."""
    n, p = X.shape
    if not sparse:
        step = max(16, min(2048, _BLOCK_BYTES // (X.itemsize * p + 8 * n_outputs)))
        return np.append(np.arange(0, n, step), n).astype(np.int64)
    work = X.indptr.astype(np.int64) * 12 + np.arange(n + 1) * (8 * n_outputs)
    n_blocks = max(1, min(-(-n // 16), -(-int(work[-1]) // _BLOCK_BYTES)))
    starts = np.searchsorted(work, np.linspace(0, work[-1], n_blocks + 1)[1:-1])
    return np.unique(np.concatenate([[0], starts, [n]])).astype(np.int64)


class LinearLoss:
    """The objective of a linear classifier: a function of one packed float64 vector (see `_solvers.Objective`).

    Parameters
    ----------
    X : ndarray or CSR matrix (n, p), float32 or float64
        Any strides; kept, never written. A CSR matrix has one integer dtype, int32 or int64, and is checked here.
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
    n_threads : int or None
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
        n_threads: int | None = None,
    ) -> None:
        n, self.n_columns = X.shape
        self.n_outputs = 1 if n_classes == 2 else n_classes
        self.X, self.weights, self.penalty, self.fit_intercept, self.n_threads = X, weights, penalty, fit_intercept, n_threads
        self.sparse = hasattr(X, "indptr")
        self.size = self.n_outputs * (self.n_columns + fit_intercept)
        self._starts = _block_starts(X, self.n_outputs, self.sparse)
        n_blocks = self._starts.size - 1
        n_slots = min(n_blocks, max(2, min(_MAX_SLOTS, _SLOT_NUMBERS // self.size)))
        self._slots = np.arange(n_slots + 1) * n_blocks // n_slots
        block_rows = int(np.diff(self._starts).max())
        self._grads, self._values = np.empty((n_slots, self.size)), np.empty(n_slots)
        self._driver: Any
        self._arguments: tuple[Any, ...]
        if self.n_outputs == 1:
            hard = np.array([0.5 * label_smoothing, 1.0 - 0.5 * label_smoothing])
            of_rows = weights if weights.size > 1 else np.full(block_rows, weights[0])
            self._driver, self._arguments = _binary, (hard[target], of_rows)
        else:
            spread = np.full(n_classes, label_smoothing / n_classes) if label_smoothing else _NOTHING
            _, _, step = blocks(n, n_classes)
            self._driver, self._arguments = _multiclass, (target, (1.0 - label_smoothing) * weights, weights, _NOTHING, spread, step)
        n_entries = int(X.indptr[-1]) if self.sparse else X.size
        self._work = n * self.n_outputs + n_entries * self.n_outputs // 4
        self._source = self._find(block_rows)
        if weights.size == 1:
            counts = np.bincount(target, minlength=n_classes) / n
        else:
            counts = np.bincount(target, weights=weights, minlength=n_classes)
        self.shares = (1.0 - label_smoothing) * counts + label_smoothing / n_classes
        self.shares /= self.shares.sum()
        self.floor = (
            0.0 if penalty > 0.0 and self.shares.min() > 0.0 else _FLOOR * -float(self.shares @ np.log(np.maximum(self.shares, 1e-300)))
        )
        self._inverse = _gram.InverseHessian(X, weights, self.shares, penalty, centre=fit_intercept)

    def _find(self, block_rows: int) -> _Source:
        X, K, p = self.X, self.n_outputs, self.n_columns
        symbols = _blocks.addresses()
        if self.sparse:
            # Their addresses are used from now on, and the caller may give X other arrays meanwhile.
            self._alive = X.data, X.indices, X.indptr
            _blocks.check_csr(X.data, X.indices, X.indptr, p)
            kind = f"f{8 * X.data.itemsize}_i{8 * X.indices.itemsize}"
            forward, backward = symbols[f"fastce_csr_forward_{kind}"], symbols[f"fastce_csr_backward_{kind}"]
            parts = X.data.ctypes.data, X.data.itemsize, 0, 0, X.indices.ctypes.data, X.indptr.ctypes.data, X.indices.itemsize
            place = K, p * K, 1
        else:
            kind = f"f{8 * X.itemsize}"
            forward, backward = symbols[f"fastce_dense_forward_{kind}"], symbols[f"fastce_dense_backward_{kind}"]
            rows, columns = (stride // X.itemsize for stride in X.strides)
            parts = X.ctypes.data, X.itemsize, rows, columns, 0, 0, 0
            place = p + self.fit_intercept, p, p + self.fit_intercept
        return _Source(int(self.sparse), forward, backward, *parts, p, K, block_rows, 0, place[0], 0, place[1], place[2])

    def parts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return views of a packed vector: coef (K, p) and intercept (K,), which is empty when there is none."""
        if self.sparse:
            table = theta.reshape(-1, self.n_outputs).T
        else:
            table = theta.reshape(self.n_outputs, -1)
        return table[:, : self.n_columns], table[:, self.n_columns :].ravel() if not self.fit_intercept else table[:, self.n_columns]

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

    def value_and_grad(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient, packed."""
        coef, intercept = self.parts(theta)
        own_intercept = np.ascontiguousarray(intercept)
        source = self._source._replace(coef=theta.ctypes.data, intercept=own_intercept.ctypes.data if self.fit_intercept else 0)
        arguments = (source, self._starts, self._slots, *self._arguments, self._grads, self._values)
        _threads.run(self._driver, self._work, *arguments, n_threads=self.n_threads)
        grad = self._grads[0].copy()
        for other in self._grads[1:]:
            grad += other
        value = float(sum(self._values.tolist()))
        if self.penalty:
            value += 0.5 * self.penalty * float(np.vdot(coef, coef))
            grad_coef, _ = self.parts(grad)
            grad_coef += self.penalty * coef
        return value, grad

    def precondition(self, vector: np.ndarray) -> np.ndarray:
        """Return the approximate inverse Hessian times a packed vector."""
        grad, grad_intercept = self.parts(vector)
        if not self.fit_intercept:
            grad_intercept = np.zeros(self.n_outputs)
        result = np.empty_like(vector)
        coef, intercept = self.parts(result)
        step, step_intercept = self._inverse.solve(grad, grad_intercept)
        coef[...] = step
        if self.fit_intercept:
            intercept[...] = step_intercept
        return result

    def refresh(self, theta: np.ndarray) -> bool:
        """Renew the inverse Hessian at `theta`, where the shape of X allows it; tell whether it changed."""
        coef, intercept = self.parts(theta)
        return self._inverse.refresh(coef, intercept if self.fit_intercept else np.zeros(self.n_outputs))
