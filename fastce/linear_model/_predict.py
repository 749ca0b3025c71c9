"""Logits of rows, and their probabilities, by a linear model: in parallel, and without Numba."""

from collections.abc import Callable

import numpy as np

from .._core.design import Design
from .._core.pool import split
from .._native import rowwise
from ._overflow import mend

# Threads take the rows in parts whose lengths are multiples of this many rows: fewer rows take less
# time than it takes to hand them over.
_MIN_ROWS = 64


def logits(
    X: Design,
    coef: np.ndarray,
    intercept: np.ndarray,
    then: Callable[[np.ndarray, int, int], None] | None = None,
) -> np.ndarray:
    """Return the logits (n, K), float64; K is 1 for two classes.

    Parameters
    ----------
    X : Design (n, p)
    coef : ndarray (K, p)
    intercept : ndarray (K,) or (1,)
    then : callable or None
        Called with (logits of some rows, first row, last row), in any thread, once for every part
        of the rows.
    """
    table = np.ascontiguousarray(coef.T, dtype=np.float64)
    intercept = np.ascontiguousarray(np.broadcast_to(intercept, table.shape[1:]), dtype=np.float64)
    result = np.empty((X.shape[0], table.shape[1]))

    def rows(first: int, last: int) -> None:
        part = X.forward(first, last, table, intercept, result[first:last])
        mend(X, first, table, intercept, part)
        if then is not None:
            then(part, first, last)

    split(rows, len(result), result.nbytes + X.n_bytes, min_length=_MIN_ROWS)
    return result


def probabilities(
    X: Design, coef: np.ndarray, intercept: np.ndarray, *, log: bool = False
) -> np.ndarray:
    """Return the probabilities of the classes, or their logarithms: (n, n_classes), float64."""
    if len(coef) == 1:
        return _binary_probabilities(X, coef, intercept, log)
    softmax = rowwise.log_softmax_rows if log else rowwise.softmax_rows
    return logits(X, coef, intercept, lambda part, first, last: softmax(part, part))


def _binary_probabilities(
    X: Design, coef: np.ndarray, intercept: np.ndarray, log: bool
) -> np.ndarray:
    sigmoid = rowwise.log_sigmoid_flat if log else rowwise.sigmoid_flat
    result = np.empty((X.shape[0], 2))

    def both(part: np.ndarray, first: int, last: int) -> None:
        # Both columns come from the logit, not one from the other: 1 - p loses the digits of a
        # small p.
        pair = np.concatenate([-part[:, 0], part[:, 0]])
        sigmoid(pair, pair)
        result[first:last] = pair.reshape(2, -1).T

    logits(X, coef, intercept, both)
    return result
