"""Fits beside which ours are judged: the textbook's objective, scikit-learn's optimum, its data."""

import warnings

import numpy as np
import reference
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression as Theirs


def objective(model, X, y, C=1.0, weights=None, label_smoothing=0.0):
    """Return scikit-learn's objective in the textbook's formula."""
    labels = np.unique(y, return_inverse=True)[1]
    total, _, _ = reference.linear_cross_entropy(
        X, labels, model.coef_, model.intercept_, weights=weights, label_smoothing=label_smoothing
    )
    coef = np.asarray(model.coef_, dtype=float)
    return total if C == np.inf else C * total + 0.5 * (coef**2).sum()


def fit_of_scikit_learn(X, y, weights=None, **options):
    """Return scikit-learn's most exact fit of the columns as they are: scaled ones differ."""
    options = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 10_000} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Theirs(**options).fit(X, y, weights)


def raw(name):
    return {
        "breast_cancer": load_breast_cancer,
        "wine": load_wine,
        "iris": load_iris,
        "digits": load_digits,
    }[name](return_X_y=True)


# What users set on a fitted model of two classes, in place of its coefficients.
COEFFICIENTS_OF_USERS = {
    "list": lambda model: setattr(model, "coef_", model.coef_.tolist()),
    "one dimension": lambda model: setattr(model, "coef_", model.coef_[0]),
    "two rows": lambda model: setattr(model, "coef_", np.vstack([-model.coef_, model.coef_])),
    "number": lambda model: setattr(model, "intercept_", 0.5),
    "sparse": lambda model: model.sparsify(),
}
