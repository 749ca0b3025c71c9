"""Objectives and metrics, called as the libraries call them."""

import inspect
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastce
from fastce.boosting import _calls, lightgbm, xgboost


class Data:
    """What the libraries' data sets have in common."""

    def __init__(self, labels, weight):
        self.labels, self.weight = labels, weight

    def get_label(self):
        return self.labels

    def get_weight(self):
        return self.weight


@pytest.fixture
def problem(rng):
    x, y = rng.standard_normal((20, 3)).astype(np.float32), rng.integers(0, 3, 20)
    return x, y.astype(np.float32), rng.random(20).astype(np.float32)


@pytest.mark.parametrize("make", [xgboost, lightgbm])
def test_both_kinds_of_calls_are_the_same(problem, make):
    x, y, s = problem
    objective = make("focal", gamma=1)
    for weight in (s, None):
        found = objective(x, Data(y, weight))
        for one, other in zip(objective(y, x, sample_weight=weight), found, strict=True):
            assert_array_equal(one, other)
        value = objective.metric(y, x, weight)
        native = objective.metric(x, Data(y, weight))
        if make is xgboost:
            assert native == (objective.metric.__name__, value)
        else:
            assert native == value == (objective.metric.__name__, value[1], False)
    no_weights = objective(x, Data(y, np.empty(0, np.float32)))  # XGBoost's
    assert_array_equal(no_weights[0], objective(y, x)[0])


def test_the_parameters_are_what_the_libraries_look_for():
    """LightGBM counts them, and XGBoost asks for the last one by its name."""
    for called in (xgboost(), xgboost().metric):
        names = list(inspect.signature(called).parameters)
        assert len(names) == 3
        assert names[-1] == "sample_weight"
        assert called.__name__ == "fastce_softmax"


def test_factors_of_the_hessian(problem):
    x, y, s = problem
    options = {"sample_weight": s, "reduction": "sum"}
    _, exact = fastce.cross_entropy_grad_and_hess(x, y, **options)
    assert_array_equal(xgboost(hessian="exact")(y, x, s)[1], exact)
    assert_array_equal(lightgbm(hessian="exact")(y, x, s)[1], exact)
    assert_array_equal(xgboost()(y, x, s)[1], 2 * exact)
    assert_allclose(lightgbm()(y, x, s)[1], 1.5 * exact, rtol=1e-7)
    y01 = (y > 0).astype(np.float32)
    _, exact = fastce.binary_cross_entropy_with_logits_grad_and_hess(x[:, 0], y01, reduction="sum")
    for make in (xgboost, lightgbm):
        assert_array_equal(make("sigmoid")(y01, x[:, 0])[1], exact)


@pytest.mark.parametrize("name", ["focal", "sigmoid_focal"])
def test_negative_curvature_has_a_floor(name):
    x, y, function = np.linspace(-9, 9, 37), np.ones(37), f"{name}_loss"
    x = np.column_stack([np.zeros(37), x]) if name == "focal" else x
    _, hess = getattr(fastce, function + "_grad_and_hess")(x, y, reduction="sum")
    assert (hess < 0).any()
    with np.errstate(all="raise"):
        _, found = xgboost(name, hessian="exact")(y, x)
    assert_array_equal(found, np.maximum(hess, _calls.MIN_CURVATURE))


def test_they_pickle_are_equal_and_say_what_they_are():
    for make in (xgboost, lightgbm):
        objective = make("focal", gamma=2, weight=[1, 2], hessian="exact")
        assert pickle.loads(pickle.dumps(objective)) == objective
        assert pickle.loads(pickle.dumps(objective.metric)) == objective.metric
        assert eval(repr(objective)) == objective
        assert eval(repr(objective.metric)) == objective.metric
        assert objective != make("focal", gamma=2, weight=[1, 2])
    assert repr(xgboost()) == "fastce.boosting.xgboost('softmax')"
    assert xgboost() != lightgbm()


@pytest.mark.parametrize("make", [xgboost, lightgbm])
def test_hessian_is_one_of_two(make):
    with pytest.raises(ValueError, match=r"^hessian must be 'library' or 'exact'; got 'diag'$"):
        make(hessian="diag")
