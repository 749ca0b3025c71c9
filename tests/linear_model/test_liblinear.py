"""liblinear's objective, with a penalised intercept."""

import numpy as np
import pytest
from linear_models import raw
from scipy import sparse
from sklearn.linear_model import LogisticRegression as Theirs

from fastce.linear_model import LogisticRegression, _liblinear


@pytest.mark.parametrize("kind", [np.asfortranarray, np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("options", [{}, {"intercept_scaling": 30.0}, {"fit_intercept": False}])
def test_coefficients_are_liblinears(kind, options):
    X, y = raw("wine")
    X, y = X[:, :6] - X[:, :6].mean(axis=0) + 0.5, y == 1
    ours = LogisticRegression(solver="liblinear", tol=1e-8, **options).fit(kind(X), y)
    theirs = Theirs(solver="liblinear", tol=1e-10, max_iter=10_000, **options).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4)
    np.testing.assert_allclose(ours.intercept_, np.ravel(theirs.intercept_), rtol=1e-4)
    assert ours.coef_.flags.c_contiguous


def test_the_dual_has_the_same_optimum():
    X, y = raw("wine")
    models = [
        LogisticRegression(solver="liblinear", dual=dual).fit(X, y == 1) for dual in (False, True)
    ]
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)


def test_a_warm_start_begins_there():
    X, y = raw("wine")
    model = LogisticRegression(solver="liblinear", intercept_scaling=5.0, warm_start=True)
    first = model.fit(X, y == 1).n_iter_[0]
    assert model.fit(X, y == 1).n_iter_[0] <= first // 3


def test_join_and_split_are_opposites(rng):
    coef, intercept = rng.normal(size=(1, 4)), rng.normal(size=1)
    joined, zero = _liblinear.join(coef, intercept, 3.0)
    assert not zero.any()
    for found, expected in zip(_liblinear.split(joined, 3.0), (coef, intercept), strict=True):
        np.testing.assert_allclose(found, expected)
