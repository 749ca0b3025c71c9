"""Usual calls of binary cross-entropy, answered whole: as the general way answers them."""

import importlib
from unittest import mock

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce
from fastce._native import usual_elements

# the module, not the function of the same name
LOSS = importlib.import_module("fastce._losses.binary_cross_entropy")
X, T = np.zeros((4, 3)), np.zeros((4, 3))


class Unusual:
    """In place of `usual_elements`: no call is."""

    @staticmethod
    def binary_cross_entropy(*arguments):
        return None


def in_general(function, *arguments, **options):
    with mock.patch.object(LOSS, "usual_elements", Unusual):
        return function(*arguments, **options)


def elements(x, t, *, out=None, **options):
    defaults = {"weight": None, "pos_weight": None, "ignore_index": None, "reduction": "mean"}
    return usual_elements.binary_cross_entropy(x, t, *(defaults | options).values(), out, True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (7, 3), (64, 10), (8193,), (2, 3, 4), (90000,)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_elements_have_the_same_bits_both_ways(dtype, shape, reduction, rng):
    x = (5 * rng.standard_normal(shape)).astype(dtype)
    x.reshape(-1)[:1] = np.inf
    t = rng.choice([0, 0.25, 1], shape).astype(dtype)
    t.reshape(-1)[:1] = 1
    settings = {"reduction": reduction}
    name = "binary_cross_entropy_with_logits"
    value, grad = in_general(getattr(fastce, f"{name}_value_and_grad"), x, t, **settings)
    for out in (None, np.full_like(x, 7)):
        found = elements(x, t, out=out, **settings)
        assert found[0] == value
        assert_array_equal(found[1], grad)
        assert out is None or found[1] is out
    assert getattr(fastce, name)(x, t, **settings) == value
    copy = x.copy()
    assert elements(copy, t, out=copy, **settings)[1] is copy
    assert_array_equal(copy, grad)


def test_read_only_arguments_are_usual(rng):
    x, t = rng.standard_normal((4, 3)), rng.random((4, 3))
    x.flags.writeable = t.flags.writeable = False
    assert elements(x, t)[0] == fastce.binary_cross_entropy_with_logits(x.copy(), t)
    assert elements(x, t, out=x) is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": X[::-1]},
        {"x": X.tolist()},
        {"x": X.astype(np.float32)},
        {"x": np.zeros(()), "t": np.zeros(())},
        {"x": np.zeros(100000), "t": np.zeros(100000)},
        {"t": T[:3]},
        {"t": T.astype(bool)},
        {"t": T + 1.5},
        {"t": T - 1e-300},
        {"t": T + np.nan},
        {"weight": np.ones(3)},
        {"pos_weight": np.ones(3)},
        {"ignore_index": -1},
        {"reduction": "none"},
        {"reduction": None},
        {"out": np.zeros((3, 4))},
        {"out": T},
    ],
)
def test_elements_that_are_not_usual_are_left_to_others(arguments):
    assert elements(X, T) is not None
    assert elements(**{"x": X, "t": T} | arguments) is None
