"""What ``python -m fastce`` compares: the data, one timed fit, and the referee.

The referee evaluates every library's result by the same code.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

DATA_SETS = ("breast_cancer", "wine", "digits")


class Split(NamedTuple):
    """A data set, raw as it ships, split into rows to fit and rows to test."""

    name: str
    X: Any
    y: Any
    X_test: Any
    y_test: Any


class Fit(NamedTuple):
    """One finished fit and what it cost."""

    model: Any
    seconds: float
    converged: bool


def load(name: str) -> Split:
    """Load a data set of scikit-learn; a quarter of each class's rows is kept for the test."""
    import sklearn.datasets
    from sklearn.model_selection import train_test_split

    X, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    return Split(name, X, y, X_test, y_test)


def objective_and_gradient(model: Any, X: Any, y: Any, C: float = 1.0) -> tuple[float, Any]:
    """Return scikit-learn's objective of logistic regression over ``C n``, and its gradient.

    Plain NumPy in float64, from the fitted coefficients alone: the same referee for every library.

        F(coef, intercept) = mean_i loss_i + sum(coef ** 2) / (2 C n)

    Two classes have one logit, three or more have one each. The gradient is (1 or K, p + 1), the
    intercept's column last.
    """
    from scipy.special import log_softmax

    n = X.shape[0]
    coef = model.coef_.astype(np.float64)
    logits = X @ coef.T + model.intercept_
    if coef.shape[0] == 1:
        logits = np.hstack([np.zeros((n, 1)), logits])
    log_p = log_softmax(logits, axis=1)
    labels = np.searchsorted(model.classes_, y)
    residual = np.exp(log_p)
    residual[np.arange(n), labels] -= 1
    residual = residual[:, -coef.shape[0] :] / n
    objective = -log_p[np.arange(n), labels].mean() + (coef**2).sum() / (2 * C * n)
    gradient = np.hstack([residual.T @ X + coef / (C * n), residual.sum(axis=0)[:, None]])
    return float(objective), gradient


def fit_once(make: Callable[[], Any], X: Any, y: Any) -> Fit:
    """Fit a new model; a ConvergenceWarning is noted instead of printed."""
    from sklearn.exceptions import ConvergenceWarning

    model = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X, y)
        seconds = time.perf_counter() - start
    return Fit(model, seconds, converged=not caught)


def makers() -> dict[str, Callable[..., Any]]:
    """Return the two classifiers that are compared, name -> constructor."""
    from sklearn.linear_model import LogisticRegression as Theirs

    from ..linear_model import LogisticRegression as Ours

    return {"fastce": Ours, "scikit-learn": Theirs}
