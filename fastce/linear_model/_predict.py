"""Logits of rows, and their probabilities, by a linear model: in parallel, and without Numba."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.checks import is_sparse
from .._core.design import Design
from .._core.flags import silent
from .._core.pool import split
from .._native import rowwise
from ._namespace import to_numpy
from ._overflow import mend

# Threads take the rows in parts whose lengths are multiples of this many rows: fewer rows take less
# time than it takes to hand them over.
_MIN_ROWS = 64
# They make logits in blocks of about this many numbers (512 kB), so that what is made of them takes
# little memory beside the result.
_BLOCK_NUMBERS = 1 << 16


def coefficients(model: Any, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coef (K, p) and intercept (K,) of a fitted model, float64; K is 1 for two classes.

    Those that a user has set may be sparse, lists or of one dimension, and the intercept a number.
    """
    coef = model.coef_.toarray() if is_sparse(model.coef_) else to_numpy(model.coef_)
    coef = np.atleast_2d(np.asarray(coef, dtype=np.float64))
    n_classes = np.shape(model.classes_)[0]
    if coef.ndim != 2 or len(coef) not in ({1, 2} if n_classes <= 2 else {n_classes}):
        raise ValueError(
            f"coef_ must have a row for each of the {n_classes} classes in classes_ "
            f"(one for two classes), and no other dimensions; got shape {coef.shape}"
        )
    if coef.shape[1] != n_features:
        raise ValueError(
            f"coef_ must have a column for each of the {n_features} features of X; "
            f"got shape {coef.shape}"
        )
    intercept = np.asarray(to_numpy(model.intercept_), dtype=np.float64).ravel()
    if intercept.size not in (1, len(coef)):
        raise ValueError(
            f"intercept_ must be a number, or one for each of the {len(coef)} rows of coef_; "
            f"got {intercept.size} numbers"
        )
    return coef, np.broadcast_to(intercept, len(coef))


def n_features(model: Any) -> int:
    """Return the number of columns of X that a model takes, also where a user has set it all."""
    if hasattr(model, "n_features_in_"):
        return int(model.n_features_in_)
    return int(np.shape(model.coef_)[-1])


def as_float_of(X: Design, result: np.ndarray) -> np.ndarray:
    """Return a result in the dtype of X: float32 or float64."""
    with silent():  # beyond float32 is infinity, below it zero
        return result.astype(X.dtype, copy=False)


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

    step = _MIN_ROWS * max(1, _BLOCK_NUMBERS // (_MIN_ROWS * len(intercept)))

    def rows(start: int, stop: int) -> None:
        for first in range(start, stop, step):
            last = min(stop, first + step)
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
