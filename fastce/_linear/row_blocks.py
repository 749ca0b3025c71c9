"""The walk over row blocks of X that every product of a linear model with all of its rows is made of.

A block that stays in cache is multiplied, turned into something else in place, and multiplied back.
This file knows where X and the coefficients lie in memory and which C function multiplies them;
what happens in between is the callers'.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._core.jit import elementwise, kernel
from .._native import products as _blocks

# A block of X and its logits take about this many bytes: a part of the second-level cache.
_BLOCK_BYTES = 1 << 18
# One block is split for two threads if it has twice as many rows.
_LEAST_ROWS = 64
# From this part of entries that are not zero on, rows of a sparse X are dealt with as if they were
# dense.
_MIN_DENSITY = 0.1


@intrinsic
def call(typing_context, address, arguments):
    """Call the C function at an address; every argument is a Py_ssize_t. An address is data, so compiled code can be cached."""

    def generate(context, builder, signature, values):
        word = context.get_value_type(types.intp)
        words = cgutils.unpack_tuple(builder, values[1])
        function = builder.inttoptr(
            values[0], ir.FunctionType(ir.VoidType(), [word] * len(words)).as_pointer()
        )
        builder.call(function, words)
        return context.get_dummy_value()

    return types.void(types.intp, types.UniTuple(types.intp, len(arguments))), generate


class Source(NamedTuple):
    """Where the block products find things: addresses, strides (of X in elements) and sizes."""

    sparse: int
    thin: int
    forward: int
    backward: int
    read: int
    add_pairs: int
    add_moments: int
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
        call(
            source.forward,
            (source.data, source.indices, rows, n, source.coef, source.intercept, K, Z),
        )
    else:
        block = source.data + start * source.row_stride * source.data_bytes
        strides = source.row_stride, source.col_stride
        call(
            source.forward,
            (block, *strides, n, source.n_columns, source.coef, source.intercept, K, Z),
        )


@kernel
def multiply_back(source, start, n, residuals, Z, grad):
    # grad (p + 1, K), or (p, K), += [X_b 1]^T residuals; residuals (n * K,) is what lies at the
    # address Z
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
        return np.arange(n_blocks + 1, dtype=np.int64) * n // n_blocks
    work = X.indptr.astype(np.int64) * 12 + np.arange(n + 1) * (8 * n_outputs)
    n_blocks = max(1, min(-(-n // 16), -(-int(work[-1]) // _BLOCK_BYTES)))
    starts = np.searchsorted(work, np.linspace(0, work[-1], n_blocks + 1)[1:-1])
    return np.unique(np.concatenate([[0], starts, [n]])).astype(np.int64)


def count_slots(most: int) -> int:
    """Return how many slots the work is dealt to: the power of two up to `most`, for 2, 4, 8 or 16 threads.

    Of three slots one of two threads gets two, two thirds of the work.
    """
    return 1 << (max(1, most).bit_length() - 1)


def find(X: Any, n_outputs: int, block_rows: int) -> Source:
    """Return where X and packed coefficients lie, with no address of coefficients yet; a CSR matrix is checked here, once."""
    K, p = n_outputs, X.shape[1]
    symbols = _blocks.addresses()
    if hasattr(X, "indptr"):
        _blocks.check_csr(X.data, X.indices, X.indptr, p)
        kind = f"f{8 * X.data.itemsize}_i{8 * X.indices.itemsize}"
        functions = (
            symbols[f"fastce_csr_{name}_{kind}"]
            for name in ("forward", "backward", "read", "add_pairs", "add_moments")
        )
        parts = (
            X.data.ctypes.data,
            X.data.itemsize,
            0,
            0,
            X.indices.ctypes.data,
            X.indptr.ctypes.data,
            X.indices.itemsize,
        )
        return Source(1, not is_full(X), *functions, *parts, p, K, block_rows, 0, 0)
    functions = (
        symbols[f"fastce_dense_{name}_f{8 * X.itemsize}"]
        for name in ("forward", "backward", "read")
    )
    rows, columns = (stride // X.itemsize for stride in X.strides)
    return Source(
        0,
        False,
        *functions,
        0,
        0,
        X.ctypes.data,
        X.itemsize,
        rows,
        columns,
        0,
        0,
        0,
        p,
        K,
        block_rows,
        0,
        0,
    )


@kernel
def read_row(source, i, centre, out):
    """Write row i of X, less a centre (p,), to out (p,) or longer, as float64."""
    p = source.n_columns
    if source.sparse:
        row = source.indptr + i * source.index_bytes
        call(
            source.read, (source.data, source.indices, row, p, centre.ctypes.data, out.ctypes.data)
        )
    else:
        row = source.data + i * source.row_stride * source.data_bytes
        call(source.read, (row, source.col_stride, p, centre.ctypes.data, out.ctypes.data))


@kernel
def add_pairs(source, i, factor, gram):
    """Add factor (1,) times [x 1]^T [x 1] of row i of a sparse X to gram (p + 1, p + 1), its lower half."""
    row = source.indptr + i * source.index_bytes
    call(
        source.add_pairs,
        (source.data, source.indices, row, source.n_columns, factor.ctypes.data, gram.ctypes.data),
    )


@elementwise  # the same bits wherever it is compiled
def add_moments(source, i, factor, zeros, row, sums, squares):
    """Add factor (1,) times row i of X to sums (p,), and times its squares to squares (p,); `zeros` (p,) are, `row` (p,) is room."""
    if source.sparse:
        start = source.indptr + i * source.index_bytes
        call(
            source.add_moments,
            (
                source.data,
                source.indices,
                start,
                factor.ctypes.data,
                sums.ctypes.data,
                squares.ctypes.data,
            ),
        )
        return
    read_row(source, i, zeros, row)
    for j in range(sums.size):
        sums[j] += factor[0] * row[j]
        squares[j] += factor[0] * row[j] * row[j]
