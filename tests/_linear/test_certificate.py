"""The bound of the distance from the minimum: above it always, and not by much."""

import numpy as np
import pytest
from problems import labelled, learnable, objective_of

from fastce._linear import certificate
from fastce._linear.preconditioner import Preconditioner
from fastce._optimize import minimise


def minimum_of(loss):
    options = {"tol": 1e-13, "gap_tol": 1e-15, "max_iter": 300}
    return minimise.minimise(loss, loss.start(), solver="newton-cg", **options)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", [1.0, 1e-3])
def test_the_bound_is_above_the_distance(rng, n_classes, fit_intercept, penalty):
    X, y = learnable(rng, n_classes=n_classes)
    loss = objective_of(X, y, n_classes, penalty=penalty, fit_intercept=fit_intercept)
    best = minimum_of(loss)
    for size in (1e-1, 1e-3, 1e-5):
        step = loss.pack(*(rng.normal(size=part.shape) for part in loss.parts(best.theta)))
        theta = best.theta + size * step
        value, grad = loss.value_and_grad(theta)
        bound = certificate.bound(loss, theta, value, grad)
        assert value - best.value <= bound * (1.0 + 1e-6)
        # of the second order, and as far off as the Hessian is above the penalty
        if size < 1e-1:
            assert bound <= 20.0 * (1.0 + 1.0 / penalty) * (value - best.value) + 1e-14
    assert certificate.bound(loss, best.theta, best.value, best.grad) <= 1e-12 * best.value


def test_a_unit_whose_gradient_is_rounding_is_taken_apart(rng):
    X, y = learnable(rng, n_classes=2, p=3)
    plain = objective_of(X, y, 2, penalty=1e-3)
    X[:, 1] = 1e18 + 1e16 * X[:, 1]
    loss = objective_of(X, y, 2, penalty=1e-3)
    best = minimum_of(loss)
    assert (best.grad**2).max() / (2.0 * loss.penalty) > 1e-6
    bound = certificate.bound(loss, best.theta, best.value, best.grad)
    assert bound <= 1e-6 * best.value
    # the column, put back to where its coefficient is 0
    theta = best.theta.copy()
    theta[1] = 0.0
    theta[3] += best.theta[1] * X[:, 1].mean()
    value, grad = loss.value_and_grad(theta)
    assert certificate.bound(loss, theta, value, grad) >= value - best.value > 1e-6 * best.value
    assert plain.value_and_grad(plain.start())[0] >= best.value


def test_without_a_penalty_there_is_no_bound(rng):
    X, y = learnable(rng, n_classes=2)
    loss = objective_of(X, y, 2, penalty=0.0)
    best = minimum_of(loss)
    assert certificate.bound(loss, best.theta, best.value, best.grad) == np.inf
    assert certificate.condition(loss) == np.inf


def test_numbers_that_are_none_have_no_bound(rng):
    X, y = learnable(rng, n_classes=2)
    loss = objective_of(X, y, 2)
    theta = loss.start()
    assert certificate.bound(loss, theta, np.nan, theta) == np.inf
    assert certificate.bound(loss, theta, 1.0, np.full_like(theta, np.nan)) == np.inf


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_condition_is_a_bound_by_the_columns_as_they_are(
    rng, diagonal, fit_intercept, monkeypatch
):
    if diagonal:
        monkeypatch.setattr("fastce._linear.preconditioner._MAX_COLUMNS", 0)
    X, y = labelled(rng, n=200, p=5, n_classes=2)
    loss = objective_of(X, y, 2, penalty=1e-3, fit_intercept=fit_intercept)
    assert isinstance(loss._preconditioner, Preconditioner)
    centred = X - X.mean(axis=0) * fit_intercept
    largest = np.linalg.eigvalsh(centred.T @ centred / 200)[-1]
    least = 1.0 + loss.curvature * largest / 1e-3
    assert least <= certificate.condition(loss) <= 5.0 * least
