"""The walk over row blocks of X that every product of a linear model with all of its rows is made of.

A block that stays in cache is multiplied, turned into something else in place, and multiplied back. This file knows where X and the
coefficients lie in memory and which C function multiplies them; what happens in between is the callers'.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from . import _blocks
from ._jit import kernel

# A block of X and its logits take about this many bytes: a part of the second-level cache.
_BLOCK_BYTES = 1 << 18
# One block is split for two threads if it has twice as many rows.
_LEAST_ROWS = 64
# From this part of entries that are not zero on, rows of a sparse X are dealt with as if they were dense.
_MIN_DENSITY = 0.1


@intrinsic
def call(typing_context, address, arguments):
    """Call the C function at an address; every argument is a Py_ssize_t. An address is data, so compiled code can be cached."""

    def generate(context, builder, signature, values):
        word = context.get_value_type(types.intp)
        words = cgutils.unpack_tuple(builder, values[1])
        function = builder.inttoptr(values[0], ir.FunctionType(ir.VoidType(), [word] * len(words)).as_pointer())
        builder.call(function, words)
        return context.get_dummy_value()

    return types.void(types.intp, types.UniTuple(types.intp, len(arguments))), generate


class Source(NamedTuple):
    """Where the block products find things: addresses, strides (of X in elements) and sizes."""

    sparse: int
    thin: int
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
    intercept: int


@kernel
def multiply(source, start, n, Z):
    # Z (n, K) = X_b coef + intercept, at an address
    K = source.n_outputs
    if source.sparse:
        rows = source.indptr + start * source.index_bytes
        call(source.forward, (source.data, source.indices, rows, n, source.coef, source.intercept, K, Z))
    else:
        block = source.data + start * source.row_stride * source.data_bytes
        strides = source.row_stride, source.col_stride
        call(source.forward, (block, *strides, n, source.n_columns, source.coef, source.intercept, K, Z))


@kernel
def multiply_back(source, start, n, residuals, Z, grad):
    # grad (p + 1, K), or (p, K), += [X_b 1]^T residuals; residuals (n * K,) is what lies at the address Z
    K = source.n_outputs
    if source.sparse:
        rows = source.indptr + start * source.index_bytes
        call(source.backward, (source.data, source.indices, rows, n, Z, K, grad.ctypes.data))
    else:
        block = source.data + start * source.row_stride * source.data_bytes
        strides = source.row_stride, source.col_stride
        call(source.backward, (block, *strides, n, source.n_columns, Z, K, grad.ctypes.data))
    if source.intercept:
        last = grad[source.n_columns * K :]
        for i in range(n):
            for k in range(K):
                last[k] += residuals[i * K + k]


def is_full(X: Any) -> bool:
    """Tell whether X is dense, or stored sparse with so few zeros that it had better not be."""
    n, p = X.shape
    return not hasattr(X, "indptr") or X.indptr[-1] >= _MIN_DENSITY * n * p


def block_starts(X: Any, n_outputs: int, sparse: bool) -> np.ndarray:
    """Return the first row of each block and the number of rows; the blocks of a sparse X hold about as many entries each."""
    n, p = X.shape
    if not sparse:
        step = max(16, min(2048, _BLOCK_BYTES // (X.itemsize * p + 8 * n_outputs)))
        n_blocks = -(-n // step)
        # blocks of one size, that two threads, and more where there are many, have as many of
        if n_blocks > 1 or n > 2 * _LEAST_ROWS:
            multiple = 8 if n_blocks > 8 else 2
            n_blocks = min(n, -(-n_blocks // multiple) * multiple)
        return np.arange(n_blocks + 1) * n // n_blocks
    work = X.indptr.astype(np.int64) * 12 + np.arange(n + 1) * (8 * n_outputs)
    n_blocks = max(1, min(-(-n // 16), -(-int(work[-1]) // _BLOCK_BYTES)))
    starts = np.searchsorted(work, np.linspace(0, work[-1], n_blocks + 1)[1:-1])
    return np.unique(np.concatenate([[0], starts, [n]])).astype(np.int64)


def find(X: Any, n_outputs: int, block_rows: int) -> Source:
    """Return where X and packed coefficients lie, with no address of coefficients yet; a CSR matrix is checked here, once."""
    K, p = n_outputs, X.shape[1]
    symbols = _blocks.addresses()
    if hasattr(X, "indptr"):
        _blocks.check_csr(X.data, X.indices, X.indptr, p)
        kind = f"f{8 * X.data.itemsize}_i{8 * X.indices.itemsize}"
        forward, backward = symbols[f"fastce_csr_forward_{kind}"], symbols[f"fastce_csr_backward_{kind}"]
        parts = X.data.ctypes.data, X.data.itemsize, 0, 0, X.indices.ctypes.data, X.indptr.ctypes.data, X.indices.itemsize
        return Source(1, not is_full(X), forward, backward, *parts, p, K, block_rows, 0, 0)
    kind = f"f{8 * X.itemsize}"
    forward, backward = symbols[f"fastce_dense_forward_{kind}"], symbols[f"fastce_dense_backward_{kind}"]
    rows, columns = (stride // X.itemsize for stride in X.strides)
    return Source(0, False, forward, backward, X.ctypes.data, X.itemsize, rows, columns, 0, 0, 0, p, K, block_rows, 0, 0)


def _reader(kind: str) -> Any:
    @intrinsic
    def read(typing_context, address):
        def generate(context, builder, signature, values):
            word = context.get_value_type(getattr(types, kind))
            return builder.load(builder.inttoptr(values[0], word.as_pointer()))

        return getattr(types, kind)(types.intp), generate

    return read


_float32_at, _float64_at, _int32_at, _int64_at = map(_reader, ("float32", "float64", "int32", "int64"))


def _viewer(kind: str) -> Any:
    @intrinsic
    def pointer(typing_context, address):
        def generate(context, builder, signature, values):
            return builder.inttoptr(values[0], context.get_value_type(signature.return_type))

        return types.CPointer(getattr(types, kind))(types.intp), generate

    return pointer


_to_float32, _to_float64 = map(_viewer, ("float32", "float64"))


@kernel
def _less(row, centre, out):
    for j in range(out.size):
        out[j] = row[j] - centre[j]


@kernel
def _index_at(address, width):
    return np.int64(_int32_at(address)) if width == 4 else _int64_at(address)


@kernel
def _entry_at(address, width):
    return np.float64(_float32_at(address)) if width == 4 else _float64_at(address)


@kernel
def read_row(source, i, centre, out):
    """Write row i of X, less a centre (p,), to out (p,), as float64."""
    p, width = source.n_columns, source.data_bytes
    if not source.sparse:
        address, step = source.data + i * source.row_stride * width, source.col_stride * width
        # As arrays, entries that are neighbours are read by vectors.
        if source.col_stride == 1 and width == 4:
            _less(carray(_to_float32(address), (p,)), centre, out[:p])
        elif source.col_stride == 1:
            _less(carray(_to_float64(address), (p,)), centre, out[:p])
        elif width == 4:
            for j in range(p):
                out[j] = np.float64(_float32_at(address + j * step)) - centre[j]
        else:
            for j in range(p):
                out[j] = _float64_at(address + j * step) - centre[j]
        return
    for j in range(p):
        out[j] = -centre[j]
    start = _index_at(source.indptr + i * source.index_bytes, source.index_bytes)
    stop = _index_at(source.indptr + (i + 1) * source.index_bytes, source.index_bytes)
    for t in range(start, stop):
        out[_index_at(source.indices + t * source.index_bytes, source.index_bytes)] += _entry_at(source.data + t * width, width)


@kernel
def add_pairs(source, i, factor, gram):
    """Add factor times [x 1]^T [x 1] of row i of a sparse X to gram (p + 1, p + 1), its lower half.

    Columns may come in any order; entries that stand there twice count as their sum.
    """
    p, width, wide = source.n_columns, source.data_bytes, source.index_bytes
    start = _index_at(source.indptr + i * wide, wide)
    stop = _index_at(source.indptr + (i + 1) * wide, wide)
    for a in range(start, stop):
        # as unsigned numbers, which Numba need not check for being negative
        x, j = _entry_at(source.data + a * width, width), np.uint64(_index_at(source.indices + a * wide, wide))
        left = factor * x
        for b in range(start, a):
            k = np.uint64(_index_at(source.indices + b * wide, wide))
            product = left * _entry_at(source.data + b * width, width)
            gram[max(j, k), min(j, k)] += product + product if j == k else product
        gram[j, j] += left * x
        gram[p, j] += left
    gram[p, p] += factor


@kernel
def add_moments(source, i, factor, zeros, row, sums, squares):
    """Add factor times row i of X to sums (p,), and times its squares to squares (p,); `zeros` (p,) are, `row` (p,) is room."""
    p, width, wide = source.n_columns, source.data_bytes, source.index_bytes
    if not source.sparse:
        read_row(source, i, zeros, row)
        for j in range(p):
            sums[j] += factor * row[j]
            squares[j] += factor * row[j] * row[j]
        return
    start = _index_at(source.indptr + i * wide, wide)
    stop = _index_at(source.indptr + (i + 1) * wide, wide)
    for t in range(start, stop):
        j, x = _index_at(source.indices + t * wide, wide), _entry_at(source.data + t * width, width)
        sums[j] += factor * x
        squares[j] += factor * x * x
