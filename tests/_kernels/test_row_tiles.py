"""Losses of rows that lie anywhere, in any dtype: those of contiguous copies, to the last bit.

What tiles themselves hold is tested in `test_tiles.py`.
"""

import numpy as np
import pytest
from layouts import VIEWS
from losses import LOSSES, Loss
from numpy.testing import assert_allclose, assert_array_equal

import fastce
from fastce._core import threads
from fastce._core.flags import silent

DTYPES = ["float16", "bfloat16", "float32", "float64"]
# Few classes, many, and more rows than a block has.
SHAPES = [(9, 3), (13, 300), (4000, 9)]


def dtype_of(name):
    if name == "bfloat16":
        return np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    return np.dtype(name)


def cast(x, dtype):
    with silent():
        return np.asarray(x).astype(dtype)


def computed_in(dtype):
    return np.dtype(np.float32) if dtype.itemsize == 2 else dtype


def bits(x):
    return x.view(np.uint16) if x.dtype.itemsize == 2 else x


def assert_same(got, expected):
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    is_nan = np.isnan(cast(expected, np.float64))
    assert_array_equal(np.isnan(cast(got, np.float64)), is_nan)
    assert_array_equal(bits(got)[~is_nan], bits(expected)[~is_nan])


def calls(loss: Loss, rng, shape, dtype):
    """Yield keyword arguments of several calls, and their x and target, contiguous and computed."""
    for option in (next(iter(loss.options)), list(loss.options)[-1]):
        x, target = loss.make(rng, *shape, computed_in(dtype).type)
        x = cast(x, dtype).astype(computed_in(dtype))
        if target.dtype.kind == "f":
            target = cast(target, dtype).astype(computed_in(dtype))
        options = loss.options[option](rng, x, target)
        for reduction in ("mean", "none"):
            yield x, target, {**options, "reduction": reduction}


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_any_memory_and_dtype_is_that_of_contiguous_copies(loss, name, rng):
    dtype = dtype_of(name)
    forms = [loss.value_and_grad] + [loss.grad_and_hess] * loss.has_hess
    for shape in SHAPES:
        for x, target, options in calls(loss, rng, shape, dtype):
            narrow = cast(target, dtype) if target.dtype.kind == "f" else target
            for layout in VIEWS.values():
                place = layout(cast(x, dtype))
                aim = layout(narrow) if narrow.ndim == 2 else narrow
                for form in forms:
                    expected = form(x, target, **options)
                    got = form(place, aim, **options)
                    for i, (one, other) in enumerate(zip(got, expected, strict=True)):
                        # values of float64 are rounded once, not by way of float32
                        is_wide = i == 0 and loss.function == "binary_cross_entropy"
                        if np.ndim(other) == 2 and not is_wide:
                            assert_same(np.asarray(one), cast(other, np.asarray(one).dtype))
                    if options["reduction"] == "mean" and form == loss.value_and_grad:
                        assert got[0] == expected[0]
                    assert got[-1].dtype == dtype


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_out_and_in_place(loss, name, rng):
    dtype = dtype_of(name)
    for x, target, options in calls(loss, rng, (70, 9), dtype):
        narrow = cast(target, dtype) if target.dtype.kind == "f" else target
        for layout in VIEWS.values():
            place = layout(cast(x, dtype))
            value, grad = loss.value_and_grad(place, narrow, **options)
            for other in VIEWS.values():
                out = other(np.zeros(x.shape, dtype))
                again, got = loss.value_and_grad(place, narrow, out=out, **options)
                assert got is out
                assert_same(out, grad)
                assert_array_equal(bits(np.asarray(again)), bits(np.asarray(value)))
            _, got = loss.value_and_grad(place, narrow, out=place, **options)
            assert got is place
            assert_same(place, grad)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss.by_row], ids=lambda x: x.name)
def test_classes_on_axis_1(loss, dtype, rng):
    for shape in ((2, 3, 5, 7), (3, 21, 40), (2, 70, 33), (1, 4, 3, 5, 7)):
        n_classes = shape[1]
        images = np.moveaxis(np.empty(shape), 1, -1).shape
        x, target = loss.make(rng, int(np.prod(images[:-1])), n_classes, np.float32)
        x = cast(x, dtype)
        rows = x.astype(np.float32)
        value, grad = loss.value_and_grad(rows, target)
        planes = np.ascontiguousarray(np.moveaxis(x.reshape(images), -1, 1))
        is_soft = target.ndim == 2
        aim = np.moveaxis(target.reshape(images), -1, 1) if is_soft else target.reshape(images[:-1])
        got, got_grad = loss.value_and_grad(planes, aim, axis=1)
        assert got == value
        assert got_grad.flags.c_contiguous
        assert_same(np.moveaxis(got_grad, 1, -1), cast(grad, dtype).reshape(images))
        values = loss.value(planes, aim, axis=1, reduction="none")
        expected = loss.value(rows, target, reduction="none").reshape(images[:-1])
        if dtype == np.float32:
            assert_same(values, expected)
        else:  # values of float64 are rounded once, not by way of float32
            assert_allclose(values, expected, rtol=2.0**-10.99, atol=2.0**-24)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_bits_do_not_depend_on_threads(dtype, rng):
    x = cast(3 * rng.standard_normal((4, 21, 4000)), dtype)
    y = rng.integers(0, 21, (4, 4000))
    t = cast(rng.random(x.shape), dtype)
    found = []
    for n in (1, threads.get_num_threads()):
        with threads.at_most(n), threads.parallel_from(1):
            found.append(
                [
                    *fastce.cross_entropy_value_and_grad(x, y, axis=1),
                    *fastce.cross_entropy_value_and_grad(x, t, axis=1),
                    *fastce.binary_cross_entropy_with_logits_value_and_grad(x, t),
                    fastce.softmax(x, axis=1),
                ]
            )
    for one, other in zip(*found, strict=True):
        assert_array_equal(one, other)


def test_an_expanded_input_is_read_where_it_lies(rng):
    row = rng.standard_normal(5).astype(np.float32)
    x, y = np.broadcast_to(row, (100, 5)), rng.integers(0, 5, 100)
    value, grad = fastce.cross_entropy_value_and_grad(x, y)
    expected, expected_grad = fastce.cross_entropy_value_and_grad(x.copy(), y)
    assert value == expected
    assert_array_equal(grad, expected_grad)
