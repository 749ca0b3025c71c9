"""Entries that labels name: blocks of rows of any strides."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce
from fastce._native import gather


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("turn", ["C", "F", "reversed", "columns", "four"])
def test_rows_of_any_strides(dtype, turn, rng):
    x = rng.standard_normal((6, 5, 4, 3)).astype(dtype)
    x = {
        "C": lambda: x,
        "F": lambda: np.asfortranarray(x),
        "reversed": lambda: x[::-1, :, ::-1],
        "columns": lambda: np.moveaxis(x, 1, -1),
        "four": lambda: np.asfortranarray(x)[::2, 1:, ::2],
    }[turn]()
    y = rng.integers(0, x.shape[-1], x.shape[:-1])
    value, grad = fastce.nll_loss_value_and_grad(x, y, reduction="none")
    expected = -np.take_along_axis(x, y[..., None], -1)[..., 0]
    assert_array_equal(value, expected)
    expected_grad = np.zeros(x.shape, dtype)
    np.put_along_axis(expected_grad, y[..., None], -1, -1)
    assert_array_equal(grad, expected_grad)
    out = np.full_like(x, 7)
    fastce.nll_loss_value_and_grad(x, y, reduction="none", out=out)
    assert_array_equal(out, expected_grad)


def test_every_float16_is_read_exactly():
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    with np.errstate(invalid="ignore"):
        expected = -x.astype(np.float64)
    values = np.empty(x.size)
    labels, weight = np.zeros(x.size, np.int64), np.ones(x.size)
    gather.sum_rows(x.reshape(-1, 1, 1), labels, weight, values, np.empty(16), 0, 16)
    assert_array_equal(values, expected)


def test_arrays_that_do_not_fit_are_refused():
    x, y, w, sums = np.zeros((4, 1, 3)), np.zeros(4, np.int64), np.ones(4), np.zeros(1)
    gather.sum_rows(x, y, w, None, sums, 0, 1)
    for bad in (
        (x[:, 0], y, w, None, sums, 0, 1),
        (x.astype(int), y, w, None, sums, 0, 1),
        (x, y.astype(np.int32), w, None, sums, 0, 1),
        (x, y[:3], w, None, sums, 0, 1),
        (x, y, w[:3], None, sums, 0, 1),
        (x, y, w, np.zeros(3), sums, 0, 1),
        (x, y, w, None, sums, 0, 2),
        (x, y, w, None, sums, -1, 1),
    ):
        with pytest.raises((TypeError, ValueError)):
            gather.sum_rows(*bad)
    for bad in ((x, y, w, w[:3], 0, 4), (x, y, w, w, 0, 5), (x, y, w, w.astype("f4"), 0, 4)):
        with pytest.raises((TypeError, ValueError)):
            gather.scatter_rows(*bad)
