"""Products, sums and differences of vectors, for minimisers of few or of very many parameters.

They are named after BLAS. NumPy computes those of short vectors. With long ones each is bound by
memory traffic, so it runs on several threads, reads each number once and writes no temporary array.
The blocks depend on the length only, hence the same bits for any number of threads. Which vectors
are long is decided here, and nowhere else.

All vectors (size,) and rows (n, size) are C-contiguous.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import threads
from .._core.jit import driver, kernel, reduction
from .._core.threads import NUMBERS_A_STEP

# Numbers in a block (32 kB of float64), chosen so that a block and the parts of other vectors
# beside it stay in the caches of a core.
_BLOCK = 1 << 12
# Vectors from this size on are long (128 kB of float64): below it NumPy takes less time than a
# second thread to wake up.
_LONG = 1 << 14
# Sums of absolute values between two to these powers are far from the ends of float32's range,
# whatever the number of terms; others are scaled.
_MIN_EXPONENT = -40
_MAX_EXPONENT = 60
# `math.ldexp` by more than this would overflow or vanish in float64 itself.
_MAX_SHIFT = 1000


@reduction
def _dot(x, y):
    total = 0.0
    for j in range(x.size):
        total += x[j] * y[j]
    return total


@driver
def _gemv(b, rows, vector, parts):
    # parts (blocks, n) <- the blocks' sums of rows (n, size) times vector (size,)
    i, j = b * _BLOCK, min(vector.size, (b + 1) * _BLOCK)
    for k in range(rows.shape[0]):
        parts[b, k] = _dot(rows[k, i:j], vector[i:j])


@driver
def _gemv_transposed(b, rows, factors, scale, vector, out):
    # out (size,) <- scale times vector + factors (n,) times rows (n, size); out may be vector
    i, j = b * _BLOCK, min(vector.size, (b + 1) * _BLOCK)
    if scale != 1.0 or out.ctypes.data != vector.ctypes.data:
        for t in range(i, j):
            out[t] = scale * vector[t]
    for k in range(rows.shape[0]):
        factor, row, target = factors[k], rows[k, i:j], out[i:j]
        for t in range(j - i):
            target[t] += factor * row[t]


@driver
def _axpy(b, factor, x, y, out):
    # out <- factor x + y; out may be x or y
    for t in range(b * _BLOCK, min(x.size, (b + 1) * _BLOCK)):
        out[t] = factor * x[t] + y[t]


@kernel
def _amax_bits(bits):
    # Without the sign's bit, floats are in order as integers, NaN last; and integers are compared
    # by vectors.
    most = np.int64(0)
    for j in range(bits.size):
        most = max(most, bits[j] & np.int64(0x7FFFFFFFFFFFFFFF))
    return most


@driver
def _amax(b, bits, parts):
    parts[b] = _amax_bits(bits[b * _BLOCK : min(bits.size, (b + 1) * _BLOCK)])


@reduction
def _subtract(new, old, factor, out):
    total = 0.0
    for j in range(out.size):
        difference = new[j] - old[j]
        out[j] = factor * difference
        total += abs(difference)
    return total


@driver
def _store_pair(b, new, old, factors, S, pair, rounded, sizes, parts):
    # See `store_pair`; pair is (s, y), sizes (blocks, 2) <- the blocks' sums of |differences|,
    # parts (blocks, n) <- those of S (n, size) times y
    theta, grad = new
    old_theta, old_grad = old
    s, y = pair
    i, j = b * _BLOCK, min(s.size, (b + 1) * _BLOCK)
    sizes[b, 0] = _subtract(theta[i:j], old_theta[i:j], factors[0], s[i:j])
    sizes[b, 1] = _subtract(grad[i:j], old_grad[i:j], factors[1], y[i:j])
    for t in range(i, j):
        rounded[t] = y[t]
    for k in range(S.shape[0]):
        parts[b, k] = _dot(S[k, i:j], rounded[i:j])


def _run(vector_driver: Callable[..., None], n_numbers: int, size: int, *arguments: Any) -> None:
    # for the blocks of vectors of this size; n_numbers are read or written
    threads.run(vector_driver, n_numbers // NUMBERS_A_STEP, _n_blocks(size), *arguments)


def _n_blocks(size: int) -> int:
    return -(-size // _BLOCK)


def empty_rows(n: int, size: int) -> np.ndarray:
    """Return n uninitialised vectors, of float32 where they are long."""
    return np.empty((n, size), np.float32 if size >= _LONG else np.float64)


def gemv(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return rows (n, size) times a vector (size,): (n,), float64."""
    if vector.size < _LONG:
        return rows @ vector
    parts = np.empty((_n_blocks(vector.size), len(rows)))
    _run(_gemv, rows.size, vector.size, rows, vector, parts)
    return parts.sum(axis=0)


def dot(x: np.ndarray, y: np.ndarray) -> float:
    """Return x . y."""
    return float(x @ y if x.size < _LONG else gemv(x[np.newaxis], y)[0])


def gemv_transposed(
    rows: np.ndarray, factors: np.ndarray, vector: np.ndarray, out: np.ndarray, scale: float = 1.0
) -> np.ndarray:
    """Write scale * vector + rows.T @ factors to `out`, which may be the vector, and return it.

    The rows are (n, size), the factors (n,).
    """
    if vector.size < _LONG:
        scaled = vector if scale == 1.0 else scale * vector
        return np.add(scaled, factors @ rows, out=out)
    _run(_gemv_transposed, rows.size, vector.size, rows, factors, scale, vector, out)
    return out


def axpy(factor: float, x: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Write factor * x + y to `out` (x, y, or by default a new array) and return it."""
    if x.size < _LONG:
        return np.add(factor * x, y, out=out)
    out = np.empty(x.size) if out is None else out
    _run(_axpy, 2 * x.size, x.size, factor, x, y, out)
    return out


def amax(x: np.ndarray) -> float:
    """Return max |x|, 0 of no numbers, NaN if there is one."""
    if x.size < _LONG:
        return float(np.abs(x).max(initial=0.0))
    parts = np.empty(_n_blocks(x.size), np.int64)
    _run(_amax, x.size, x.size, x.view(np.int64), parts)
    return float(parts.max(keepdims=True).view(np.float64)[0])


def store_pair(
    new: tuple[np.ndarray, np.ndarray],
    old: tuple[np.ndarray, np.ndarray],
    S: np.ndarray,
    Y: np.ndarray,
    row: int,
    rounded: np.ndarray,
) -> tuple[np.ndarray, float, float]:
    """Store a pair of L-BFGS, s = change of the point and y = change of the gradient, in a row.

    Long ones are rounded to float32. Where s or y would overflow or vanish there, it is multiplied
    by a power of two.

    Parameters
    ----------
    new, old : tuple of ndarray (size,)
        Two points, each with the gradient there.
    S, Y : ndarray (n, size)
        What `empty_rows` returned, or the first rows of it.
    row : int
        The row of S that becomes s, and of Y that becomes y.
    rounded : ndarray (size,), float64
        Becomes y as it is rounded in Y.

    Returns
    -------
    products : ndarray (n,)
        S times the row of Y, as they are rounded.
    s_factor, y_factor : float
        What s and y are multiplied by.
    """
    s, y = S[row], Y[row]
    if s.size < _LONG:
        for new_vector, old_vector, difference in zip(new, old, (s, y), strict=True):
            np.subtract(new_vector, old_vector, out=difference)
        rounded[:] = y
        return S @ y, 1.0, 1.0
    n = _n_blocks(s.size)
    sizes, parts = np.empty((n, 2)), np.empty((n, len(S)))
    n_numbers = S.size + 4 * s.size

    def store(factors: np.ndarray) -> None:
        points = new, old, factors, S, (s, y)
        _run(_store_pair, n_numbers, s.size, *points, rounded, sizes, parts)

    factors = np.ones(2)
    store(factors)
    exponents = [_exponent(size) for size in sizes.sum(axis=0).tolist()]
    if any(exponents):
        factors = np.ldexp(factors, exponents)
        store(factors)
    return parts.sum(axis=0), float(factors[0]), float(factors[1])


def _exponent(size: float) -> int:
    """Return the exponent of the power of two that brings a size to about 1; 0 if it is fine."""
    exponent = math.frexp(size)[1] if 0.0 < size < math.inf else 0
    if _MIN_EXPONENT <= exponent <= _MAX_EXPONENT:
        return 0
    return -max(-_MAX_SHIFT, min(_MAX_SHIFT, exponent))
