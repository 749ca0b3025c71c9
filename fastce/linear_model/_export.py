"""A fitted model as scikit-learn's own class, for what knows that class only."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from .._core.checks import is_sparse
from . import _predict
from ._namespace import to_numpy

_ATTRIBUTES = ("classes_", "n_iter_", "n_features_in_", "feature_names_in_")


def to_sklearn(model: Any) -> Any:
    """Return a scikit-learn LogisticRegression with the coefficients of a fitted model, copied.

    It has the parameters that scikit-learn's class has, too, where both have the same values.
    Coefficients that a user has set, lists for example, become what a fit leaves; sparse ones stay
    sparse.
    """
    check_is_fitted(model)
    theirs = LogisticRegression()
    known = theirs.get_params()
    params = {name: value for name, value in model.get_params().items() if name in known}
    if params.get("solver") == "auto":
        del params["solver"]
    if params.get("penalty") == "deprecated":  # scikit-learn before 1.8 knows no such penalty
        del params["penalty"]
    if not params.get("l1_ratio", True):  # scikit-learn before 1.8 warns of a number there
        del params["l1_ratio"]
    theirs.set_params(**params)
    for name in _ATTRIBUTES:
        if hasattr(model, name):
            value = to_numpy(getattr(model, name))
            setattr(theirs, name, value.copy() if isinstance(value, np.ndarray) else value)
    coef, intercept = _predict.coefficients(model, _predict.n_features(model))
    if len(coef) == len(theirs.classes_) == 2:  # a logit for each of two classes; theirs has one
        coef, intercept = np.diff(coef, axis=0), np.diff(intercept)
    keeps = is_sparse(model.coef_) and model.coef_.shape == coef.shape
    theirs.coef_ = model.coef_.copy() if keeps else coef.copy()
    theirs.intercept_ = intercept.copy()
    return theirs
