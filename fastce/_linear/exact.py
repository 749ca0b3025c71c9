"""What float64 rounds away: logits as if summed exactly, and the exact rank of X.

References
----------
T. Ogita, S. M. Rump, S. Oishi (2005), Accurate sum and dot product, SIAM J. Scientific Computing
26.
"""

from collections.abc import Iterable

import numpy as np

# The factor that splits 53 bits into 26 and 27 (Veltkamp).
_SPLITTER = float((1 << 27) + 1)
# Ranks are those of the numbers modulo this prime, in which 2 has a large order, so that columns
# whose units are powers of two apart stay apart. A rank can only be too small, with a probability
# of about the number of columns in 2^31.
_PRIME = (1 << 31) - 19
# The exponents of float64, of integers of 53 bits.
_MIN_EXPONENT, _MAX_EXPONENT = -1074 - 53, 1024
_MANTISSA_BITS = 53
# Rows outside the span of others that join them at a time, for each column.
_ROWS_A_COLUMN = 2


def product(X: np.ndarray, table: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return start + X @ table, (n, K), as if computed with twice the digits and then rounded.

    Parameters
    ----------
    X : ndarray (n, p), float64
    table : ndarray (p, K)
    start : ndarray (K,) or (n, K)
    """
    total = np.broadcast_to(start, (X.shape[0], table.shape[1])).astype(np.float64)
    error = np.zeros_like(total)
    columns = np.ascontiguousarray(X.T)
    highs, factor_highs = _high(columns), _high(table)
    for column, high, factors, factor_high in zip(columns, highs, table, factor_highs, strict=True):
        x, x_high = column[:, np.newaxis], high[:, np.newaxis]
        term, x_low, factor_low = x * factors, x - x_high, factors - factor_high
        rounding = x_high * factor_high - term
        rounding += x_high * factor_low
        rounding += x_low * factor_high
        rounding += x_low * factor_low
        new = total + term
        part = new - total
        error += (total - (new - part)) + (term - part) + rounding
        total = new
    return np.asarray(total + error)


def _high(x: np.ndarray) -> np.ndarray:
    # the upper half of the bits
    scaled = _SPLITTER * x
    return np.asarray(scaled - (scaled - x))


def rank(blocks: Iterable[np.ndarray]) -> int:
    """Return the rank of blocks of rows (n, p), float64, as matrices of rational numbers.

    A row is outside the span of those before where a random vector that is orthogonal to them, in
    numbers modulo the prime, is not orthogonal to it.
    """
    rng, basis = np.random.default_rng(0), None
    pivots: list[int] = []
    for block in blocks:
        p, residues = block.shape[1], _residues(block)
        if basis is None:
            basis = np.zeros((0, p), dtype=np.int64)
        while len(pivots) < p:
            null = _null_vectors(basis, pivots, p)
            image = np.zeros(len(block), dtype=np.int64)
            vector = np.zeros(p, dtype=np.int64)
            for own in null:
                vector = (vector + own * rng.integers(1, _PRIME)) % _PRIME
            for j in np.flatnonzero(vector):
                image = (image + residues[:, j] * vector[j]) % _PRIME
            outside = np.flatnonzero(image)[: _ROWS_A_COLUMN * p]
            if outside.size == 0:
                break
            basis, pivots = _echelon(np.vstack([basis, residues[outside]]))
    return len(pivots)


def _residues(X: np.ndarray) -> np.ndarray:
    mantissas, exponents = np.frexp(X)
    integers = np.ldexp(mantissas, _MANTISSA_BITS).astype(np.int64) % _PRIME
    powers = [pow(2, e, _PRIME) for e in range(_MIN_EXPONENT, _MAX_EXPONENT + 1)]
    index = exponents - _MANTISSA_BITS - _MIN_EXPONENT
    return np.asarray(integers * np.array(powers, dtype=np.int64)[index] % _PRIME)


def _echelon(rows: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the reduced echelon form modulo the prime, and the columns of its pivots."""
    pivots: list[int] = []
    for j in range(rows.shape[1]):
        r = len(pivots)
        below = np.flatnonzero(rows[r:, j])
        if below.size == 0:
            continue
        pivot = r + int(below[0])
        rows[[r, pivot]] = rows[[pivot, r]]
        rows[r] = rows[r] * pow(int(rows[r, j]), -1, _PRIME) % _PRIME
        factors = rows[:, j].copy()
        factors[r] = 0
        rows -= factors[:, np.newaxis] * rows[r] % _PRIME
        rows %= _PRIME
        pivots.append(j)
    return rows[: len(pivots)], pivots


def _null_vectors(echelon: np.ndarray, pivots: list[int], p: int) -> np.ndarray:
    free = np.setdiff1d(np.arange(p), pivots)
    vectors = np.zeros((free.size, p), dtype=np.int64)
    vectors[np.arange(free.size), free] = 1
    vectors[:, pivots] = (-echelon[:, free].T) % _PRIME
    return vectors
