"""Soft labels: a table y (n, K) of the classes' probabilities in place of a class for each row."""

from typing import Any

import numpy as np

from .._core.checks import is_sparse

# The sum of a row's probabilities may be off by as much as the square root of a unit of their
# dtype, as in NumPy's `Generator.choice`.
_MIN_EPS = float(np.finfo(np.float64).eps)


def class_names(y: Any) -> np.ndarray | None:
    """Return the classes of soft labels, or None where y holds labels, or what is none.

    They are the names of the columns where y is a frame, and 0 to K - 1 otherwise. Integers are
    never probabilities: a table of them is left to scikit-learn's error.
    """
    if isinstance(y, list | tuple) and len(y) and np.ndim(y[0]) == 1:
        try:
            y = np.asarray(y)
        except ValueError:  # rows of several lengths
            return None
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if is_sparse(y) or len(shape) != 2 or shape[1] < 2 or np.asarray(y).dtype.kind != "f":
        return None
    columns = getattr(y, "columns", None)
    if columns is None:
        return np.arange(shape[1])
    names = np.array(list(columns))
    if names.ndim != 1 or names.dtype.kind not in "iuU" or len(np.unique(names)) < len(names):
        raise ValueError(
            "y must have columns with different names, all strings or all integers, where they "
            f"are classes; got {list(columns)}"
        )
    return names


def check_probabilities(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return soft labels (n, K), finite floats, as float64 rows that sum to 1, C-contiguous.

    Raises
    ------
    ValueError
        If a row holds a number below 0 or does not sum to 1, or no row gives a class a probability.
    """
    eps = max(_MIN_EPS, float(np.finfo(y.dtype).eps))
    target = np.array(y, dtype=np.float64, order="C")
    sums = target.sum(axis=1)
    is_negative = target.min(axis=1, initial=0.0) < 0.0
    is_bad = is_negative | (np.abs(sums - 1.0) > np.sqrt(eps))
    if is_bad.any():
        row = int(is_bad.argmax())
        what = f"a sum of {sums[row]:.9g}"
        if is_negative[row]:
            what = f"{target[row].min():.9g}"
        raise ValueError(
            "y must hold labels, or probabilities of the classes in rows that sum to 1; "
            f"got {what} in row {row}"
        )
    totals = target.sum(axis=0)
    if not totals.all():
        raise ValueError(
            "y must give each class a probability above 0 in some row; got none for class "
            f"{classes[totals.argmin()]!r}"
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
