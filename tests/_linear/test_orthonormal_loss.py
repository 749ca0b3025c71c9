"""The objective in orthonormal columns: the same function, with a Hessian that is well behaved."""

import inspect

import numpy as np
import pytest
from problems import objective_of

from fastce._linear.orthonormal import OrthonormalColumns
from fastce._linear.orthonormal_loss import OrthonormalLoss
from fastce._optimize import minimise
from fastce._optimize.objective import Objective


def both(rng, n_classes, fit_intercept=True, penalty=0.01, smoothing=0.0):
    X = rng.normal(size=(60, 4)) * [1.0, 100.0, 0.01, 1.0]
    y = np.arange(60) % n_classes
    loss = objective_of(
        X, y, n_classes, penalty=penalty, fit_intercept=fit_intercept, label_smoothing=smoothing
    )
    columns = OrthonormalColumns(
        loss.shard.design, loss.shard.weights, penalty, centre=fit_intercept
    )
    return loss, columns, OrthonormalLoss(loss, columns)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_it_is_the_same_function(rng, n_classes, fit_intercept, smoothing):
    loss, columns, own = both(rng, n_classes, fit_intercept, smoothing=smoothing)
    K = loss.n_outputs
    coef, intercept = rng.normal(size=(K, 4)), rng.normal(size=K) * fit_intercept
    theta = own.pack(coef, intercept)
    value, grad = own.value_and_grad(theta)
    for_X = columns.expand(*own.parts(theta))
    np.testing.assert_allclose(value, loss.value_and_grad(loss.pack(*for_X))[0], rtol=1e-10)
    for j in range(own.size):
        step = 1e-6 * np.eye(own.size)[j]
        slope = (own.value_and_grad(theta + step)[0] - own.value_and_grad(theta - step)[0]) / 2e-6
        np.testing.assert_allclose(grad[j], slope, rtol=1e-5, atol=1e-8)
    vector = rng.normal(size=own.size)
    change = own.value_and_grad(theta + 1e-5 * vector)[1]
    change -= own.value_and_grad(theta - 1e-5 * vector)[1]
    np.testing.assert_allclose(own.hessian_product(theta, vector), change / 2e-5, atol=1e-7)
    own.factor(theta)
    vector = own.pack(*own.parts(vector))
    product = own.hessian_product(theta, vector)
    np.testing.assert_allclose(own.precondition(product), vector, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_its_first_preconditioner_is_the_null_models(rng, n_classes):
    _, _, own = both(rng, n_classes, penalty=0.0)
    vector = own.pack(*own.parts(rng.normal(size=own.size)))
    start = own.pack(np.zeros((len(own.parts(vector)[0]), 4)), np.zeros(1 if n_classes == 2 else 3))
    product = own.hessian_product(start, vector)
    np.testing.assert_allclose(own.precondition(product), vector, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cg", "newton-cholesky"])
def test_every_minimiser_takes_it(rng, solver):
    loss, _, own = both(rng, 3)
    for name, declared in vars(Objective).items():
        if not name.startswith("_") and not isinstance(declared, property):
            mine = inspect.signature(getattr(own, name)).parameters
            assert list(mine) == list(inspect.signature(declared).parameters)[1:], name
    options = {"tol": 1e-9, "gap_tol": 1e-12, "max_iter": 200}
    found = minimise.minimise(own, np.zeros(own.size), solver=solver, **options)
    expected = minimise.minimise(loss, loss.start(), **options)
    assert found.status == "converged"
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-10)


def test_a_large_hessian_is_left_to_products(rng, monkeypatch):
    _, _, own = both(rng, 3)
    assert own.exact_cost < 1.0
    assert own.refresh(np.zeros(own.size))
    monkeypatch.setattr("fastce._linear.orthonormal_loss._MAX_PRODUCTS", 10.0)
    assert own.exact_cost == np.inf
    assert not own.refresh(np.zeros(own.size))
