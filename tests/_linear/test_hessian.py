"""The Hessian is that of finite differences."""

import numpy as np
import pytest
from problems import finite_difference_hessian, objective_of, unbalanced
from scipy import sparse


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("p", [3, 5])
def test_the_factored_hessian_is_that_of_finite_differences(rng, n_classes, fit_intercept, kind, p):
    X, y = unbalanced(rng, p=p, n_classes=n_classes)
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    objective = objective_of(X, y, n_classes, penalty=1e-3, fit_intercept=fit_intercept)
    coef = (
        0.3
        * rng.normal(size=(objective.n_outputs, p))
        / np.abs(X).max(axis=0 if kind == "dense" else None)
    )
    theta = objective.pack(coef, 0.3 * rng.normal(size=objective.n_outputs))
    objective.factor(theta)
    vector = objective.pack(
        *(rng.normal(size=shape) for shape in ((objective.n_outputs, p), objective.n_outputs))
    )
    back = objective.precondition(finite_difference_hessian(objective, theta) @ vector)
    np.testing.assert_allclose(back, vector, rtol=1e-3, atol=1e-3 * np.abs(vector).max())
    assert 0.0 < objective.exact_cost < np.inf
