"""Usual calls of cross-entropy of rows, answered whole: as the general way answers them."""

import importlib
import math
from unittest import mock

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce
from fastce._core import threads
from fastce._kernels.sums import pairwise_sum
from fastce._native import usual

# the module, not the function of the same name
ROWS = importlib.import_module("fastce._losses.cross_entropy")


class Unusual:
    """In place of `usual`: no call is."""

    @staticmethod
    def cross_entropy(*arguments):
        return None


def in_general(function, *arguments, **options):
    with mock.patch.object(ROWS, "usual", Unusual):
        return function(*arguments, **options)


def rows(x, y, *, out=None, **options):
    defaults = {
        "weight": None,
        "sample_weight": None,
        "ignore_index": -100,
        "label_smoothing": 0.0,
        "z_loss": 0.0,
        "reduction": "mean",
        "axis": -1,
    }
    return usual.cross_entropy(x, y, *(defaults | options).values(), out, True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("label", [np.int32, np.int64])
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (7, 3), (64, 10), (33, 17), (5000, 9), (40, 150), (3, 30000)]
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_rows_have_the_same_bits_both_ways(dtype, label, shape, reduction, rng):
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    x[0, 0] = -np.inf
    y = rng.integers(0, shape[1], shape[0]).astype(label)
    ignored = y.copy()
    ignored[1::3] = -100
    weight = rng.random(shape[1]).astype(dtype) + 0.5
    sample_weight = rng.random(shape[0]) * (rng.random(shape[0]) < 0.9) + (shape[0] == 1)
    for labels in (y, ignored):
        for options in (
            {},
            {"weight": weight},
            {"sample_weight": sample_weight},
            {"weight": weight, "sample_weight": sample_weight, "ignore_index": 0},
            {"label_smoothing": 0.1},
            {"label_smoothing": 1.0, "weight": weight},
            {"label_smoothing": 0.5, "sample_weight": sample_weight},
        ):
            settings = options | {"reduction": reduction}
            if "ignore_index" in options:
                labels = np.where(labels == -100, labels.dtype.type(0), labels)
            found = rows(x, labels, **settings)
            if found is None:  # a mean of nothing, or weights of many classes
                assert reduction == "mean" or ("weight" in options and shape[1] > 256)
                continue
            value, grad = in_general(
                fastce.cross_entropy_value_and_grad, x, labels.astype(np.int64), **settings
            )
            assert found[0] == value or math.isnan(value)
            assert_array_equal(found[1], grad)
            assert fastce.cross_entropy(x, labels, **settings) == found[0] or math.isnan(value)
            out = np.full_like(x, 7)
            assert rows(x, labels, out=out, **settings)[1] is out
            assert_array_equal(out, grad)
    copy = x.copy()
    assert rows(copy, y, out=copy)[1] is copy
    assert_array_equal(copy, in_general(fastce.cross_entropy_value_and_grad, x, y)[1])


def test_read_only_arguments_are_usual(rng):
    x, y = rng.standard_normal((4, 3)), np.array([0, 1, 2, 0])
    for array in (x, y):
        array.flags.writeable = False
    assert rows(x, y)[0] == fastce.cross_entropy(x.copy(), y)
    assert rows(x, y, out=x) is None


X, Y = np.zeros((4, 3)), np.array([0, 1, 2, 0])


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": X[::-1]},
        {"x": X.T.copy().T},
        {"x": X.astype(np.float16)},
        {"x": X.astype(X.dtype.newbyteorder())},
        {"x": X[None]},
        {"x": X.tolist()},
        {"x": np.zeros((4, 30000))},
        {"x": X[:0], "y": Y[:0]},
        {"y": Y[::-1]},
        {"y": Y[:3]},
        {"y": Y.astype(np.uint8)},
        {"y": Y.astype(float)},
        {"y": Y + 1},
        {"y": Y - 1},
        {"y": np.full(4, -(2**63))},
        {"y": np.full(4, -100)},
        {"weight": np.ones(2)},
        {"weight": np.array([1.0, np.nan, 1.0])},
        {"weight": np.array([1.0, -1.0, 1.0])},
        {"weight": np.array([1.0, np.inf, 1.0])},
        {"weight": [1.0, 1.0, 1.0]},
        {"weight": np.zeros(3)},
        {"weight": np.full(3, 1e30), "sample_weight": np.full(4, 1e30)},
        {"sample_weight": np.ones(3)},
        {"sample_weight": np.ones((4, 1))},
        {"sample_weight": -np.ones(4)},
        {"ignore_index": 1.0},
        {"ignore_index": 2**70},
        {"label_smoothing": -0.1},
        {"label_smoothing": 1.1},
        {"label_smoothing": float("nan")},
        {"label_smoothing": 0},
        {"z_loss": 1e-4},
        {"reduction": "none"},
        {"reduction": "max"},
        {"reduction": np.array(["mean", "sum"])},
        {"axis": 0},
        {"axis": None},
        {"out": np.zeros((3, 4))},
        {"out": np.zeros((4, 3), np.float32)},
        {"out": "here"},
    ],
)
def test_rows_that_are_not_usual_are_left_to_others(arguments):
    assert rows(X, Y) is not None
    assert rows(**{"x": X, "y": Y} | arguments) is None


def test_out_may_not_be_another_argument():
    memory = np.zeros(12)
    x = np.zeros((4, 3))
    assert rows(x, Y, out=memory.reshape(4, 3), weight=memory[:3] + 1) is not None
    ones = np.ones(12)
    assert rows(x, Y, out=ones.reshape(4, 3), weight=ones[:3]) is None
    assert rows(x, Y, out=ones.reshape(4, 3), sample_weight=ones[:4]) is None
    labels = np.zeros(12, np.int64)
    assert rows(x, labels[:4], out=labels.view(float).reshape(4, 3)) is None
    assert rows(ones[:9].reshape(3, 3), Y[:3], out=ones[3:].reshape(3, 3)) is None


def test_work_for_several_threads_is_left_to_them():
    assert threads.MIN_PARALLEL_WORK == 100_000
    x, y = np.zeros((9999, 10)), np.zeros(9999, np.int64)
    assert rows(x, y) is not None
    assert rows(np.zeros((10000, 10)), np.zeros(10000, np.int64)) is None


def test_sum_of_has_the_bits_of_numpy(rng):
    for n in (*range(300), 1000, 1025, 5000, 8193, 100_000):
        x = rng.standard_normal(n) * 10.0 ** rng.integers(-8, 8, n)
        assert usual.sum_of(x) == x.sum() == pairwise_sum(x), n


def test_sum_of_numbers_that_are_not_finite():
    assert usual.sum_of(np.array([1.0, np.inf])) == np.inf
    assert usual.sum_of(np.array([1.0] * 200 + [-np.inf] + [1.0] * 200)) == -np.inf
    assert math.isnan(usual.sum_of(np.array([np.inf, -np.inf])))
    for wrong in (np.ones(3, np.float32), np.ones(6)[::2]):
        with pytest.raises(TypeError, match="contiguous float64"):
            usual.sum_of(wrong)
