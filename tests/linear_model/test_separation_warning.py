"""Separation without a penalty is warned of by name; classes that overlap are not."""

import itertools
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


def test_rows_that_are_close_beside_others_hold_a_minimum():
    X = np.array([[1e10], [-1e10], [1], [2], [-1]])
    assert not of_fit(X, [1, 0, 1, 0, 0])
    # the class of the larger ones comes apart from the others
    (warning,) = of_fit(X, [1, 0, 0, 1, 0])
    assert warning.category is SeparationWarning


def come_apart(X, y):
    """Tell by integers whether two classes of rows (n, 2) come apart along a plane of two rows."""
    rows = [(int(a), int(b), 1) for a, b in X.tolist()]
    rows = [row if k else tuple(-x for x in row) for row, k in zip(rows, y, strict=True)]
    for (a, b, c), (d, e, f) in itertools.combinations(rows, 2):
        normal = (b * f - c * e, c * d - a * f, a * e - b * d)
        margins = [sum(x * z for x, z in zip(row, normal, strict=True)) for row in rows]
        if any(margins) and (min(margins) >= 0 or max(margins) <= 0):
            return True
    return False


def rows_of_two_sizes(seed):
    """Return integers (n, 2), some rows 2^10 to 2^45 times as large, and labels."""
    rng = np.random.default_rng([1414, seed])
    n = int(rng.integers(6, 10))
    X = rng.integers(-4, 5, (n, 2)).astype(float)
    X[rng.random(n) < 0.4] *= 2.0 ** rng.integers(10, 46)
    X *= 2.0 ** rng.integers(0, 30, 2)
    y = (X @ (rng.normal(size=2) / np.abs(X).max(axis=0)) > 0.2).astype(int)
    y[rng.integers(n, size=int(rng.integers(0, 3)))] ^= 1
    return X, y


def test_only_rows_that_come_apart_exactly_are_warned_of():
    n_apart = n_held = 0
    for seed in range(100):
        X, y = rows_of_two_sizes(seed)
        if np.unique(y).size < 2 or np.any(np.ptp(X, axis=0) == 0.0):
            continue
        caught = of_fit(X, y)
        is_warned = any(warning.category is SeparationWarning for warning in caught)
        assert is_warned == come_apart(X, y), (seed, X, y)
        n_apart, n_held = n_apart + is_warned, n_held + (not is_warned)
    assert min(n_apart, n_held) > 20
