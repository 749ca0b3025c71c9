"""Soft labels: a table y (n, K) of the classes' probabilities in place of a class for each row."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from .._core.checks import is_sparse
from ._namespace import to_numpy

# The sum of a row's probabilities may be off by as much as the square root of a unit of their
# dtype, as in NumPy's `Generator.choice`.
_MIN_EPS = float(np.finfo(np.float64).eps)


class SoftLabels(NamedTuple):
    """Classes (K,), and their probabilities in rows that sum to 1: (n, K), C-contiguous."""

    classes: np.ndarray
    target: np.ndarray


def read(y: Any) -> SoftLabels | None:
    """Return y as soft labels, or None where it holds labels, or what is neither.

    A table of at least two columns of floats is one; that of integers is left to scikit-learn's
    error. The classes are the names of the columns, sorted, where y is a frame, and 0 to K - 1
    otherwise.

    Raises
    ------
    ValueError
        If a row holds a number below 0 or does not sum to 1, or no row gives a class a probability.
    """
    table = _table(y)
    if table is None:
        return None
    names = _classes(y, table.shape[1])
    target = _check_probabilities(table, names)
    # Scorers and tools of scikit-learn take it that classes are sorted.
    order = np.argsort(names)
    return SoftLabels(names[order], np.ascontiguousarray(target[:, order]))


def check_no_table(y: Any) -> None:
    """Check that y is no table of probabilities, of which there is no accuracy.

    Raises
    ------
    ValueError
        If y is one.
    """
    if _table(to_numpy(y)) is not None:
        raise ValueError(
            "y must hold labels, which an accuracy counts; got a table of probabilities, whose "
            "loss is fastce.cross_entropy(model.predict_log_proba(X), y)"
        )


def _table(y: Any) -> np.ndarray | None:
    """Return y as an array where it is a table of at least two columns of floats."""
    if isinstance(y, list | tuple) and len(y) and np.ndim(y[0]) == 1:
        try:
            y = np.asarray(y)
        except ValueError:  # rows of several lengths
            return None
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if is_sparse(y) or len(shape) != 2 or shape[1] < 2:
        return None
    table = np.asarray(y)
    return table if table.dtype.kind == "f" else None


def _classes(y: Any, n_classes: int) -> np.ndarray:
    columns = getattr(y, "columns", None)
    if columns is None:
        return np.arange(n_classes)
    names = list(columns)
    is_of_a_kind = any(all(isinstance(name, kind) for name in names) for kind in (str, Integral))
    if not is_of_a_kind or len(set(names)) < len(names):
        raise ValueError(
            "y must have columns with different names, all strings or all integers, where they "
            f"are classes; got {names}"
        )
    return np.array(names)


def _check_probabilities(table: np.ndarray, classes: np.ndarray) -> np.ndarray:
    eps = max(_MIN_EPS, float(np.finfo(table.dtype).eps))
    target = np.array(table, dtype=np.float64, order="C")
    sums = target.sum(axis=1)
    is_number = np.all(target >= 0.0, axis=1)  # NaN is not
    is_bad = ~(is_number & (np.abs(sums - 1.0) <= np.sqrt(eps)))
    if is_bad.any():
        row = int(is_bad.argmax())
        what = f"a sum of {sums[row]:.9g}"
        if not is_number[row]:
            what = f"{target[row][~(target[row] >= 0.0)][0]:.9g}"
        raise ValueError(
            "y must hold labels, or probabilities of the classes in rows that sum to 1; "
            f"got {what} in row {row}"
        )
    totals = target.sum(axis=0)
    if not totals.all():
        raise ValueError(
            "y must give each class a probability above 0 in some row; got none for class "
            f"{classes[totals.argmin()]}"
        )
    target /= sums[:, np.newaxis]
    return target


def weigh(target: np.ndarray, of_classes: np.ndarray) -> np.ndarray:
    """Return soft labels whose classes have weights (K,), as rows that sum to 1 again.

    Their rows' weights are to be multiplied by ``target @ of_classes``.
    """
    weighted = target * of_classes
    sums = weighted.sum(axis=1, keepdims=True)
    # A row whose classes have no weight does not count, whatever it holds.
    return np.divide(weighted, sums, out=target.copy(), where=sums > 0.0)
