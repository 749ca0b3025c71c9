"""How the loss curves in the rows of X: p (1 - p), of all rows or of those that matter.

Nothing here compiles at run time.
"""

import numpy as np

from .._core.design import Design
from .._core.pool import split
from .._native import rowwise

# Rows are drawn where all of them would be more than this many times as many.
_MIN_RATIO = 2
# Curvatures are counted by powers of two, down to 2^-48, in a sample of this many rows.
_BINS, _SAMPLE_ROWS = 48, 8192
# Curvatures of all rows are found in blocks of this many numbers (512 kB), and in no fewer blocks
# than 16, which threads share.
_BLOCK_NUMBERS, _MIN_BLOCKS = 1 << 16, 16
# Kept away from 0, whose exponent says nothing.
_TINY = 1e-30
# The middle of a bin: curvatures between 2^-(i + 1) and 2^-i are 3/4 of 2^-i on average.
_BIN_MIDDLE = 0.75


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits (rows, K), overwritten; K is 1 for two classes."""
    if logits.shape[1] == 1:
        rowwise.sigmoid_flat(logits.ravel(), logits.ravel())
    else:
        rowwise.softmax_rows(logits, logits)
    return logits


def _curvatures_of_rows(
    design: Design, first: int, last: int, coef: np.ndarray, intercept: np.ndarray | None
) -> np.ndarray:
    # p (1 - p) of rows from first to last, (rows, K); of one logit p is the smaller probability,
    # since the larger one rounds to 1
    Z = design.forward(first, last, coef, intercept, np.empty((last - first, coef.shape[1])))
    if coef.shape[1] == 1:
        np.negative(np.abs(Z, out=Z), out=Z)
    Z = probabilities(Z)
    Z *= 1.0 - Z
    return Z


def hessian_diagonal(
    design: Design, coef: np.ndarray, intercept: np.ndarray | None, weights: np.ndarray
) -> np.ndarray:
    """Return the diagonal of the Hessian for coef (p, K), (p, K), without a penalty.

    The intercept is (K,) or None; the weights are (n,) or (1,).
    """
    n, K = design.shape[0], coef.shape[1]
    step = design.rows_of_squares(K)
    diagonal = np.zeros(coef.shape)
    for first in range(0, n, step):
        last = min(n, first + step)
        weight = weights[first:last, np.newaxis] if weights.size > 1 else weights
        curvatures = _curvatures_of_rows(design, first, last, coef, intercept)
        diagonal += design.squared_product(first, last, weight * curvatures)
    return diagonal


def mean_curvatures(
    design: Design, coef: np.ndarray, intercept: np.ndarray | None, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return weight p (1 - p) of the rows: the mean over the classes (n,), the sum over rows (K,).

    The coefficients are (p, K), the intercept (K,) or None, the weights (n,) or (1,).
    """
    n, K = design.shape[0], coef.shape[1]
    step = max(1, min(_BLOCK_NUMBERS // K, -(-n // _MIN_BLOCKS)))
    of_rows = np.empty(n)

    def sums(first: int, last: int) -> list[np.ndarray]:
        found = []
        for start in range(first * step, min(n, last * step), step):
            stop = min(n, start + step)
            Z = _curvatures_of_rows(design, start, stop, coef, intercept)
            Z *= weights[start:stop, np.newaxis] if weights.size > 1 else weights
            Z.mean(axis=1, out=of_rows[start:stop])
            found.append(Z.sum(axis=0))
        return found

    parts = split(sums, -(-n // step), 8 * n * K + design.n_bytes)
    return of_rows, np.sum([block for part in parts for block in part], axis=0)


def min_curvatures(
    design: Design, coef: np.ndarray, intercept: np.ndarray | None, n_rows: int
) -> np.ndarray:
    """Return for each class the curvature p (1 - p) below which rows are drawn, not all taken.

    It is chosen so that about `n_rows` are used; zeros mean that all are. The coefficients (p, K)
    and the intercept (K,), or None, are float64.
    """
    n, K = design.shape[0], coef.shape[1]
    if n <= _MIN_RATIO * n_rows:
        return np.zeros(K)
    sample = design.rows(0, n, max(1, n // _SAMPLE_ROWS))
    Z = _curvatures_of_rows(sample, 0, sample.shape[0], coef, intercept)
    bins = np.minimum(_BINS - 1, -np.frexp(Z + _TINY)[1])
    counts = np.array([np.bincount(of_class, minlength=_BINS) for of_class in bins.T])
    return _min_curvature(counts * (n / len(Z)), n_rows)


def _min_curvature(counts: np.ndarray, n_rows: int) -> np.ndarray:
    # counts (K, bins), of curvatures by powers of two
    curvature = _BIN_MIDDLE * 0.5 ** np.arange(counts.shape[1])
    # Above the largest curvature, which is 1/4, all rows are drawn.
    candidates = _BIN_MIDDLE * 2.0 ** np.arange(_BINS, -_BINS, -1)
    used = counts @ np.minimum(1.0, curvature / candidates[:, np.newaxis]).T
    # `used` grows along the row: the last that is not too much
    return candidates[np.maximum(np.count_nonzero(used <= n_rows, axis=1) - 1, 0)]
