"""Arrays to the memory of kernels and back."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastce._core import layout


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, int])
def test_rows_and_back(rng, axis, dtype):
    x = (9 * rng.standard_normal((3, 4, 5))).astype(dtype)
    rows = layout.as_rows(x, axis)
    expected = np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    numbers = layout.loaded(rows.data, rows.view)
    assert_array_equal(numbers, expected)
    assert rows.n == len(expected)
    assert rows.value_shape == np.moveaxis(x, axis, -1).shape[:-1]
    result = layout.result_like(rows, None)
    layout.store(numbers, result)
    array = layout.finish_result(result, rows)
    assert_array_equal(array, x)
    assert array.dtype == (x.dtype if x.dtype.kind == "f" else np.float64)
    assert rows.axis == axis % 3
    assert rows.source.shape == x.shape


def test_nothing_is_copied():
    x = np.zeros((3, 4, 5))
    assert np.shares_memory(layout.as_rows(x, -1).data, x)
    assert layout.as_flat(x).data.base is x
    for other, axis in ((x, 1), (x.astype(np.float16), -1), (x[::-1, :, ::2], -1), (x.T, 0)):
        rows = layout.as_rows(other, axis)
        assert len(rows.data) == 0
        assert np.shares_memory(rows.view, other)
        result = layout.result_like(rows, other)
        assert np.shares_memory(result.view, other)
    # more than two steps from row to row
    assert not np.shares_memory(layout.as_rows(np.zeros((4, 4, 4, 4))[::2, ::2, ::2], -1).view, x)


@pytest.mark.parametrize("order", ["C", "F"])
def test_results_go_to_out(rng, order):
    x = rng.standard_normal((4, 6))
    for out in (np.empty((4, 6), order=order), np.empty((8, 12))[::2, ::-2]):
        for rows in (layout.as_rows(x, -1), layout.as_rows(x, 0)):
            result = layout.result_like(rows, out)
            layout.store(layout.loaded(rows.data, rows.view), result)
            assert layout.finish_result(result, rows) is out
            assert_array_equal(out, x)


def test_results_have_the_order_of_the_input():
    x = np.asfortranarray(np.zeros((3, 4, 5), np.float16))
    rows = layout.as_rows(x, 1)
    assert layout.result_like(rows, None).array.flags.f_contiguous


def test_deliver_is_silent():
    with np.errstate(all="raise"):
        result = layout.deliver(np.array([1e6, 1e-30]), np.dtype(np.float16), None)
    assert_array_equal(result, [np.inf, 0])
    x = np.zeros(3)
    assert layout.deliver(x, x.dtype, None) is x


def test_result_memory():
    out = np.empty((3, 4))
    assert layout.result_memory((3, 4), np.dtype(float), out) is out
    assert layout.result_memory((3, 4), np.dtype(np.float32), out) is not out
    assert layout.result_memory((4, 3), np.dtype(float), out.T) is not out.T


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_another_order_of_the_axes_is_no_copy(rng, axes):
    x = rng.standard_normal((3, 4, 5)).transpose(axes)
    found = layout.reordered(x)
    assert not found.own
    assert found.data.flags.c_contiguous
    assert_array_equal(layout.restored(found.data, found.order), x)
    assert layout.reordered(x[::2]).own


def test_finish():
    assert layout.finish(2.0, None, 1.0, (), np.dtype(float)) == 2.0
    assert np.isnan(layout.finish(0.0, None, 0.0, (), np.dtype(float)))
    values = layout.finish(0.0, np.arange(6.0), 1.0, (2, 3), np.dtype(np.float32))
    assert values.shape == (2, 3)
    assert values.dtype == np.float32
