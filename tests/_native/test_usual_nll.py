"""Usual calls of nll_loss, answered whole."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastce
from fastce._core import pool, threads
from fastce._native import usual_nll


def nll(x, y, weight=None, out=None, **options):
    settings = {"ignore_index": -100, "reduction": "mean", "axis": -1} | options
    return usual_nll.nll(
        x,
        y,
        weight,
        None,
        settings["ignore_index"],
        settings["reduction"],
        settings["axis"],
        out,
        True,
        pool.split,
    )


def general(x, y, **options):
    # a weight for each row is not usual
    return fastce.nll_loss_value_and_grad(x, y, sample_weight=np.ones(y.shape), **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("label", [np.int32, np.int64])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (9000, 5), (2, 3, 5000), (2, 4, 3, 5)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_both_ways_give_the_same_bits(dtype, label, shape, reduction, n_threads, rng):
    axis = len(shape) - 1 if len(shape) == 2 else 1
    x = rng.standard_normal(shape).astype(dtype)
    y = rng.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :]).astype(label)
    y.reshape(-1)[1::5] = -100
    weight = rng.random(shape[axis]).astype(dtype) + 0.5
    if y.size > 1:
        weight[0] = 0
    options = {"reduction": reduction, "axis": axis}
    with threads.at_most(n_threads if n_threads <= fastce.get_num_threads() else 1):
        for w in (None, weight):
            value, grad = nll(x, y, w, **options)
            expected, expected_grad = general(x, y, weight=w, **options)
            same, out = nll(x, y, w, out=np.full_like(x, 7), **options)
            assert same == value
            assert_array_equal(out, grad)
            if w is None or reduction == "sum":
                assert value == expected
                assert_array_equal(grad, expected_grad)
            else:  # the weights of the rows are added in another order
                assert_allclose(value, expected, rtol=1e-14)
                assert_allclose(grad, expected_grad, rtol=max(1e-14, 2 * np.finfo(dtype).eps))
    copy = x.copy()
    assert nll(copy, y, out=copy, **options)[1] is copy
    assert_array_equal(copy, general(x, y, **options)[1])


@pytest.mark.parametrize("place", [0, 5000])
@pytest.mark.parametrize("wrong", [-1, 3, 2**31 - 1])
def test_a_wrong_label_writes_nothing(place, wrong, rng):
    x, out = rng.standard_normal((6000, 3)), np.full((6000, 3), 7.0)
    y = rng.integers(0, 3, 6000)
    y[place] = wrong
    assert nll(x, y, out=out) is None
    assert (out == 7).all()
    with pytest.raises(ValueError, match=rf"got {wrong} .*row {place}"):
        fastce.nll_loss_value_and_grad(x, y, out=out)
    assert (out == 7).all()


@pytest.mark.parametrize(
    "unusual",
    [
        lambda x, y: nll(x[::2], y[::2]),
        lambda x, y: nll(x.astype(np.float16), y),
        lambda x, y: nll(x.astype(x.dtype.newbyteorder()), y),
        lambda x, y: nll(x, y.astype(np.uint8)),
        lambda x, y: nll(x, y[:-1]),
        lambda x, y: nll(x, y.tolist()),
        lambda x, y: nll(x[:0], y[:0]),
        lambda x, y: nll(x, y, weight=np.array([1.0, np.nan, 1.0])),
        lambda x, y: nll(x, y, weight=np.array([1.0, -1.0, 1.0])),
        lambda x, y: nll(x, y, weight=np.ones(4)),
        lambda x, y: nll(x, y, weight=[1, 1, 1]),
        lambda x, y: nll(x, y, weight=np.zeros(3)),
        lambda x, y: nll(x, y, out=np.empty((3, 2))),
        lambda x, y: nll(x, y, out=x[::-1]),
        lambda x, y: nll(x, y, reduction="none"),
        lambda x, y: nll(x, y, reduction=np.array(["mean", "sum"])),
        lambda x, y: nll(x, y, axis=2),
        lambda x, y: nll(x, y, axis=2**70),
        lambda x, y: nll(x, y, axis=None),
        lambda x, y: nll(x, y, ignore_index=2**70),
        lambda x, y: nll(x, np.full(y.shape, -100)),
    ],
)
def test_what_is_unusual_is_left_to_others(unusual):
    x, y = np.zeros((4, 3)), np.array([0, 1, 2, 0])
    assert nll(x, y) is not None
    assert unusual(x, y) is None


def test_out_that_is_a_label_or_weight_is_left_to_others():
    x, y = np.zeros((4, 4)), np.zeros(16, np.int64)
    assert nll(np.zeros((16, 1)), y, out=y.view(np.float64).reshape(16, 1)) is None
    weight = np.ones((4, 4))
    assert nll(x, y[:4], weight=weight[0], out=weight) is None
