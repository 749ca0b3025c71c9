"""What `fit` is given: labels and weights as arrays, the problem that they and parameters make."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from .._core import checks, threads
from .._core.design import Design, as_design
from . import _liblinear, _predict, _soft_labels
from ._parameters import Meaning, check_liblinear

# What scikit-learn's `validate_data` lets X be: as it is, or converted to these.
X_RULES: dict[str, Any] = {
    "accept_sparse": "csr",
    "accept_large_sparse": True,
    "dtype": [np.float64, np.float32],
}
# The tolerance of the estimated gap is this part of `tol`: with the default 1e-4 it is 1e-7. The
# estimate is up to 59 times too low where the preconditioner is poor, and the value's own fall is
# looked at as well then: so the objective ends within about 1e-6 of its minimum.
_GAP_TOL_PART = 1e-3
# Integer labels that span fewer values than this, or than the next times their number, are encoded
# through a table of the values (32 KB) instead of by sorting.
_MAX_TABLE = 1 << 12
_MAX_TABLE_PER_LABEL = 4
# The penalty of the mean objective, 1 / (C times the sum of weights), and its inverse stay inside
# this range, so that their products with coefficients do not overflow.
_MIN_STRENGTH = 1e-300
_MAX_PENALTY = 1e300


class Problem(NamedTuple):
    """What a fit minimises, by the names of `LinearLoss`: a mean loss and a penalty.

    The weights (n,) or (1,) sum to one over the rows; the target is (n,), class indices, or
    (n, n_classes), their probabilities.
    """

    X: Design
    target: np.ndarray
    n_classes: int
    weights: np.ndarray
    penalty: float
    fit_intercept: bool
    label_smoothing: float


# What watches a fit: called before the first iteration and after each with the minimiser's
# `Progress` and a function that returns new arrays, coef (K, p) and intercept (K,) there; tells
# whether to end the fit.
Watch: TypeAlias = Callable[[Any, Callable[[], tuple[np.ndarray, np.ndarray]]], bool]


class Settings(NamedTuple):
    """How it is minimised: see `_optimize.minimise`, and `Watch`."""

    solver: str
    tol: float
    gap_tol: float
    max_iter: int
    watch: Watch | None


# A model to start from, coef (K, p) and intercept (K,), or None for the null model.
Start: TypeAlias = tuple[np.ndarray, np.ndarray] | None


def check_n_threads(n_threads: Any) -> int | None:
    """Return the parameter `n_threads`, checked."""
    if n_threads is None:
        return None
    return threads.check_num_threads(n_threads, "n_threads", optional=True)


def encode_labels(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, sorted, and the index of each label's class, int64.

    Parameters
    ----------
    y : ndarray (n,)
        Labels; at least two different ones.
    """
    is_integer = y.dtype.kind in "biu"
    try:
        if not is_integer:
            check_classification_targets(y)
        classes, target = _encode(y)
    except TypeError as error:
        raise TypeError(f"y must hold labels of one type, which can be sorted: {error}") from None
    if is_integer and 2 * classes.size > y.size:
        # Integers are always good targets: it only warns of many classes, but sorts.
        check_classification_targets(y)
    if classes.size < 2:
        raise ValueError(
            "This solver needs samples of at least 2 classes in the data, but the data contains "
            f"only one class: {classes.tolist()[0]!r} (y must hold at least two)"
        )
    return classes, target


def _encode(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what ``np.unique(y, return_inverse=True)`` does."""
    if y.dtype.kind in "biu" and y.size:
        low, high = int(y.min()), int(y.max())
        if high - low < max(_MAX_TABLE, _MAX_TABLE_PER_LABEL * y.size) and high < 1 << 63:
            codes = y.astype(np.int64) - low
            is_used = np.zeros(high - low + 1, dtype=bool)
            is_used[codes] = True
            labels = [low + code for code in np.flatnonzero(is_used).tolist()]
            return np.array(labels, dtype=y.dtype), (np.cumsum(is_used) - 1)[codes]
    classes, target = np.unique(y, return_inverse=True)
    return classes, target.astype(np.int64, copy=False)


def row_weights(
    y: np.ndarray, sample_weight: Any, class_weight: Any, encoded: tuple[Any, Any]
) -> tuple[np.ndarray, float, np.ndarray | None]:
    """Return the rows' weights, which sum to one, and what they summed to before.

    Parameters
    ----------
    y : ndarray (n,) or (n, n_classes)
    sample_weight : array-like (n,), number or None
    class_weight : dict, "balanced" or None
    encoded : tuple
        Classes and target: what `encode_labels` returned, or probabilities (n, n_classes).

    Returns
    -------
    weights : ndarray (n,) or (1,)
        One weight where all rows have the same.
    total : float
    of_classes : ndarray (n_classes,) or None
        The classes' weights, if any, which the rows' contain.
    """
    if sample_weight is None and class_weight is None:
        return np.full(1, 1.0 / len(y)), float(len(y)), None
    classes, target = encoded
    weights = np.ones(len(y)) if sample_weight is None else _sample_weights(y, sample_weight)
    of_classes = None
    if class_weight is not None:
        of_classes = _class_weights(class_weight, classes, target, weights)
        weights = weights * (target @ of_classes if target.ndim == 2 else of_classes[target])
        if not checks.check_nonnegative(weights, "class_weight").any():
            raise ValueError(f"class_weight must leave weight to some row; got {class_weight!r}")
    total = float(weights.sum())
    return weights / total, total, of_classes


def _class_weights(
    class_weight: Any, classes: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    if isinstance(class_weight, dict):
        return np.asarray(compute_class_weight(class_weight, classes=classes, y=classes))
    if target.ndim == 2:
        class_totals = weights @ target
    else:
        class_totals = np.bincount(target, weights=weights, minlength=classes.size)
    if not class_totals.all():
        raise ValueError(
            "class_weight 'balanced' needs weight in every class; "
            f"got none in class {classes[class_totals.argmin()]}"
        )
    return np.asarray(weights.sum() / (classes.size * class_totals))


def _sample_weights(y: np.ndarray, sample_weight: Any) -> np.ndarray:
    try:
        weights = _check_sample_weight(sample_weight, y, dtype=np.float64, copy=True)
    except (TypeError, ValueError) as error:
        raise type(error)(f"sample_weight must be a number, or a number a row: {error}") from None
    checks.check_nonnegative(weights, "sample_weight")
    if not weights.any():
        raise ValueError("sample_weight must have an entry above zero; got only zeros")
    return weights


def make_problem(
    model: Any,
    meaning: Meaning,
    X: Any,
    y: np.ndarray,
    sample_weight: Any,
    soft: _soft_labels.SoftLabels | None = None,
) -> tuple[np.ndarray, Problem]:
    """Return the classes and the problem of a fit of a model to checked X (n, p) and labels y.

    `soft` are soft labels, if y holds them.
    """
    classes, target = encode_labels(y) if soft is None else soft
    check_liblinear(model, classes.size)
    encoded = classes, target
    weights, total, of_classes = row_weights(y, sample_weight, model.class_weight, encoded)
    if soft is not None and of_classes is not None:
        target = _soft_labels.weigh(target, of_classes)
    design = as_design(X)
    if meaning.intercept_scaling is not None:
        design = design.with_column(meaning.intercept_scaling)
    problem = Problem(
        X=design,
        target=target,
        n_classes=classes.size,
        weights=weights,
        penalty=_penalty(meaning.C, total),
        fit_intercept=bool(model.fit_intercept) and meaning.intercept_scaling is None,
        label_smoothing=float(model.label_smoothing),
    )
    return classes, problem


def make_settings(model: Any, meaning: Meaning, watch: Watch | None = None) -> Settings:
    """Return how a model's parameters have it fitted, and what watches."""
    return Settings(
        solver=meaning.solver,
        tol=float(model.tol),
        gap_tol=_GAP_TOL_PART * float(model.tol),
        max_iter=int(model.max_iter),
        watch=watch,
    )


def _penalty(C: Any, total_weight: float) -> float:
    """Return the factor of ||coef||^2 / 2 in the mean objective, 1 / (C * total_weight)."""
    strength = float(C) * total_weight
    penalty = 1.0 / strength if strength > _MIN_STRENGTH else np.inf
    if penalty > _MAX_PENALTY:
        raise ValueError(
            "C times the sum of the rows' weights must not be that small; "
            f"got {C!r} times {total_weight:g}"
        )
    return penalty


def check_warm_start(model: Any, meaning: Meaning, classes: np.ndarray, n_features: int) -> Start:
    """Return the previous solution where the fit is to start from it, checked.

    A fit of no iterations is zero, as scikit-learn's is.
    """
    if not (model.warm_start and hasattr(model, "coef_")):
        if model.max_iter > 0:
            return None
        n_rows = 1 if classes.size == 2 else classes.size
        n_columns = n_features + (meaning.intercept_scaling is not None)
        return np.zeros((n_rows, n_columns)), np.zeros(n_rows)
    if classes.size != np.shape(model.classes_)[0]:
        raise ValueError(
            "y must hold as many classes as the previous fit's when warm_start is set, "
            f"{model.classes_}; got {classes}"
        )
    coef, intercept = _predict.coefficients(model, n_features)
    if len(coef) == classes.size == 2:  # a logit for each of two classes, set by a user
        coef, intercept = np.diff(coef, axis=0), np.diff(intercept)
    for name, values in (("coef_", coef), ("intercept_", intercept)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"Floating-point under-/overflow: {name} must be finite when warm_start is set; "
                "got NaN or infinity"
            )
    if meaning.intercept_scaling is not None:
        return _liblinear.join(coef, intercept, meaning.intercept_scaling)
    return coef, intercept
