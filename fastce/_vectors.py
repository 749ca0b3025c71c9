"""Products of a few long vectors, the rows of a matrix, with one long vector: for minimisers of very many parameters.

Each is memory traffic alone, so it runs on several threads, and each number is read once. The blocks depend on the length only, hence the
same bits for any number of threads.
"""

import numpy as np
from numba import prange

from . import _threads
from ._jit import driver, reduction

_BLOCK = 1 << 14
# Shorter vectors are left to BLAS: they stay in the cache.
_LONG = 1 << 16


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
def _add(rows, factors, vector, out):
    # out (size,) <- vector + factors (n,) times rows (n, size); out may be vector
    for b in prange((vector.size + _BLOCK - 1) // _BLOCK):
        i, j = b * _BLOCK, min(vector.size, (b + 1) * _BLOCK)
        if out.ctypes.data != vector.ctypes.data:
            for t in range(i, j):
                out[t] = vector[t]
        for k in range(rows.shape[0]):
            factor, row, target = factors[k], rows[k, i:j], out[i:j]
            for t in range(j - i):
                target[t] += factor * row[t]


def dots(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return rows (n, size) times a vector (size,), C-contiguous float64 both."""
    if vector.size < _LONG:
        return rows @ vector
    parts = np.empty((-(-vector.size // _BLOCK), len(rows)))
    _threads.run(_dots, rows.size, rows, vector, parts)
    return parts.sum(axis=0)


def add(rows: np.ndarray, factors: np.ndarray, vector: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write a vector (size,) plus factors (n,) times rows (n, size) to `out`, which may be the vector, and return it."""
    if vector.size < _LONG:
        return np.add(vector, factors @ rows, out=out)
    _threads.run(_add, rows.size, rows, factors, vector, out)
    return out
