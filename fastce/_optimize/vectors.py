"""Products, sums and differences of long vectors: for minimisers of very many parameters.

Each is memory traffic alone, so it runs on several threads, each number is read once, and nothing
is written that is not kept. The blocks depend on the length only, hence the same bits for any
number of threads. Short vectors stay in the cache and are left to NumPy.
"""

import math
from typing import Any

import numpy as np
from numba import prange

from .._core import threads as _threads
from .._core.jit import Driver, driver, kernel, reduction

# A block and some more of others stay in the first-level cache.
_BLOCK = 1 << 12
_LONG = 1 << 14
# So many numbers are read in the time of one evaluation of `_threads.run`: threads must not be
# woken for what takes no time.
NUMBERS_A_STEP = 8
# Sums of |numbers| between these powers of two are far from the ends of float32, for one number and
# for any number of them.
_LEAST, _MOST = -40, 60


@reduction
def _dot(x, y):
    total = 0.0
    for j in range(x.size):
        total += x[j] * y[j]
    return total


@driver
def _dots(rows, vector, parts):
    # parts (blocks, n) <- the blocks' sums of rows (n, size) times vector (size,)
    for b in prange(parts.shape[0]):
        i, j = b * _BLOCK, min(vector.size, (b + 1) * _BLOCK)
        for k in range(rows.shape[0]):
            parts[b, k] = _dot(rows[k, i:j], vector[i:j])


@driver
def _add(rows, factors, scale, vector, out):
    # out (size,) <- scale times vector + factors (n,) times rows (n, size); out may be vector
    for b in prange((vector.size + _BLOCK - 1) // _BLOCK):
        i, j = b * _BLOCK, min(vector.size, (b + 1) * _BLOCK)
        if scale != 1.0 or out.ctypes.data != vector.ctypes.data:
            for t in range(i, j):
                out[t] = scale * vector[t]
        for k in range(rows.shape[0]):
            factor, row, target = factors[k], rows[k, i:j], out[i:j]
            for t in range(j - i):
                target[t] += factor * row[t]


@driver
def _combine(factor, x, y, out):
    # out <- factor x + y; out may be x or y
    for b in prange((x.size + _BLOCK - 1) // _BLOCK):
        for t in range(b * _BLOCK, min(x.size, (b + 1) * _BLOCK)):
            out[t] = factor * x[t] + y[t]


@kernel
def _largest_bits(bits):
    # Without the sign's bit, floats are in order as integers, NaN last; and integers are compared
    # by vectors.
    most = np.int64(0)
    for j in range(bits.size):
        most = max(most, bits[j] & np.int64(0x7FFFFFFFFFFFFFFF))
    return most


@driver
def _largest(bits, parts):
    for b in prange(parts.size):
        parts[b] = _largest_bits(bits[b * _BLOCK : min(bits.size, (b + 1) * _BLOCK)])


@reduction
def _subtract(new, old, factor, out):
    total = 0.0
    for j in range(out.size):
        difference = new[j] - old[j]
        out[j] = factor * difference
        total += abs(difference)
    return total


@driver
def _learn(theta, old_theta, grad, old_grad, factors, S, s, y, changes, sizes, parts):
    # See `learn`; sizes (blocks, 2) <- the blocks' sums of |differences|, parts (blocks, n) <-
    # those of S (n, size) times y
    for b in prange(parts.shape[0]):
        i, j = b * _BLOCK, min(s.size, (b + 1) * _BLOCK)
        sizes[b, 0] = _subtract(theta[i:j], old_theta[i:j], factors[0], s[i:j])
        sizes[b, 1] = _subtract(grad[i:j], old_grad[i:j], factors[1], y[i:j])
        for t in range(i, j):
            changes[t] = y[t]
        for k in range(S.shape[0]):
            parts[b, k] = _dot(S[k, i:j], changes[i:j])


def _run(vector_driver: Driver, n_numbers: int, *arguments: Any) -> None:
    _threads.run(vector_driver, n_numbers // NUMBERS_A_STEP, *arguments)


def _n_blocks(size: int) -> int:
    return -(-size // _BLOCK)


def table(n: int, size: int) -> np.ndarray:
    """Return room for n vectors, of float32 where they are long. It takes memory only as they are written."""
    return np.empty((n, size), np.float32 if size >= _LONG else np.float64)


def dots(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return rows (n, size) of a table times a vector (size,), float64; all C-contiguous, here and below."""
    if vector.size < _LONG:
        return rows @ vector
    parts = np.empty((_n_blocks(vector.size), len(rows)))
    _run(_dots, rows.size, rows, vector, parts)
    return parts.sum(axis=0)


def dot(x: np.ndarray, y: np.ndarray) -> float:
    """Return x . y."""
    return float(x @ y if x.size < _LONG else dots(x[np.newaxis], y)[0])


def add(
    rows: np.ndarray, factors: np.ndarray, vector: np.ndarray, out: np.ndarray, scale: float = 1.0
) -> np.ndarray:
    """Write `scale` times a vector (size,) plus factors (n,) times rows (n, size) to `out`, which may be the vector, and return it."""
    if vector.size < _LONG:
        return np.add(vector if scale == 1.0 else scale * vector, factors @ rows, out=out)
    _run(_add, rows.size, rows, factors, scale, vector, out)
    return out


def combine(
    factor: float, x: np.ndarray, y: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """Write factor x + y to `out`, which may be x or y, by default a new array, and return it."""
    if x.size < _LONG:
        return np.add(factor * x, y, out=out)
    out = np.empty(x.size) if out is None else out
    _run(_combine, 2 * x.size, factor, x, y, out)
    return out


def largest(x: np.ndarray) -> float:
    """Return max |x|, NaN if there is one, and 0 of nothing."""
    if x.size < _LONG:
        return float(np.max(np.abs(x), initial=0.0))
    parts = np.empty(_n_blocks(x.size), np.int64)
    _run(_largest, x.size, x.view(np.int64), parts)
    return float(parts.max(keepdims=True).view(np.float64)[0])


def learn(
    new: tuple[np.ndarray, np.ndarray],
    old: tuple[np.ndarray, np.ndarray],
    S: np.ndarray,
    Y: np.ndarray,
    row: int,
    changes: np.ndarray,
) -> tuple[np.ndarray, float, float]:
    """Write two differences, s of points and y of gradients, to a row of two tables, and the latter, as rounded there, to `changes`.

    Where s or y would overflow or vanish in float32, it is multiplied by a power of two.

    Returns
    -------
    products : ndarray (n,)
        The rows of S times the row of Y, as they are rounded.
    of_s, of_y : float
        What s and y are multiplied by.
    """
    (theta, grad), (old_theta, old_grad), s, y = new, old, S[row], Y[row]
    if theta.size < _LONG:
        np.subtract(theta, old_theta, out=s)
        np.subtract(grad, old_grad, out=y)
        changes[:] = y
        return S @ y, 1.0, 1.0
    n = _n_blocks(theta.size)
    sizes, parts = np.empty((n, 2)), np.empty((n, len(S)))
    factors = np.ones(2)
    _run(
        _learn,
        S.size + 4 * s.size,
        theta,
        old_theta,
        grad,
        old_grad,
        factors,
        S,
        s,
        y,
        changes,
        sizes,
        parts,
    )
    exponents = [_exponent(size) for size in sizes.sum(axis=0).tolist()]
    if any(exponents):
        factors = np.ldexp(factors, exponents)
        _run(
            _learn,
            S.size + 4 * s.size,
            theta,
            old_theta,
            grad,
            old_grad,
            factors,
            S,
            s,
            y,
            changes,
            sizes,
            parts,
        )
    return parts.sum(axis=0), float(factors[0]), float(factors[1])


def _exponent(size: float) -> int:
    # of the power of two that makes a size about 1, where it is not near enough
    exponent = math.frexp(size)[1] if 0.0 < size < math.inf else 0
    return 0 if _LEAST <= exponent <= _MOST else -max(-1000, min(1000, exponent))
