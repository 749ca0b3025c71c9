"""Products of X with coefficients, row block by row block: what sums of linear models consist of.

A block that stays in cache is multiplied, turned into something else in place, and multiplied back.
This file knows where X and the coefficients lie in memory and calls the C function that multiplies
them (``_native/simd/dense.h`` and ``csr.h``): forward is X coef, backward is X^T residuals. What
happens in between is the callers'.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._core.design import CsrDesign, DenseDesign, Design
from .._core.jit import elementwise, kernel
from .._native import products

# A block of X and its logits, in bytes: a part of the second-level cache.
_BLOCK_BYTES = 1 << 18
# What an entry of CSR takes of that, in bytes: a double and an int32 index.
_BYTES_AN_ENTRY = 12
# Rows that each of two threads has at least where one block is split for them.
_MIN_ROWS = 64
# Rows of a block: at least 16, over which a call of the C function is spread, and at most 2048.
_MIN_BLOCK_ROWS, _MAX_BLOCK_ROWS = 16, 2048
# Numbers of blocks are multiples of this, so that 2 threads have equally many; and, of more than 8
# blocks, so that 4 and 8 threads have.
_FEW_BLOCKS, _MANY_BLOCKS = 2, 8


@intrinsic
def call(typing_context, address, arguments):
    """Call the C function at an address; all arguments are Py_ssize_t.

    An address is data, so compiled code can be cached.
    """

    def generate(context, builder, signature, values):
        word = context.get_value_type(types.intp)
        words = cgutils.unpack_tuple(builder, values[1])
        function = builder.inttoptr(
            values[0], ir.FunctionType(ir.VoidType(), [word] * len(words)).as_pointer()
        )
        builder.call(function, words)
        return context.get_dummy_value()

    return types.void(types.intp, types.UniTuple(types.intp, len(arguments))), generate


class RowBlocks(NamedTuple):
    """Where the products find things: addresses, strides of X in elements, and sizes.

    It is one class for dense X and CSR, made with keywords by `_dense_blocks` and `_csr_blocks`:
    with a class for each, Numba would compile each driver twice. A first fit compiles for 12 s; one
    of the other format after it compiles nothing. Fields of the other format are 0.
    """

    is_sparse: int
    # C functions: see `fastce._native.products.addresses`
    forward: int
    backward: int
    read: int
    # X, of either format
    data: int
    n_columns: int
    # sizes of what is computed
    n_outputs: int
    block_rows: int
    # coefficients (p, K) and the intercept (K,) after them, or 0: see `Shard.blocks_at`
    coef: int = 0
    intercept: int = 0
    # dense X
    data_bytes: int = 0
    row_stride: int = 0
    col_stride: int = 0
    # CSR; pairs of stored entries are gone through where few are (`is_thin`)
    is_thin: int = 0
    indices: int = 0
    indptr: int = 0
    index_bytes: int = 0
    add_pairs: int = 0
    add_moments: int = 0


def row_blocks(design: Design, n_outputs: int, block_rows: int) -> RowBlocks:
    """Return where the row blocks of a design lie, without coefficients; it must live as long."""
    if isinstance(design, CsrDesign):
        return _csr_blocks(design, n_outputs, block_rows)
    return _dense_blocks(design, n_outputs, block_rows)


def _dense_blocks(design: DenseDesign, n_outputs: int, block_rows: int) -> RowBlocks:
    X, symbols = design.X, products.addresses()
    kind = f"f{8 * X.itemsize}"
    row_stride, col_stride = (stride // X.itemsize for stride in X.strides)
    return RowBlocks(
        is_sparse=0,
        forward=symbols[f"fastce_dense_forward_{kind}"],
        backward=symbols[f"fastce_dense_backward_{kind}"],
        read=symbols[f"fastce_dense_read_{kind}"],
        data=X.ctypes.data,
        n_columns=X.shape[1],
        n_outputs=n_outputs,
        block_rows=block_rows,
        data_bytes=X.itemsize,
        row_stride=row_stride,
        col_stride=col_stride,
    )


def _csr_blocks(design: CsrDesign, n_outputs: int, block_rows: int) -> RowBlocks:
    symbols = products.addresses()
    kind = f"f{8 * design.data.itemsize}_i{8 * design.indices.itemsize}"
    return RowBlocks(
        is_sparse=1,
        forward=symbols[f"fastce_csr_forward_{kind}"],
        backward=symbols[f"fastce_csr_backward_{kind}"],
        read=symbols[f"fastce_csr_read_{kind}"],
        data=design.data.ctypes.data,
        n_columns=design.shape[1],
        n_outputs=n_outputs,
        block_rows=block_rows,
        is_thin=int(not design.is_nearly_dense),
        indices=design.indices.ctypes.data,
        indptr=design.indptr.ctypes.data,
        index_bytes=design.indices.itemsize,
        add_pairs=symbols[f"fastce_csr_add_pairs_{kind}"],
        add_moments=symbols[f"fastce_csr_add_moments_{kind}"],
    )


def block_starts(design: Design, n_outputs: int) -> np.ndarray:
    """Return the first row of each block, and the number of rows.

    Blocks of dense X have equally many rows, those of CSR about equally many entries.
    """
    n, p = design.shape
    if isinstance(design, DenseDesign):
        rows = _BLOCK_BYTES // (design.dtype.itemsize * p + 8 * n_outputs)
        step = max(_MIN_BLOCK_ROWS, min(_MAX_BLOCK_ROWS, rows))
        n_blocks = -(-n // step)
        if n_blocks > 1 or n > 2 * _MIN_ROWS:
            multiple = _MANY_BLOCKS if n_blocks > _MANY_BLOCKS else _FEW_BLOCKS
            n_blocks = min(n, -(-n_blocks // multiple) * multiple)
        return np.arange(n_blocks + 1, dtype=np.int64) * n // n_blocks
    work = design.indptr.astype(np.int64) * _BYTES_AN_ENTRY + np.arange(n + 1) * (8 * n_outputs)
    n_blocks = max(1, min(-(-n // _MIN_BLOCK_ROWS), -(-int(work[-1]) // _BLOCK_BYTES)))
    starts = np.searchsorted(work, np.linspace(0, work[-1], n_blocks + 1)[1:-1])
    return np.unique(np.concatenate([[0], starts, [n]])).astype(np.int64)


def count_accumulators(limit: int) -> int:
    """Return the largest power of two up to `limit`: accumulators that 2, 4, 8 or 16 threads share.

    Of three, one of two threads would get two, which is two thirds of the work.
    """
    return 1 << (max(1, limit).bit_length() - 1)


@kernel
def multiply(blocks, start, n, Z):
    # Z (n, K) = X_b coef + intercept, at an address
    K = blocks.n_outputs
    if blocks.is_sparse:
        rows = blocks.indptr + start * blocks.index_bytes
        call(
            blocks.forward,
            (blocks.data, blocks.indices, rows, n, blocks.coef, blocks.intercept, K, Z),
        )
    else:
        block = blocks.data + start * blocks.row_stride * blocks.data_bytes
        strides = blocks.row_stride, blocks.col_stride
        call(
            blocks.forward,
            (block, *strides, n, blocks.n_columns, blocks.coef, blocks.intercept, K, Z),
        )


@kernel
def multiply_back(blocks, start, n, residuals, Z, grad):
    # grad (p + 1, K), or (p, K), += [X_b 1]^T residuals; residuals (n * K,) is what lies at the
    # address Z
    K = blocks.n_outputs
    if blocks.is_sparse:
        rows = blocks.indptr + start * blocks.index_bytes
        call(blocks.backward, (blocks.data, blocks.indices, rows, n, Z, K, grad.ctypes.data))
    else:
        block = blocks.data + start * blocks.row_stride * blocks.data_bytes
        strides = blocks.row_stride, blocks.col_stride
        call(blocks.backward, (block, *strides, n, blocks.n_columns, Z, K, grad.ctypes.data))
    if blocks.intercept:
        last = grad[blocks.n_columns * K :]
        for i in range(n):
            for k in range(K):
                last[k] += residuals[i * K + k]


@kernel
def read_row(blocks, i, centre, out):
    """Write row i of X, less a centre (p,), to out (p,) or longer, as float64."""
    p = blocks.n_columns
    if blocks.is_sparse:
        row = blocks.indptr + i * blocks.index_bytes
        call(
            blocks.read, (blocks.data, blocks.indices, row, p, centre.ctypes.data, out.ctypes.data)
        )
    else:
        row = blocks.data + i * blocks.row_stride * blocks.data_bytes
        call(blocks.read, (row, blocks.col_stride, p, centre.ctypes.data, out.ctypes.data))


@kernel
def add_pairs(blocks, i, factor, gram):
    """Add factor (1,) times [x 1]^T [x 1] of row i of CSR to the lower half of gram (P, P)."""
    row = blocks.indptr + i * blocks.index_bytes
    call(
        blocks.add_pairs,
        (blocks.data, blocks.indices, row, blocks.n_columns, factor.ctypes.data, gram.ctypes.data),
    )


@elementwise  # the same bits wherever it is compiled
def add_moments(blocks, i, factor, zeros, row, sums, squares):
    """Add factor (1,) times row i of X to sums (p,), and times its squares to squares (p,).

    `zeros` (p,) are zeros, `row` (p,) is scratch memory; both are empty for CSR.
    """
    if blocks.is_sparse:
        start = blocks.indptr + i * blocks.index_bytes
        call(
            blocks.add_moments,
            (
                blocks.data,
                blocks.indices,
                start,
                factor.ctypes.data,
                sums.ctypes.data,
                squares.ctypes.data,
            ),
        )
        return
    read_row(blocks, i, zeros, row)
    for j in range(sums.size):
        sums[j] += factor[0] * row[j]
        squares[j] += factor[0] * row[j] * row[j]
