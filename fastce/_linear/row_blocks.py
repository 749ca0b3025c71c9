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

from .._core.design import Design
from .._core.jit import elementwise, kernel


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

    It is one class for dense X and CSR, made with the keywords that a design's `addresses` returns:
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
    # CSR; pairs of stored entries are gone through where few are
    has_few_entries: int = 0
    indices: int = 0
    indptr: int = 0
    index_bytes: int = 0
    add_pairs: int = 0
    add_moments: int = 0


def row_blocks(design: Design, n_outputs: int, block_rows: int) -> RowBlocks:
    """Return where the row blocks of a design lie, without coefficients; it must live as long."""
    return RowBlocks(
        n_columns=design.shape[1],
        n_outputs=n_outputs,
        block_rows=block_rows,
        **design.addresses(),
    )


def count_accumulators(limit: int) -> int:
    """Return the largest power of two up to `limit`: accumulators that 2, 4, 8 or 16 threads share.

    Of three, one of two threads would get two, which is two thirds of the work.
    """
    return 1 << (max(1, limit).bit_length() - 1)


def accumulator_bounds(n: int, n_parts: int, *limits: int, minimum: int = 1) -> np.ndarray:
    """Return the first of n rows, or blocks, that each accumulator adds, and n.

    There are as many as each of the limits on memory and work allows, or the minimum, but no more
    than the parts that the rows have. They depend on nothing else, hence the same bits for any
    number of threads.
    """
    n_accumulators = count_accumulators(min(n_parts, max(minimum, min(limits))))
    return np.arange(n_accumulators + 1) * n // n_accumulators


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
