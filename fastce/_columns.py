"""Blocks of rows with few classes, turned so that the rows are the vector direction.

A row of 2 to 32 numbers fills a vector badly and pays for its own logarithm. Here a block of rows is transposed into scratch memory, so
that each step is one loop over the rows of the block: maximum, exponentials, their sum, logarithm. What is computed is told in `_rows`.
"""

from ._jit import kernel
from ._math import exp, larger, log1p

FEW_CLASSES = 32
BLOCK_ROWS = 256


@kernel
def open_block(x, terms, row_max, rest, logs):
    """Open a block of rows x (n, K), n <= BLOCK_ROWS: the first n columns of terms (K, BLOCK_ROWS) and entries of the others are written.

    terms becomes exp(x - max x), transposed; row_max, rest and logs = log1p(rest) are those of each row.
    """
    n, n_classes = x.shape
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(n):
        for k in range(n_classes):
            terms[k, i] = x[i, k]
    for i in range(n):
        row_max[i] = terms[0, i]
        rest[i] = zero
        logs[i] = -one  # counts the maxima, less one
    for k in range(1, n_classes):
        column = terms[k]
        for i in range(n):
            row_max[i] = larger(row_max[i], column[i])
    for k in range(n_classes):
        column = terms[k]
        for i in range(n):
            difference = column[i] - row_max[i]
            term = exp(difference)
            rest[i] += zero if difference == zero else term
            logs[i] += one if difference == zero else zero
            column[i] = term
    for i in range(n):
        rest[i] += logs[i]
        logs[i] = log1p(rest[i])
