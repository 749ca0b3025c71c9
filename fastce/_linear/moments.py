"""Second moments of the columns of X, row block by row block: sums, sums of squares, Gram matrices.

Rows count with their weight, or with their weight times the curvature p_k (1 - p_k) of the loss at
some coefficients, for each class k. Sums over rows are kept in accumulators that are added in
order; how many depends on the shape of X only, hence the same bits for any number of threads.
"""

import math

import numpy as np
from numba.extending import get_cython_function_address

from .._core import threads
from .._core.jit import driver, kernel
from .._kernels.intrinsics import BLOCK_ROWS, exp_nonpositive, weighted_softmax
from .._kernels.sums import clear
from .row_blocks import RowBlocks, accumulator_bounds, add_moments, add_pairs, call, multiply
from .row_blocks import read_row as read_columns

# Rows are read in blocks of this many numbers (256 kB), but of no fewer rows than 256, so that a
# rank-k update of BLAS has enough of them, nor of more than 512.
_BLOCK_NUMBERS, _MIN_BLOCK, _MAX_BLOCK = 1 << 15, 256, 512
# Most accumulators, and most numbers in all of them (16 MB).
_MAX_ACCUMULATORS, _ACCUMULATOR_NUMBERS = 16, 1 << 21
# Entries of X that an accumulator of column sums adds for each column, at least, so that clearing
# and adding it costs less than that.
_MIN_ENTRIES = 8
# Least part of a column's sum of squares that may be left when the mean is subtracted afterwards:
# 1e-6 of it leaves ten of sixteen digits.
_MIN_LEFT = 1e-6
# Multiply-adds of a Gram matrix in the time of one evaluation of an element (see `threads.run`).
_PRODUCTS_AN_EVALUATION = 16
# Added to curvatures, so that factors of confident rows are positive; a curvature of 1e-12 is far
# below what any other row brings.
CURVATURE_FLOOR = 1e-12
# The fractional parts of multiples of (sqrt(5) - 1) / 2 fill the unit interval more evenly than
# random numbers, for any range of rows (Weyl's equidistribution; the golden ratio does it best).
_GOLDEN_RATIO = 0.6180339887498949
# Arguments of BLAS: the upper half in Fortran's order, and A A^T rather than A^T A.
_UPPER, _NO_TRANSPOSE = ord("U"), ord("N")

# Where an array of `integers` of `add_square` holds what `dsyrk` takes by address: order and number
# of rows (int32), and the two characters.
_N_INTEGERS, _ORDER, _ROWS, _UPLO, _TRANS = 8, 0, 1, 6, 7
_INT_BYTES = 4


@kernel
def probabilities_of(Z, n, K):
    # logits Z (n * K,) become probabilities; for one logit p (1 - p)
    if K == 1:
        for i in range(n):
            Z[i] = -abs(Z[i])
        exp_nonpositive(Z[:n], Z[:n])
        for i in range(n):
            Z[i] /= (1.0 + Z[i]) * (1.0 + Z[i])
        return
    work = np.empty((4, BLOCK_ROWS))
    for i in range(BLOCK_ROWS):
        work[0, i] = 1.0
    for start in range(0, n, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, n)
        rows = Z[start * K : stop * K].reshape((stop - start, K))
        weighted_softmax(rows, work[0], rows, work[1], work[2], work[3])


# In what follows: weight (n,) or (1,); centre (p,) is subtracted from the columns; logits are those
# of the blocks' coefficients; bounds (accumulators + 1,) are the accumulators' first rows.


@kernel
def probabilities(blocks, start, n, Z):
    # Z (n * K,) <- the probabilities of n rows, for one logit p (1 - p)
    multiply(blocks, start, n, Z.ctypes.data)
    probabilities_of(Z, n, blocks.n_outputs)


@kernel
def _curvatures(blocks, start, n, Z):
    # Z (n * K,) <- p (1 - p) of n rows and all classes
    probabilities(blocks, start, n, Z)
    if blocks.n_outputs > 1:
        for j in range(n * blocks.n_outputs):
            Z[j] *= 1.0 - Z[j]


@kernel
def read_row(blocks, i, centre, row):
    # row (p + 1,) <- row i, less the centre, and a 1
    read_columns(blocks, i, centre, row)
    row[blocks.n_columns] = 1.0


@kernel
def new_integers():
    # see `_N_INTEGERS`
    integers = np.zeros(_N_INTEGERS, np.int32)
    integers[_UPLO], integers[_TRANS] = _UPPER, _NO_TRANSPOSE
    return integers


@kernel
def add_square(syrk, integers, numbers, A, n, gram):
    # gram (P, P), its lower half, += A[:n]^T A[:n]; in Fortran's order the upper half. numbers[0]
    # is 1, the factor of both.
    order = integers.ctypes.data
    rows, uplo = order + _INT_BYTES * _ROWS, order + _INT_BYTES * _UPLO
    trans, one = order + _INT_BYTES * _TRANS, numbers.ctypes.data
    integers[_ORDER], integers[_ROWS] = A.shape[1], n
    a, c = A.ctypes.data, gram.ctypes.data
    call(syrk, (uplo, trans, order, rows, one, a, order, one, c, order))


@kernel
def scale_row(row, factor, out):
    for j in range(out.size):
        out[j] = factor * row[j]


@driver
def _grams(
    task,
    syrk,
    blocks,
    pairs,
    block,
    weight,
    centre,
    min_curvature,
    first_class,
    n_groups,
    bounds,
    out,
):
    # out (accumulators, count, P, P) <- sum of the rows' [x 1]^T [x 1], times weight p_k (1 - p_k),
    # for `count` classes from `first_class` on, or times the weight alone where there are no
    # coefficients. Importance sampling: a row with p_k (1 - p_k) below min_curvature_k is drawn
    # with the probability of their ratio, and then counts as if it were at min_curvature_k; one
    # that no class has drawn is not read. With `pairs` only entries of X that are stored are gone
    # through, and nothing is subtracted.
    K, P, count = blocks.n_outputs, blocks.n_columns + 1, out.shape[1]
    is_curved = blocks.coef != 0
    a, group = task // n_groups, task % n_groups
    first, last = (
        first_class + group * count // n_groups,
        first_class + (group + 1) * count // n_groups,
    )
    row, B, Z = (
        np.empty(P),
        np.empty((last - first, 0 if pairs else block, P)),
        np.empty(block * K),
    )
    filled = np.zeros(last - first, np.int64)
    integers, numbers = new_integers(), np.ones(2)
    for k in range(first, last):
        for j in range(P):
            clear(out[a, k - first_class, j])
    for start in range(bounds[a], bounds[a + 1], block):
        n = min(block, bounds[a + 1] - start)
        if is_curved:
            _curvatures(blocks, start, n, Z)
        for i in range(n):
            is_read = False
            for k in range(first, last):
                b = k - first
                factor = weight[start + i if weight.size > 1 else 0]
                if is_curved:
                    curvature = Z[i * K + k] + CURVATURE_FLOOR
                    draw = (start + i + 1) * _GOLDEN_RATIO
                    if curvature < min_curvature[k] * (draw - math.floor(draw)):
                        continue
                    factor *= max(curvature, min_curvature[k])
                if pairs:
                    numbers[1] = factor
                    add_pairs(blocks, start + i, numbers[1:], out[a, k - first_class])
                    continue
                if not is_read:
                    read_row(blocks, start + i, centre, row)
                    is_read = True
                to = filled[b]
                scale_row(row, math.sqrt(factor), B[b, to])
                filled[b] = to + 1
                if filled[b] == block:
                    add_square(syrk, integers, numbers, B[b], block, out[a, k - first_class])
                    filled[b] = 0
    for k in range(first, last):
        b = k - first
        add_square(syrk, integers, numbers, B[b], filled[b], out[a, k - first_class])


@driver
def _column_moments(a, blocks, weight, bounds, out):
    # out (accumulators, 2, p) <- sums of the rows' weight times x, and times x^2
    sums, squares = out[a, 0], out[a, 1]
    clear(sums)
    clear(squares)
    size = 0 if blocks.is_sparse else sums.size
    zeros, row = np.zeros(size), np.empty(size)
    for i in range(bounds[a], bounds[a + 1]):
        add_moments(blocks, i, weight[i:] if weight.size > 1 else weight, zeros, row, sums, squares)


def dsyrk_address() -> int:
    """Return the address of BLAS's rank-k update."""
    return int(get_cython_function_address("scipy.linalg.cython_blas", "dsyrk"))


def rows_of_block(n_numbers: int) -> int:
    """Return how many rows of this many numbers are read at a time."""
    return max(_MIN_BLOCK, min(_MAX_BLOCK, _BLOCK_NUMBERS // n_numbers))


def moment_bounds(
    n: int, n_parts: int, size: int, limit: int = _MAX_ACCUMULATORS, minimum: int = 1
) -> np.ndarray:
    """Return the first rows of accumulators of `size` numbers: see `accumulator_bounds`."""
    limits = _MAX_ACCUMULATORS, _ACCUMULATOR_NUMBERS // size, limit
    return accumulator_bounds(n, n_parts, *limits, minimum=minimum)


def column_moments(
    blocks: RowBlocks, n: int, n_entries: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted sums of the columns (p,) and of their squares (p,).

    Row i of n counts with its weight, (n,) or (1,); X stores `n_entries` numbers.
    """
    p = blocks.n_columns
    limit = n_entries // (_MIN_ENTRIES * p + 1)
    bounds = moment_bounds(n, -(-n // _MIN_BLOCK), 2 * p + 1, limit, minimum=2)
    out = np.empty((bounds.size - 1, 2, p))
    threads.run(_column_moments, n_entries, bounds.size - 1, blocks, weights, bounds, out)
    sums, squares = out.sum(axis=0)
    return sums, squares


def weighted_grams(
    blocks: RowBlocks,
    n: int,
    weights: np.ndarray,
    centre: np.ndarray,
    min_curvature: np.ndarray | None = None,
    classes: range | None = None,
) -> np.ndarray:
    """Return Gram matrices of the columns, less a centre (p,), and a column of ones.

    Parameters
    ----------
    blocks : RowBlocks
        Without coefficients, rows count with their weight alone, and K is 1.
    n : int
        The number of rows.
    weights : ndarray (n,) or (1,)
        Row i counts with its weight times p_ik (1 - p_ik) for class k at the blocks' coefficients.
    centre : ndarray (p,)
    min_curvature : ndarray (K,) or None
        Of the rows whose p_ik (1 - p_ik) is below it, see `curvature.min_curvatures`, some are
        drawn, with probabilities in proportion, so that the result is right on average.
    classes : range or None
        Those that are computed, by default all.

    Returns
    -------
    ndarray (K, p + 1, p + 1)
        Their lower halves are valid.
    """
    K, P = blocks.n_outputs if blocks.coef else 1, blocks.n_columns + 1
    classes = range(K) if classes is None else classes
    block = rows_of_block(P)
    bounds = moment_bounds(n, -(-n // block), K * P * P, minimum=2 if K == 1 else 1)
    n_accumulators = bounds.size - 1
    out = np.empty((n_accumulators, len(classes), P, P))
    syrk = dsyrk_address()
    min_curvature = np.zeros(K) if min_curvature is None else min_curvature
    # as if for all classes, so that all calls of a fit take the same variant, and none is loaded
    # late
    work = n * (blocks.n_outputs * P * P // _PRODUCTS_AN_EVALUATION + 1)
    n_groups = len(classes) if n_accumulators == 1 else 1
    for pairs in (True, False) if blocks.has_few_entries else (False,):
        sampling = weights, centre, min_curvature, classes.start, n_groups
        tasks = n_accumulators * n_groups
        threads.run(_grams, work, tasks, syrk, blocks, pairs, block, *sampling, bounds, out)
        result = sum_in_order(out)
        if not pairs or _centre_grams(result, centre):
            break
    return result


def sum_in_order(accumulators: np.ndarray) -> np.ndarray:
    """Return the sum over the first axis, in order; its memory is not kept alive."""
    total = accumulators[0] if len(accumulators) == 1 else accumulators[0].copy()
    for accumulator in accumulators[1:]:
        total += accumulator
    return total


def _centre_grams(grams: np.ndarray, centre: np.ndarray) -> bool:
    # From columns [x 1] to [x - centre 1], in place; tells whether enough digits are left.
    p = centre.size
    for gram in grams:
        raw, sums, total = gram.diagonal()[:p].copy(), gram[p, :p].copy(), gram[p, p]
        gram[p, :p] -= total * centre
        gram[:p, :p] -= np.outer(centre, sums)
        gram[:p, :p] -= np.outer(gram[p, :p], centre)
        if np.any(gram.diagonal()[:p] < _MIN_LEFT * raw):
            return False
    return True
