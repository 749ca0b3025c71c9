"""Logits of the rows of X, how the loss falls and curves in them: p - y and p (1 - p), of all rows or of those that matter.

Nothing here compiles at run time.
"""

from typing import Any

import numpy as np

from .._core.pool import split
from .._native import products as _blocks
from .._native import rowwise as _rowwise

# Rows are drawn where all would be so many times as many. Curvatures are counted by powers of two.
_DRAW = 2
_BINS, _SPREAD_ROWS = 48, 8192
# Curvatures of all rows are found so many at a time (512 kB), in so many blocks or more.
_CURVATURE_NUMBERS, _CURVATURE_BLOCKS = 1 << 16, 16


def n_bytes(X: Any) -> int:
    """Return what is read of X, dense or CSR, when all its rows are gone through."""
    return X.data.nbytes + X.indices.nbytes if hasattr(X, "indptr") else X.nbytes


def logits(
    X: Any, first: int, last: int, coef: np.ndarray, intercept: np.ndarray | None, Z: np.ndarray
) -> np.ndarray:
    """Write the logits of rows from `first` to `last`, at coef (p, K) and intercept (K,) or None, to Z (rows, K), and return it."""
    if hasattr(X, "indptr"):
        _blocks.csr_forward(X.data, X.indices, X.indptr[first : last + 1], coef, intercept, Z)
    else:
        _blocks.dense_forward(X[first:last], coef, intercept, Z)
    return Z


def _probabilities(Z: np.ndarray) -> np.ndarray:
    # those of logits (rows, K), which are overwritten
    if Z.shape[1] == 1:
        _rowwise.sigmoid_flat(Z.ravel(), Z.ravel())
    else:
        _rowwise.softmax_rows(Z, Z)
    return Z


def _curvatures(
    X: Any, first: int, last: int, coef: np.ndarray, intercept: np.ndarray | None
) -> np.ndarray:
    # p (1 - p) of rows from first to last, (rows, K)
    Z = logits(X, first, last, coef, intercept, np.empty((last - first, coef.shape[1])))
    if coef.shape[1] == 1:
        np.negative(np.abs(Z, out=Z), out=Z)
    Z = _probabilities(Z)
    Z *= 1.0 - Z
    return Z


def gradient_and_curvatures(
    X: Any,
    coef: np.ndarray,
    intercept: np.ndarray,
    target: np.ndarray,
    label_smoothing: float,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of the mean loss for coef (p, K), and the diagonal of its Hessian, (p, K): sums over X alone.

    Intercept (K,), target (n,) are the classes; the weights are (n,) or (1,).
    """
    n, K = X.shape[0], coef.shape[1]
    # Enough rows that adding (p, K) numbers is no more than what they take.
    step = (
        max(_CURVATURE_NUMBERS // K, min(4096, X.shape[1]))
        if hasattr(X, "indptr")
        else max(64, _CURVATURE_NUMBERS // max(coef.shape))
    )
    grad, curvatures = np.zeros(coef.shape), np.zeros(coef.shape)
    for first in range(0, n, step):
        last = min(n, first + step)
        rows, weight = (
            X[first:last],
            weights[first:last, np.newaxis] if weights.size > 1 else weights,
        )
        Z = _probabilities(logits(X, first, last, coef, intercept, np.empty((last - first, K))))
        squares = (
            rows.multiply(rows) if hasattr(rows, "multiply") else np.square(rows, dtype=np.float64)
        )
        curvatures += np.asarray(squares.T @ (weight * (Z * (1.0 - Z))))
        Z -= label_smoothing / max(2, K)
        Z -= (1.0 - label_smoothing) * (
            target[first:last, np.newaxis] == (np.arange(K) if K > 1 else 1)
        )
        grad += np.asarray(rows.T @ (weight * Z))
    return grad, curvatures


def mean_curvatures(
    X: Any,
    coef: np.ndarray,
    intercept: np.ndarray | None,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return p (1 - p) of rows with weights (n,) or (1,), their mean over the classes (n,) and their sum over the rows (K,)."""
    n, K = X.shape[0], coef.shape[1]
    step, of_rows = max(1, min(_CURVATURE_NUMBERS // K, -(-n // _CURVATURE_BLOCKS))), np.empty(n)

    def sums(first: int, last: int) -> list[np.ndarray]:
        found = []
        for start in range(first * step, min(n, last * step), step):
            stop = min(n, start + step)
            Z = _curvatures(X, start, stop, coef, intercept)
            Z *= weights[start:stop, np.newaxis] if weights.size > 1 else weights
            Z.mean(axis=1, out=of_rows[start:stop])
            found.append(Z.sum(axis=0))
        return found

    parts = split(sums, -(-n // step), 8 * n * K + n_bytes(X))
    return of_rows, np.sum([block for part in parts for block in part], axis=0)


def least_curvatures(
    X: Any, coef: np.ndarray, intercept: np.ndarray | None, n_rows: int
) -> np.ndarray:
    """Return for each class the curvature p (1 - p) below which rows are drawn, so that about `n_rows` are used: zeros for all.

    The coefficients (p, K) and the intercept (K,), or None, are float64.
    """
    n, K = X.shape[0], coef.shape[1]
    if n <= _DRAW * n_rows:
        return np.zeros(K)
    # A part of the rows, from all over, tells how curvatures are spread.
    some = X[:: max(1, n // _SPREAD_ROWS)]
    Z = _curvatures(some, 0, some.shape[0], coef, intercept)
    bins = np.minimum(_BINS - 1, -np.frexp(Z + 1e-30)[1])
    counts = np.array([np.bincount(of_class, minlength=_BINS) for of_class in bins.T])
    return _least(counts * (n / len(Z)), n_rows)


def _least(counts: np.ndarray, n_rows: int) -> np.ndarray:
    # counts (K, bins), of curvatures by powers of two
    curvature = 0.75 * 0.5 ** np.arange(counts.shape[1])
    # Above the largest curvature, which is 1/4, all rows are drawn.
    least = 0.75 * 2.0 ** np.arange(_BINS, -_BINS, -1)
    used = counts @ np.minimum(1.0, curvature / least[:, np.newaxis]).T
    # `used` grows along the row: the last that is not too much
    return least[np.maximum(np.count_nonzero(used <= n_rows, axis=1) - 1, 0)]
