"""The referee of ``python -m fastce``: data, one timed fit, objective and gradient."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fastce._tools import referee


@pytest.mark.parametrize(
    ("name", "p", "n_classes"), [("breast_cancer", 30, 2), ("wine", 13, 3), ("digits", 64, 10)]
)
def test_data_are_raw_and_split_class_by_class(name, p, n_classes):
    split = referee.load(name)
    assert split.X.shape[1] == split.X_test.shape[1] == p
    assert len(np.unique(split.y)) == len(np.unique(split.y_test)) == n_classes
    assert split.X.max() > 10, "not scaled"


def model_of(theta, n_rows, classes):
    theta = theta.reshape(n_rows, -1)
    return SimpleNamespace(coef_=theta[:, :-1], intercept_=theta[:, -1], classes_=classes)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradient_is_the_objectives(n_classes):
    rng = np.random.default_rng(n_classes)
    n_rows = 1 if n_classes == 2 else n_classes
    X = rng.normal(size=(20, 4))
    classes = np.array(["a", "b", "c"])[:n_classes]
    y = rng.choice(classes, size=20)
    theta = rng.normal(size=n_rows * 5)

    def objective(theta):
        return referee.objective_and_gradient(model_of(theta, n_rows, classes), X, y, C=0.3)[0]

    gradient = referee.objective_and_gradient(model_of(theta, n_rows, classes), X, y, C=0.3)[1]
    steps = 1e-6 * np.eye(theta.size)
    differences = [(objective(theta + step) - objective(theta - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient.ravel(), differences, atol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_objective_is_scikit_learns(n_classes):
    """The referee's gradient vanishes where scikit-learn stops on well-scaled data."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = rng.integers(n_classes, size=200)
    model = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(X, y)
    _, gradient = referee.objective_and_gradient(model, X, y, C=0.5)
    assert np.abs(gradient).max() < 1e-6


def test_zero_coefficients_cost_log_of_the_classes():
    classes = np.arange(3)
    model = model_of(np.zeros(15), 3, classes)
    objective, _ = referee.objective_and_gradient(model, np.ones((6, 4)), np.tile(classes, 2))
    assert objective == pytest.approx(np.log(3), rel=1e-15)


def test_convergence_warning_is_noted_not_raised():
    split = referee.load("digits")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stopped = referee.fit_once(lambda: LogisticRegression(max_iter=1), split.X, split.y)
    assert not stopped.converged
    assert stopped.seconds > 0

    class Quiet:
        def fit(self, X, y):
            warnings.warn("another matter", UserWarning, stacklevel=1)

    assert referee.fit_once(Quiet, split.X, split.y).converged


def test_both_libraries_fit_with_their_defaults():
    makers = referee.makers()
    assert list(makers) == ["fastce", "scikit-learn"]
    assert makers["scikit-learn"] is LogisticRegression
