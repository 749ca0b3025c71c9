"""The objective's protocol: that of the linear classifier has all that minimisers may ask for."""

import inspect

import numpy as np
import pytest

from fastce._linear.loss import LinearLoss
from fastce._optimize.objective import Objective, Point

PROTOCOL = {name for name in vars(Objective) if not name.startswith("_")}


def loss(rng, n_classes):
    X, y = rng.normal(size=(50, 3)), np.arange(50) % n_classes
    return LinearLoss(X, y, n_classes, weights=np.full(1, 1 / 50), penalty=0.1)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_linear_loss_is_an_objective(rng, n_classes):
    objective = loss(rng, n_classes)
    assert objective.floor >= 0.0
    for name in PROTOCOL:
        declared = vars(Objective)[name]
        if isinstance(declared, property):
            assert isinstance(getattr(objective, name), bool | float), name
        else:
            mine = inspect.signature(getattr(objective, name)).parameters
            assert list(mine) == list(inspect.signature(declared).parameters)[1:], name


@pytest.mark.parametrize("n_classes", [2, 4])
def test_its_methods_do_what_the_protocol_says(rng, n_classes):
    objective = loss(rng, n_classes)
    point = Point(objective.start(), *objective.value_and_grad(objective.start()))
    again = objective.value_and_grad(point.theta)[1]
    assert again is not point.grad  # a new array
    # The preconditioner is positive definite, and may write over what it reads.
    for near in (False, True):
        objective.refresh(point.theta, near)
        vector = rng.normal(size=point.theta.size)
        expected = objective.precondition(vector, np.empty_like(vector)).copy()
        assert vector @ expected > 0.0
        assert objective.precondition(vector, vector) is vector
        np.testing.assert_array_equal(vector, expected)
    # After `factor` it is the inverse of the Hessian (of coefficients with a mean of zero over the
    # classes).
    objective.factor(point.theta)
    vector = objective.pack(*objective.parts(rng.normal(size=point.theta.size)))
    product = objective.hessian_product(point.theta, vector)
    np.testing.assert_allclose(
        objective.precondition(product, np.empty_like(product)), vector, rtol=1e-6, atol=1e-9
    )
