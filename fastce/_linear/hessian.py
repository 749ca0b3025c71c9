"""Second derivatives of the mean loss of ``X @ coef.T + intercept``, on the same walk over row blocks as the loss itself."""

import math

import numpy as np
from numba import prange
from numba.extending import get_cython_function_address

from .._core import threads as _threads
from .._core.jit import driver, kernel
from .._kernels.intrinsics import BLOCK_ROWS, exp_nonpositive, weighted_softmax
from .._kernels.sums import clear
from .row_blocks import (
    Source,
    add_moments,
    add_pairs,
    call,
    count_slots,
    multiply,
    multiply_back,
    read_row,
)

# Rows are read so many numbers at a time, at most so many rows; sums over rows are kept in slots
# while those fit in so many numbers.
_BLOCK_NUMBERS, _MIN_BLOCK, _MAX_BLOCK, _MAX_SLOTS, _SLOT_NUMBERS = 1 << 15, 256, 512, 16, 1 << 21
# A slot of two sums a column should have at least so many entries of X for each, so that clearing
# and adding it costs less.
_SLOT_ENTRIES = 8
# The least part of a column's sum of squares that may be left of it when the mean is subtracted
# afterwards.
_DIGITS = 1e-6


@kernel
def shares_of(Z, n, K):
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


@kernel
def curve(Z, D, weight, first, n, K):
    # changes of logits D (n * K,) become changes of the rows' gradients; Z are probabilities
    if K == 1:
        for i in range(n):
            D[i] *= weight[first + i if weight.size > 1 else 0] * Z[i]
        return
    for i in range(n):
        w, mean = weight[first + i if weight.size > 1 else 0], 0.0
        for k in range(i * K, (i + 1) * K):
            mean += Z[k] * D[k]
        for k in range(i * K, (i + 1) * K):
            D[k] = w * Z[k] * (D[k] - mean)


@driver
def hessian_product(source, change, starts, slots, weight, product, others):
    K = source.n_outputs
    for slot in prange(slots.size - 1):
        Z, D = np.empty(source.block_rows * K), np.empty(source.block_rows * K)
        own = others[slot - 1] if slot else product
        own[:] = 0.0
        for b in range(slots[slot], slots[slot + 1]):
            i, j = starts[b], starts[b + 1]
            multiply(source, i, j - i, Z.ctypes.data)
            multiply(change, i, j - i, D.ctypes.data)
            shares_of(Z, j - i, K)
            curve(Z, D, weight, i, j - i, K)
            multiply_back(source, i, j - i, D, D.ctypes.data, own)


# In what follows: weight (n,) or (1,); centre (p,) is subtracted from the columns; logits are of
# the source's coefficients.


@kernel
def _shares(source, start, n, Z):
    # Z (n * K,) <- the probabilities of n rows, for one logit p (1 - p)
    multiply(source, start, n, Z.ctypes.data)
    shares_of(Z, n, source.n_outputs)


@kernel
def _curvatures(source, start, n, Z):
    # Z (n * K,) <- p (1 - p) of n rows and all classes
    _shares(source, start, n, Z)
    if source.n_outputs > 1:
        for j in range(n * source.n_outputs):
            Z[j] *= 1.0 - Z[j]


@kernel
def _read(source, i, centre, row):
    # row (p + 1,) <- row i, less the centre, and a 1
    read_row(source, i, centre, row)
    row[source.n_columns] = 1.0


@kernel
def _add_square(syrk, words, numbers, A, n, gram):
    # gram (P, P), its lower half, += A[:n]^T A[:n]; in Fortran's order the upper half
    P = A.shape[1]
    words[0], words[1] = P, n
    w, f = words.ctypes.data, numbers.ctypes.data
    call(syrk, (w + 24, w + 28, w, w + 4, f, A.ctypes.data, w, f, gram.ctypes.data, w))


@kernel
def _scaled(row, factor, out):
    for j in range(out.size):
        out[j] = factor * row[j]


@driver
def grams(syrk, source, pairs, block, weight, centre, least, start_class, n_groups, slots, out):
    # out (slots, count, P, P) <- sum of the rows' [x 1]^T [x 1], times weight p_k (1 - p_k), for so
    # many classes from `start_class` on, or the weight alone where there are no coefficients. A row
    # with p_k (1 - p_k) below least_k is drawn with the probability of their ratio, and stands for
    # others; one that no class has drawn is not read. With `pairs` only entries of X that are
    # stored are gone through, and nothing is subtracted.
    K, P, n_slots, count, curved = (
        source.n_outputs,
        source.n_columns + 1,
        out.shape[0],
        out.shape[1],
        source.coef != 0,
    )
    for task in prange(n_slots * n_groups):
        slot, group = task // n_groups, task % n_groups
        first, last = (
            start_class + group * count // n_groups,
            start_class + (group + 1) * count // n_groups,
        )
        row, B, Z = (
            np.empty(P),
            np.empty((last - first, 0 if pairs else block, P)),
            np.empty(block * K),
        )
        filled = np.zeros(last - first, np.int64)
        words, numbers = np.zeros(8, np.int32), np.ones(2)
        words[6], words[7] = ord("U"), ord("N")
        for k in range(first, last):
            for j in range(P):
                clear(out[slot, k - start_class, j])
        for start in range(slots[slot], slots[slot + 1], block):
            n = min(block, slots[slot + 1] - start)
            if curved:
                _curvatures(source, start, n, Z)
            for i in range(n):
                is_read = False
                for k in range(first, last):
                    b = k - first
                    factor = weight[start + i if weight.size > 1 else 0]
                    if curved:
                        # what is left of a confident row keeps the factor positive; it is far below
                        # what any other row brings
                        here = Z[i * K + k] + 1e-12
                        draw = (start + i + 1) * 0.6180339887498949
                        if here < least[k] * (draw - math.floor(draw)):
                            continue
                        factor *= max(here, least[k])
                    if pairs:
                        numbers[1] = factor
                        add_pairs(source, start + i, numbers[1:], out[slot, k - start_class])
                        continue
                    if not is_read:
                        _read(source, start + i, centre, row)
                        is_read = True
                    to = filled[b]
                    _scaled(row, math.sqrt(factor), B[b, to])
                    filled[b] = to + 1
                    if filled[b] == block:
                        _add_square(syrk, words, numbers, B[b], block, out[slot, k - start_class])
                        filled[b] = 0
        for k in range(first, last):
            _add_square(
                syrk, words, numbers, B[k - first], filled[k - first], out[slot, k - start_class]
            )


@driver
def class_products(syrk, source, block, weight, centre, slots, out):
    # out (slots, K P, K P), its lower half <- sum of the rows' weight (p x [x 1]) (p x [x 1])^T:
    # the coupling of the classes
    K, P = source.n_outputs, source.n_columns + 1
    for slot in prange(out.shape[0]):
        row, E, Z = np.empty(P), np.empty((block, K * P)), np.empty(block * K)
        words, numbers = np.zeros(8, np.int32), np.ones(1)
        words[6], words[7] = ord("U"), ord("N")
        for j in range(K * P):
            clear(out[slot, j])
        for start in range(slots[slot], slots[slot + 1], block):
            n = min(block, slots[slot + 1] - start)
            _shares(source, start, n, Z)
            for i in range(n):
                _read(source, start + i, centre, row)
                root = math.sqrt(weight[start + i if weight.size > 1 else 0])
                for k in range(K):
                    factor = root * Z[i * K + k]
                    _scaled(row, factor, E[i, k * P : (k + 1) * P])
            _add_square(syrk, words, numbers, E, n, out[slot])


@driver
def moments(source, weight, slots, out):
    # out (slots, 2, p) <- sums of the rows' weight times x, and times x^2
    for slot in prange(out.shape[0]):
        sums, squares = out[slot, 0], out[slot, 1]
        clear(sums)
        clear(squares)
        size = 0 if source.sparse else sums.size
        zeros, row = np.zeros(size), np.empty(size)
        for i in range(slots[slot], slots[slot + 1]):
            add_moments(
                source, i, weight[i:] if weight.size > 1 else weight, zeros, row, sums, squares
            )


def column_moments(
    source: Source, n: int, n_entries: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of the columns (p,) and of their squares (p,), row i with its weight, (n,) or (1,); X stores so many entries."""
    p = source.n_columns
    most = max(
        2, min(_MAX_SLOTS, _SLOT_NUMBERS // (2 * p + 1), n_entries // (_SLOT_ENTRIES * p + 1))
    )
    n_slots = count_slots(min(-(-n // _MIN_BLOCK), most))
    slots, out = np.arange(n_slots + 1) * n // n_slots, np.empty((n_slots, 2, p))
    _threads.run(moments, n_entries, source, weights, slots, out)
    sums, squares = out.sum(axis=0)
    return sums, squares


def weighted_grams(
    source: Source,
    n: int,
    weights: np.ndarray,
    centre: np.ndarray,
    least: np.ndarray | None = None,
    classes: range | None = None,
) -> np.ndarray:
    """Return Gram matrices of the columns, less a centre (p,), and a column of ones: (K, p + 1, p + 1), of which the lower half is valid.

    Row i counts with its weight, (n,) or (1,), times p_ik (1 - p_ik) for class k at the
    coefficients of the source; with its weight alone, and K is 1, if the source has none. Of the
    rows whose p_ik (1 - p_ik) is below `least` (K,), see `least_curvatures`, some are drawn, with
    chances that grow with it, so that the result is right on average. `classes` are those wanted,
    by default all.
    """
    K, P = source.n_outputs if source.coef else 1, source.n_columns + 1
    classes = range(K) if classes is None else classes
    block = max(_MIN_BLOCK, min(_MAX_BLOCK, _BLOCK_NUMBERS // P))
    n_blocks = -(-n // block)
    n_slots = count_slots(min(_MAX_SLOTS, _SLOT_NUMBERS // (K * P * P), n_blocks))
    if K == 1:
        n_slots = max(n_slots, min(2, n_blocks))
    slots, out = np.arange(n_slots + 1) * n // n_slots, np.empty((n_slots, len(classes), P, P))
    syrk = get_cython_function_address("scipy.linalg.cython_blas", "dsyrk")
    least = np.zeros(K) if least is None else least
    # as if for all classes, so that all calls of a fit take the same variant, and none is loaded
    # late
    work, n_groups = n * (source.n_outputs * P * P // 16 + 1), len(classes) if n_slots == 1 else 1
    for pairs in (True, False) if source.thin else (False,):
        arguments = (
            syrk,
            source,
            pairs,
            block,
            weights,
            centre,
            least,
            classes.start,
            n_groups,
            slots,
            out,
        )
        _threads.run(grams, work, *arguments)
        result = _sum(out)
        if not pairs or _subtract(result, centre):
            break
    return result


def _sum(slots: np.ndarray) -> np.ndarray:
    # in order, and without keeping their memory alive; a lone slot is its own sum
    total = slots[0] if len(slots) == 1 else slots[0].copy()
    for slot in slots[1:]:
        total += slot
    return total


def _subtract(grams: np.ndarray, centre: np.ndarray) -> bool:
    # From columns [x 1] to [x - centre 1], in place; tells whether enough digits are left.
    p = centre.size
    for gram in grams:
        raw, sums, total = gram.diagonal()[:p].copy(), gram[p, :p].copy(), gram[p, p]
        gram[p, :p] -= total * centre
        gram[:p, :p] -= np.outer(centre, sums)
        gram[:p, :p] -= np.outer(gram[p, :p], centre)
        if np.any(gram.diagonal()[:p] < _DIGITS * raw):
            return False
    return True


def hessian(source: Source, n: int, weights: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the Hessian of the mean loss at the source's coefficients, for the columns less a centre: its lower half is valid.

    It is (K (p + 1), K (p + 1)): the columns and a 1 for the first class, for the second, and so
    on.
    """
    blocks = weighted_grams(source, n, weights, centre)
    K, P = blocks.shape[:2]
    if K == 1:
        return blocks[0]
    block = max(_MIN_BLOCK, min(_MAX_BLOCK, _BLOCK_NUMBERS // (K * P)))
    n_slots = count_slots(min(_MAX_SLOTS, _SLOT_NUMBERS // (K * P) ** 2, -(-n // block)))
    slots, out = np.arange(n_slots + 1) * n // n_slots, np.empty((n_slots, K * P, K * P))
    syrk = get_cython_function_address("scipy.linalg.cython_blas", "dsyrk")
    _threads.run(
        class_products,
        n * K * P,
        syrk,
        source,
        block,
        weights,
        centre,
        slots,
        out,
    )
    result = _sum(out)
    np.negative(result, out=result)
    # p_k (1 - p_k) is not the difference of p_k and p_k^2, which would cancel.
    for k in range(K):
        result[k * P : (k + 1) * P, k * P : (k + 1) * P] = blocks[k]
    return result
