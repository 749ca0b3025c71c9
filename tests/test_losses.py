"""The battery: every loss of the table keeps the same laws.

What is computed is tried with every option; memory and dtypes without options and with all of them.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import LAYOUTS
from losses import CASES, CORNERS, IGNORED, LOSSES, TYPED_CASES
from numpy.testing import assert_allclose, assert_array_equal

from fastce._losses.table import loss_named

# Both kinds of kernels (few classes, many), whole and partly filled blocks of rows.
SHAPES = [(1, 1), (1, 2), (9, 3), (13, 37), (300, 5), (3, 1000)]
REDUCTIONS = ["mean", "sum", "none"]
TOLERANCE = {np.float64: {"rtol": 1e-13, "atol": 1e-14}, np.float32: {"rtol": 1e-5, "atol": 2e-6}}


def name_of(part):
    return getattr(part, "name", None) or getattr(part, "__name__", part)


def every(names, values):
    return pytest.mark.parametrize(names, values, ids=name_of)


every_loss = every("loss", LOSSES)
every_case = every(("loss", "option"), CASES)
every_typed_case = every(("loss", "option", "dtype"), TYPED_CASES)
corners = every(("loss", "option"), CORNERS)
float_types = every("dtype", [np.float16, np.float32, np.float64])
losses_with_hess = every("loss", [loss for loss in LOSSES if loss.has_hess])
losses_that_ignore = every("loss", [loss for loss in LOSSES if loss.ignores])


def forms(loss):
    """Return each form of the loss that accepts `out`, with the number of arrays it writes."""
    return [(loss.value_and_grad, 1)] + [(loss.grad_and_hess, 2)] * loss.has_hess


def options_for(loss, option, rng, x, target):
    return loss.options[option](rng, x, target)


@corners
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference_in_every_shape(loss, option, dtype, shape, rng):
    assert_matches_reference(loss, option, dtype, shape, rng)


@every(("loss", "option"), [case for case in CASES if case not in CORNERS])
def test_matches_reference_with_every_option(loss, option, rng):
    for shape in [(9, 3), (13, 37)]:  # a kernel for few classes, one for many
        assert_matches_reference(loss, option, np.float64, shape, rng)


def assert_matches_reference(loss, option, dtype, shape, rng):
    x, target = loss.make(rng, *shape, dtype)
    options = options_for(loss, option, rng, x, target)
    terms = loss.reference(x, target, **options)
    for reduction in REDUCTIONS:
        value, grad, hess = terms.reduced(reduction)
        scale = max(1.0, float(np.abs(grad).max()))
        close = {"rtol": TOLERANCE[dtype]["rtol"], "atol": TOLERANCE[dtype]["atol"] * scale}
        got, got_grad = loss.value_and_grad(x, target, reduction=reduction, **options)
        assert_allclose(np.asarray(got, float), np.asarray(value, float), **TOLERANCE[dtype])
        assert_allclose(got_grad, grad.astype(float), **close)
        assert got_grad.dtype == dtype
        assert got_grad.shape == x.shape
        if loss.has_hess:
            grad_again, got_hess = loss.grad_and_hess(x, target, reduction=reduction, **options)
            assert_allclose(grad_again, grad.astype(float), **close)
            assert_allclose(got_hess, hess.astype(float), **close)
            assert got_hess.dtype == dtype
            assert got_hess.shape == x.shape


@every_typed_case
def test_value_is_that_of_value_and_grad(loss, option, dtype, rng):
    for shape in [(9, 3), (300, 5), (5, 300)]:
        x, target = loss.make(rng, *shape, dtype)
        options = options_for(loss, option, rng, x, target)
        for reduction in REDUCTIONS:
            value = loss.value(x, target, reduction=reduction, **options)
            expected, _ = loss.value_and_grad(x, target, reduction=reduction, **options)
            assert_array_equal(value, expected)
            if reduction == "none":
                assert isinstance(value, np.ndarray)
                assert value.shape == loss.values_shape(x)
            else:
                assert type(value) is float


@every_case
def test_reductions_agree(loss, option, rng):
    x, target = loss.make(rng, 30, 4, np.float64)
    options = options_for(loss, option, rng, x, target)
    values, grad_none = loss.value_and_grad(x, target, reduction="none", **options)
    total, grad_sum = loss.value_and_grad(x, target, reduction="sum", **options)
    mean, grad_mean = loss.value_and_grad(x, target, reduction="mean", **options)
    divisor = float(loss.reference(x, target, **options).divisor)
    assert_allclose(total, values.sum(), rtol=1e-14)
    assert_allclose(mean, total / divisor, rtol=1e-14)
    assert_array_equal(grad_none, grad_sum)
    assert_allclose(grad_mean, grad_sum / divisor, rtol=1e-13, atol=1e-17)
    assert loss.value(x, target, **options) == mean  # the default


@every_case
def test_gradient_by_finite_differences(loss, option, rng):
    x, target = loss.make(rng, 4, 3, np.float64)
    options = options_for(loss, option, rng, x, target)
    h = 1e-4
    _, grad = loss.value_and_grad(x, target, **options)
    for i in np.ndindex(x.shape):
        f = {}
        for step in (-2, -1, 1, 2):
            moved = x.copy()
            moved[i] += step * h
            f[step] = loss.value(moved, target, **options)
        slope = (8 * (f[1] - f[-1]) - (f[2] - f[-2])) / (12 * h)
        assert_allclose(grad[i], slope, rtol=1e-6, atol=1e-10)


@every(("loss", "option"), [(loss, option) for loss, option in CASES if loss.has_hess])
def test_hessian_by_finite_differences(loss, option, rng):
    x, target = loss.make(rng, 4, 3, np.float64)
    options = options_for(loss, option, rng, x, target)
    h = 1e-4
    _, hess = loss.grad_and_hess(x, target, **options)
    for i in np.ndindex(x.shape):
        g = {}
        for step in (-2, -1, 1, 2):
            moved = x.copy()
            moved[i] += step * h
            g[step] = loss.value_and_grad(moved, target, **options)[1][i]
        slope = (8 * (g[1] - g[-1]) - (g[2] - g[-2])) / (12 * h)
        assert_allclose(hess[i], slope, rtol=1e-6, atol=1e-10)


@losses_that_ignore
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_masking_rows_is_dropping_them(loss, reduction, rng):
    x, target = loss.make(rng, 40, 4, np.float64)
    keep = rng.random(40) < 0.6
    masked = target.copy()
    masked[~keep] = IGNORED
    ignore = {"ignore_index": IGNORED}
    value, grad = loss.value_and_grad(x, masked, reduction=reduction, **ignore)
    expected, expected_grad = loss.value_and_grad(x[keep], target[keep], reduction=reduction)
    if reduction == "none":
        assert_array_equal(value[~keep], np.zeros_like(value[~keep]))
        value = value[keep]
    assert_allclose(value, expected, rtol=1e-14)
    assert_allclose(grad[keep], expected_grad, rtol=1e-14)
    assert_array_equal(grad[~keep], np.zeros_like(x[~keep]))
    if loss.has_hess:
        _, hess = loss.grad_and_hess(x, masked, reduction=reduction, **ignore)
        _, expected_hess = loss.grad_and_hess(x[keep], target[keep], reduction=reduction)
        assert_allclose(hess[keep], expected_hess, rtol=1e-14)
        assert_array_equal(hess[~keep], np.zeros_like(x[~keep]))


@losses_that_ignore
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_an_ignored_row_may_hold_anything(loss, poison, rng):
    x, target = loss.make(rng, 20, 4, np.float64)
    target[3], target[17] = IGNORED, IGNORED
    ignore = {"ignore_index": IGNORED}
    expected, expected_grad = loss.value_and_grad(x, target, **ignore)
    x[3], x[17] = poison, poison
    value, grad = loss.value_and_grad(x, target, **ignore)
    assert value == expected
    assert_array_equal(grad, expected_grad)
    assert_array_equal(grad[[3, 17]], np.zeros((2, 4)))
    if loss.has_hess:
        grad, hess = loss.grad_and_hess(x, target, **ignore)
        assert_array_equal(grad[[3, 17]], np.zeros((2, 4)))
        assert_array_equal(hess[[3, 17]], np.zeros((2, 4)))


@losses_that_ignore
def test_everything_ignored(loss, rng):
    x, target = loss.make(rng, 6, 3, np.float64)
    target[...] = IGNORED
    ignore = {"ignore_index": IGNORED}
    value, grad = loss.value_and_grad(x, target, **ignore)
    assert np.isnan(value)
    assert_array_equal(grad, np.zeros_like(x))
    assert loss.value(x, target, reduction="sum", **ignore) == 0.0
    values = loss.value(x, target, reduction="none", **ignore)
    assert_array_equal(values, np.zeros(loss.values_shape(x)))
    if loss.has_hess:
        for array in loss.grad_and_hess(x, target, **ignore):
            assert_array_equal(array, np.zeros_like(x))


@every_loss
@float_types
def test_no_rows(loss, dtype, rng):
    x, target = loss.make(rng, 2, 3, dtype)
    x, target = x[:0], target[:0]
    value, grad = loss.value_and_grad(x, target)
    assert np.isnan(value)
    assert np.isnan(loss.value(x, target))
    assert (grad.shape, grad.dtype) == ((0, 3), dtype)
    assert loss.value(x, target, reduction="sum") == 0.0
    assert loss.value(x, target, reduction="none").shape == loss.values_shape(x)
    if loss.has_hess:
        assert [array.shape for array in loss.grad_and_hess(x, target)] == [(0, 3), (0, 3)]


@every_loss
def test_weights_multiply(loss, rng):
    """A whole-number weight acts as that number of copies of the row."""
    x, target = loss.make(rng, 12, 4, np.float64)
    copies = rng.integers(0, 4, 12)
    weight = copies.astype(float)
    options = {"sample_weight": weight} if loss.by_row else {"weight": weight[:, None]}
    repeated_x, repeated_target = np.repeat(x, copies, axis=0), np.repeat(target, copies, axis=0)
    value, grad = loss.value_and_grad(x, target, reduction="sum", **options)
    expected, repeated_grad = loss.value_and_grad(repeated_x, repeated_target, reduction="sum")
    expected_grad = np.zeros_like(x)
    np.add.at(expected_grad, np.repeat(np.arange(12), copies), repeated_grad)
    assert_allclose(value, expected, rtol=1e-14)
    assert_allclose(grad, expected_grad, rtol=1e-13, atol=1e-16)
    if loss.by_row:  # the mean divides by the weights, so there, too, weights act as copies
        mean, grad = loss.value_and_grad(x, target, **options)
        assert_allclose(mean, loss.value(repeated_x, repeated_target), rtol=1e-14)
        assert_allclose(grad, expected_grad / copies.sum(), rtol=1e-13, atol=1e-16)
        mean, scaled_grad = loss.value_and_grad(x, target, sample_weight=1024 * weight)
        assert_allclose(scaled_grad, grad, rtol=1e-15)


@every_loss
def test_weights_of_one_change_nothing(loss, rng):
    x, target = loss.make(rng, 50, 4, np.float64)
    value, grad = loss.value_and_grad(x, target)
    lengths = {"weight": 4, "sample_weight": 50, "pos_weight": 4}
    names = set(lengths) & set(loss_named(loss.function).names)
    ones = {name: np.ones(lengths[name]) for name in names}
    weighted, weighted_grad = loss.value_and_grad(x, target, **ones)
    assert_allclose(weighted, value, rtol=1e-14)
    assert_allclose(weighted_grad, grad, rtol=1e-14)


@every_loss
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_row_of_weight_zero_may_hold_anything(loss, poison, rng):
    if loss.function == "binary_cross_entropy":
        pytest.skip("probabilities are checked whatever their weight")
    x, target = loss.make(rng, 20, 4, np.float64)
    weight = np.ones(20)
    weight[5] = 0
    options = {"sample_weight": weight} if loss.by_row else {"weight": weight[:, None]}
    expected, expected_grad = loss.value_and_grad(x, target, **options)
    x[5] = poison
    value, grad = loss.value_and_grad(x, target, **options)
    assert value == expected
    assert_array_equal(grad, expected_grad)
    assert_array_equal(grad[5], np.zeros(4))


@losses_with_hess
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_nan_stays_in_its_row(loss, dtype, rng):
    x, target = loss.make(rng, 300, 5, dtype)
    values, grad = loss.value_and_grad(x, target, reduction="none")
    _, hess = loss.grad_and_hess(x, target, reduction="none")
    x[7, 2] = np.nan
    found, found_grad = loss.value_and_grad(x, target, reduction="none")
    _, found_hess = loss.grad_and_hess(x, target, reduction="none")
    touched = np.zeros(found.shape, bool)
    touched[7 if loss.by_row else (7, 2)] = True
    assert_array_equal(np.isnan(found), touched)
    assert_array_equal(found[~touched], values[~touched])
    for got, before in [(found_grad, grad), (found_hess, hess)]:
        assert np.isnan(got[touched]).all()
        assert_array_equal(got[~touched], before[~touched])
    assert np.isnan(loss.value(x, target))


@corners
def test_layouts_do_not_matter(loss, option, rng):
    x, target = loss.make(rng, 24, 6, np.float64)
    options = options_for(loss, option, rng, x, target)
    expected, expected_grad = loss.value_and_grad(x, target, **options)
    layouts = {name: (layout(x), layout(target)) for name, layout in LAYOUTS.items()}
    layouts["lists"] = x.tolist(), target.tolist()
    for name, (x_layout, target_layout) in layouts.items():
        value, grad = loss.value_and_grad(x_layout, target_layout, **options)
        assert value == expected, name
        assert_array_equal(grad, expected_grad, err_msg=name)
        assert grad.dtype.isnative
    if loss.has_hess:
        expected_hess = loss.grad_and_hess(x, target, **options)[1]
        for name, (x_layout, target_layout) in layouts.items():
            _, hess = loss.grad_and_hess(x_layout, target_layout, **options)
            assert_array_equal(hess, expected_hess, err_msg=name)


@corners
@float_types
def test_inputs_are_read_only_and_stay_untouched(loss, option, dtype, rng):
    x, target = loss.make(rng, 10, 4, dtype)
    options = options_for(loss, option, rng, x, target)
    arrays = [x, target, *(value for value in options.values() if isinstance(value, np.ndarray))]
    before = [array.copy() for array in arrays]
    writable = [loss.value_and_grad(x, target, **options)[1]]
    for array in arrays:
        array.flags.writeable = False
    loss.value(x, target, **options)
    assert_array_equal(loss.value_and_grad(x, target, **options)[1], writable[0])
    if loss.has_hess:
        loss.grad_and_hess(x, target, **options)
    for array, copy in zip(arrays, before, strict=True):
        assert_array_equal(array, copy)


@corners
@float_types
def test_out_is_filled_and_returned_itself(loss, option, dtype, rng):
    x, target = loss.make(rng, 10, 4, dtype)
    options = options_for(loss, option, rng, x, target)
    expected_value, expected = loss.value_and_grad(x, target, **options)
    for out in [
        np.full((10, 4), 7, dtype),
        np.full((4, 10), 7, dtype).T,
        np.full((20, 8), 7, dtype)[::2, ::2],
    ]:
        value, grad = loss.value_and_grad(x, target, out=out, **options)
        assert grad is out
        assert value == expected_value
        assert_array_equal(out, expected)
    if loss.has_hess:
        expected = loss.grad_and_hess(x, target, **options)
        out = (np.full((10, 4), 7, dtype), np.full((10, 4), 7, dtype))
        got = loss.grad_and_hess(x, target, out=out, **options)
        assert got[0] is out[0]
        assert got[1] is out[1]
        assert_array_equal(got, expected)


@corners
@float_types
@pytest.mark.parametrize("order", ["C", "F"])
def test_out_may_be_the_input(loss, option, dtype, order, rng):
    x, target = loss.make(rng, 300, 4, dtype)
    x = np.asarray(x, order=order)
    options = options_for(loss, option, rng, x, target)
    expected_value, expected = loss.value_and_grad(x, target, **options)
    own = x.copy(order=order)
    value, grad = loss.value_and_grad(own, target, out=own, **options)
    assert grad is own
    assert value == expected_value
    assert_array_equal(own, expected)
    if loss.has_hess:
        expected = loss.grad_and_hess(x, target, **options)
        own, other = x.copy(order=order), np.empty_like(x)
        grad, hess = loss.grad_and_hess(own, target, out=(own, other), **options)
        assert grad is own
        assert hess is other
        assert_array_equal((grad, hess), expected)


@every_loss
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_whole_numbers_and_booleans_count_as_float64(loss, dtype, rng):
    x, target = loss.make(rng, 8, 3, np.float64)
    x = (np.abs(x) > 0.5).astype(dtype)
    value, grad = loss.value_and_grad(x, target)
    expected, expected_grad = loss.value_and_grad(x.astype(np.float64), target)
    assert value == expected
    assert grad.dtype == np.float64
    assert_array_equal(grad, expected_grad)


@corners
def test_float16_is_computed_in_float32(loss, option, rng):
    x, target = loss.make(rng, 40, 5, np.float16)
    options = options_for(loss, option, rng, x, target)
    wide = target.astype(np.float32) if target.dtype.kind == "f" else target
    expected, expected_grad = loss.value_and_grad(x.astype(np.float32), wide, **options)
    value, grad = loss.value_and_grad(x, target, **options)
    assert value == expected
    assert grad.dtype == np.float16
    assert_array_equal(grad, expected_grad.astype(np.float16))


@every_typed_case
def test_no_warning_on_extreme_input(loss, option, dtype, rng):
    info = np.finfo(dtype)
    for extreme in [np.nan, np.inf, -np.inf, info.max, info.min, info.smallest_subnormal]:
        x, target = loss.make(rng, 9, 3, dtype)
        options = options_for(loss, option, rng, x, target)
        if loss.function == "binary_cross_entropy":
            extreme = min(max(np.nan_to_num(extreme), 0), 1)
        x[::2, 1] = extreme
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for reduction in REDUCTIONS:
                value, grad = loss.value_and_grad(x, target, reduction=reduction, **options)
                assert np.shape(value) == (loss.values_shape(x) if reduction == "none" else ())
                assert grad.shape == x.shape
                if loss.has_hess:
                    _, hess = loss.grad_and_hess(x, target, reduction=reduction, **options)
                    assert hess.shape == x.shape


@every_loss
def test_no_warning_where_float16_overflows(loss, rng):
    x, target = loss.make(rng, 9, 3, np.float16)
    options = (
        {"sample_weight": np.full(9, 1e9)} if loss.by_row else {"weight": np.full((9, 3), 1e9)}
    )
    for reduction in REDUCTIONS:
        value, grad = loss.value_and_grad(x, target, reduction=reduction, **options)
        # divergences from targets that do not sum to 1 may be negative
        assert np.all(np.abs(value) > 0)
        assert not np.isnan(grad).any()
        assert np.isinf(grad).any() == (reduction != "mean" or not loss.by_row)


@every_loss
def test_out_must_be_a_fitting_array(loss, rng):
    x, target = loss.make(rng, 10, 4, np.float64)
    read_only = np.empty((10, 4))
    read_only.flags.writeable = False
    bad = [
        np.empty((10, 3)),
        np.empty(40),
        np.empty((10, 4), np.float32),
        np.empty((10, 4), int),
        read_only,
        x.tolist(),
    ]
    for form, n_arrays in forms(loss):
        for out in bad:
            pair = out if n_arrays == 1 else (np.empty((10, 4)), out)
            with pytest.raises((TypeError, ValueError), match=r"^out.* must .*; got "):
                form(x, target, out=pair)
    if loss.has_hess:
        one = np.empty((10, 4))
        for out in [one, (one,), (one, one, one), (one, one), (one, one[:]), "ab"]:
            with pytest.raises((TypeError, ValueError), match=r"^out.* must .*; got "):
                loss.grad_and_hess(x, target, out=out)


@every_loss
def test_out_must_not_overlap_what_is_still_read(loss, rng):
    x, target = loss.make(rng, 10, 10, np.float64)
    memory = np.zeros((12, 10))
    memory[:10] = x
    overlapping = [(memory[:10], memory[2:]), (memory[:10], memory[9::-1])]
    overlapping.append((memory[:10], memory[:10].T))
    for own, out in overlapping:
        for form, n_arrays in forms(loss):
            before = memory.copy()
            with pytest.raises(ValueError, match=r"^out.* must .*; got "):
                form(own, target, out=out if n_arrays == 1 else (np.empty((10, 10)), out))
            assert_array_equal(memory, before)
    if target.dtype.kind == "f":
        before = target.copy()
        with pytest.raises(ValueError, match=r"^out.* must .*; got "):
            loss.value_and_grad(x, target, out=target)
        assert_array_equal(target, before)


@given(
    seed=st.integers(0, 2**32 - 1),
    case=st.sampled_from(TYPED_CASES),
    n=st.integers(1, 70),
    k=st.integers(1, 70),
    scale=st.sampled_from([1e-3, 1.0, 30.0]),
    reduction=st.sampled_from(REDUCTIONS),
)
def test_any_shape_and_option(seed, case, n, k, scale, reduction):
    loss, option, dtype = case
    rng = np.random.default_rng(seed)
    x, target = loss.make(rng, n, k, dtype)
    if loss.function != "binary_cross_entropy":
        x *= dtype(scale)
    options = options_for(loss, option, rng, x, target)
    value, grad, hess = loss.reference(x, target, **options).reduced(reduction)
    got, got_grad = loss.value_and_grad(x, target, reduction=reduction, **options)
    magnitude = max(1.0, float(np.abs(grad).max()))
    close = {"rtol": 10 * TOLERANCE[dtype]["rtol"], "atol": TOLERANCE[dtype]["atol"] * magnitude}
    assert_allclose(np.asarray(got, float), np.asarray(value, float), **close)
    assert_allclose(got_grad, grad.astype(float), **close)
    if loss.has_hess:
        _, got_hess = loss.grad_and_hess(x, target, reduction=reduction, **options)
        assert_allclose(got_hess, hess.astype(float), **close)
