"""What row kernels are made of: compensated sums, blocks of rows, numbers that may repeat.

A row's exponentials leave one maximum out of their sum (Blanchard, Higham & Higham 2021). With m =
max_k x_k, e_k = exp(x_k - m) and rest = sum over all but one maximum of e_k, as `intrinsics`
gives them::

    lse - x_y = (m - x_y) + log1p(rest)
    p_k = e_k / (1 + rest)
    1 - p_k = (rest + (1 - e_k)) / (1 + rest)

so a confident row, where lse - x_y and 1 - p_y would cancel to 0, keeps all its digits.
"""

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from .._core.jit import elementwise, kernel, reduction
from .intrinsics import BLOCK_ROWS

# A block of rows is one unit of parallel work and one partial sum. Its size depends on the number
# of classes only, never on the number of threads, so the sums are the same bits for any number of
# threads.
_BLOCK_ELEMENTS = 1 << 15
# A step goes through all that is done with its rows while they are in the first cache.
_STEP_ELEMENTS = 1 << 11


@kernel
def add(total, error, term):
    """Return (total, error) after one more term (Knuth's two-sum).

    total + error is the sum to twice the digits.
    """
    new = total + term
    part = new - total
    return new, error + ((total - (new - part)) + (term - part))


@reduction
def sum_of(x):
    """Sum an array in float64, in the order of the vector lanes."""
    total = 0.0
    for k in range(x.size):
        total += np.float64(x[k])
    return total


@kernel
def finish(total, error):
    """Return the value of a compensated sum; an infinite one has no error term to add."""
    return total + error if abs(total) < np.inf else total


@kernel
def clear(x):
    """Set a row to 0.

    An assignment to a slice would compile Numba's error messages as well, which takes 2 s.
    """
    for k in range(x.size):
        x[k] = 0


def rows_or_none(array, start, stop):
    """Return rows of an array, or None of None."""
    raise NotImplementedError


@overload(rows_or_none)
def _choose_rows_or_none(array, start, stop):
    if isinstance(array, types.Array):
        return lambda array, start, stop: array[start:stop]
    return lambda array, start, stop: None


def repeat_or_none(numbers, start, stop):
    """Return the part for elements start to stop of numbers that repeat, or None of None.

    The period divides start, or is as long as all elements.
    """
    raise NotImplementedError


@overload(repeat_or_none)
def _choose_repeat_or_none(numbers, start, stop):
    if isinstance(numbers, types.Array):
        return lambda numbers, start, stop: numbers[
            start % numbers.size : start % numbers.size + (stop - start)
        ]
    return lambda numbers, start, stop: None


@register_jitable
def blocks(n_rows: int, n_classes: int) -> tuple[int, int, int]:
    """Return the rows of a block, the number of blocks and the rows of a step."""
    rows = max(1, _BLOCK_ELEMENTS // n_classes)
    return rows, -(-n_rows // rows), min(BLOCK_ROWS, max(1, _STEP_ELEMENTS // n_classes))


@elementwise
def pairwise_sum(x):
    """Sum float64 numbers with the bits of `numpy.sum`, which adds up the blocks outside.

    Up to 128 numbers are added up in eight sums; more are halved, at a multiple of 8.
    """
    n = x.size
    if n < 8:
        total = 0.0
        for i in range(n):
            total += x[i]
        return total
    if n > 128:
        half = n // 2 - n // 2 % 8
        return pairwise_sum(x[:half]) + pairwise_sum(x[half:])
    a, b, c, d, e, f, g, h = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    whole = n - n % 8
    for i in range(8, whole, 8):
        a, b, c, d = a + x[i], b + x[i + 1], c + x[i + 2], d + x[i + 3]
        e, f, g, h = e + x[i + 4], f + x[i + 5], g + x[i + 6], h + x[i + 7]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(whole, n):
        total += x[i]
    return total
