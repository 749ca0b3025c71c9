"""A fitted model as scikit-learn's own class, for what knows that class only."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from ._namespace import to_numpy

_ATTRIBUTES = ("classes_", "coef_", "intercept_", "n_iter_", "n_features_in_", "feature_names_in_")


def to_sklearn(model: Any) -> Any:
    """Return a scikit-learn LogisticRegression with the coefficients of a fitted model, copied.

    It has the parameters that scikit-learn's class has, too; a solver that it has not is its
    default.
    """
    check_is_fitted(model)
    theirs = LogisticRegression()
    known = theirs.get_params()
    params = {name: value for name, value in model.get_params().items() if name in known}
    if model.solver not in ("lbfgs", "newton-cg", "newton-cholesky"):
        del params["solver"]
    if not params["l1_ratio"]:  # scikit-learn before 1.8 warns of a number there
        del params["l1_ratio"]
    theirs.set_params(**params)
    for name in _ATTRIBUTES:
        if hasattr(model, name):
            value = to_numpy(getattr(model, name))
            setattr(theirs, name, value.copy() if isinstance(value, np.ndarray) else value)
    return theirs
