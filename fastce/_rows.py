"""What every row kernel is made of: passes over one row, compensated sums, blocks of rows.

A row's exponentials leave one maximum out of their sum (Blanchard, Higham & Higham 2021). With m = max_k x_k, e_k = exp(x_k - m) and
rest = sum over all but one maximum of e_k::

    lse - x_y = (m - x_y) + log1p(rest)      p_k = e_k / (1 + rest)      1 - p_k = (rest + (1 - e_k)) / (1 + rest)

so a confident row, where lse - x_y and 1 - p_y would cancel to 0, keeps all its digits.
"""

import numpy as np

from ._jit import kernel, reduction
from ._math import exp, larger

# A block of rows is one unit of parallel work and one partial sum. Its size depends on the number of classes only, never on the
# number of threads, so the sums are the same bits for any number of threads.
_BLOCK_ELEMENTS = 1 << 15
# Exponentials are summed in the array's own dtype over this many elements at most, then in float64.
_CHUNK = 128


@kernel
def largest_of(x):
    """Return max_k x_k, NaN aside."""
    row_max = x[0]
    for k in range(x.size):
        row_max = larger(row_max, x[k])
    return row_max


@reduction
def _exp_chunk(x, row_max):
    # x becomes exp(x - row_max); returns the sum of those below the maximum, and how many are the maximum
    zero, one = x.dtype.type(0), x.dtype.type(1)
    rest, n_max = zero, zero  # counted in x's dtype: a counter of another width halves the vectors
    for k in range(x.size):
        difference = x[k] - row_max
        term = exp(difference)
        x[k] = term
        rest += zero if difference == zero else term
        n_max += one if difference == zero else zero
    return rest, n_max


@kernel
def add(total, error, term):
    """Return (total, error) after one more term; total + error is the sum to twice the digits (Knuth's two-sum)."""
    new = total + term
    part = new - total
    return new, error + ((total - (new - part)) + (term - part))


@kernel
def total_of(terms):
    """Sum an array in float64, in order."""
    total, error = 0.0, 0.0
    for term in terms:
        total, error = add(total, error, term)
    return finish(total, error)


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
def exp_row(x, row_max):
    """Replace a row x (K,) by exp(x - row_max) and return the sum of all but one maximum."""
    rest, error, n_max = 0.0, 0.0, 0.0
    for start in range(0, x.size, _CHUNK):
        part, count = _exp_chunk(x[start : start + _CHUNK], row_max)
        rest, error = add(rest, error, np.float64(part))
        n_max += count
    return (rest + error) + (n_max - 1.0)


@kernel
def clear(x):
    """Set a row to 0; an assignment to a slice would compile Numba's error messages as well, which takes 2 s."""
    for k in range(x.size):
        x[k] = 0


@kernel
def hess_row(terms, rest, total_weight, hess):
    """Write total_weight p (1 - p) to hess (K,), where p = terms / (1 + rest)."""
    narrow = hess.dtype.type
    factor = narrow(total_weight / (1.0 + rest) / (1.0 + rest))
    others, one = narrow(rest), narrow(1)
    for k in range(terms.size):
        hess[k] = factor * terms[k] * (others + (one - terms[k]))


@kernel
def of_row(numbers, i):
    """Return the number of row i; an array of length 1 holds for all rows."""
    return numbers[i] if numbers.size > 1 else numbers[0]


@kernel
def part(numbers, start, stop):
    """Return the rows' part of an array that holds a number a row, or one for all, or none."""
    return numbers[start:stop] if numbers.size > 1 else numbers


@kernel
def repeat(numbers, start, stop):
    """Return the part for elements start to stop of numbers that repeat; the period divides start or is as long as all elements."""
    first = start % numbers.size
    return numbers[first : first + (stop - start)]


@kernel
def block_rows(n_classes):
    """Return how many rows make a block."""
    return max(1, _BLOCK_ELEMENTS // n_classes)
