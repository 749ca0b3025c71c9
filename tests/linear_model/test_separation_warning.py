"""Separation without a penalty is warned of by name; classes that overlap are not."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from fastce.linear_model import LogisticRegression, SeparationWarning

SOLVERS = pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cg", "newton-cholesky"])


def of_fit(X, y, **options):
    """Return what a fit without a penalty warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        LogisticRegression(C=np.inf, **options).fit(X, y)
    return [warning for warning in caught if issubclass(warning.category, ConvergenceWarning)]


@SOLVERS
def test_complete_separation_names_the_classes(rng, solver):
    X = rng.normal(size=(60, 3))
    y = np.where(X[:, 0] > 0.5, "yes", "no")
    (warning,) = of_fit(X, y, solver=solver)
    assert warning.category is SeparationWarning
    assert warning.filename == __file__
    assert str(warning.message).startswith("Perfect separation: rows of classes 'no', 'yes' are")
    assert not of_fit(X, y, solver=solver, label_smoothing=0.1)
    assert not of_fit(X, rng.integers(0, 2, 60), solver=solver)


@SOLVERS
def test_a_category_that_knows_its_class(rng, solver):
    y = rng.integers(0, 2, 60)
    category = (np.arange(60) % 4 == 0).astype(float)
    y[category == 1] = 1
    X = np.column_stack([rng.normal(size=(60, 2)), category])
    (warning,) = of_fit(X, y, solver=solver)
    assert warning.category is SeparationWarning
    assert "rows of class 1 are told from" in str(warning.message)
    y[np.flatnonzero(category)[0]] = 0
    assert not of_fit(X, y, solver=solver)


@SOLVERS
def test_one_of_three_classes_and_two_groups_of_four(rng, solver):
    X = rng.normal(size=(80, 2))
    y = np.where(X[:, 0] > 1.0, 2, rng.integers(0, 2, 80))
    (warning,) = of_fit(X, y, solver=solver)
    assert "rows of class 2 are" in str(warning.message)
    (warning,) = of_fit(X, 2 * (X[:, 0] > 0.0) + rng.integers(0, 2, 80), solver=solver)
    assert "rows of classes 0, 1, 2, 3 are" in str(warning.message)
    assert not of_fit(X, rng.integers(0, 4, 80), solver=solver)


def test_more_columns_than_rows(rng):
    (warning,) = of_fit(rng.normal(size=(30, 200)), np.arange(30) % 15)
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 5 more are" in str(warning.message)


def test_a_penalty_leaves_nothing_to_warn_of(rng):
    X = rng.normal(size=(60, 3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        LogisticRegression(C=1e6).fit(X, X[:, 0] > 0.0)
    assert not caught
