"""The softmax losses: shifts, axes, types of labels, smoothing, log-probabilities."""

import numpy as np
import pytest
import reference
from compiled import compiled
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import fastce

INF, NAN = np.inf, np.nan
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
INTEGERS = [
    np.int8,
    np.int16,
    np.int32,
    np.int64,
    np.uint8,
    np.uint16,
    np.uint32,
    np.uint64,
    ">i4",
    ">u8",
]


# --------------------------------------------------------------------------------------------------


def test_a_large_offset_loses_no_digits(rng):
    x = (
        np.round(rng.uniform(-8, 8, (20, 10)) * 16).astype(np.float32) / 16
    )  # exact after adding 1e6
    target = rng.integers(0, 10, 20)
    moved = x + np.float32(1e6)
    assert_array_equal(moved - np.float32(1e6), x)
    for reduction in ("mean", "none"):
        plain = fastce.cross_entropy_value_and_grad(x, target, reduction=reduction)
        shifted = fastce.cross_entropy_value_and_grad(moved, target, reduction=reduction)
        assert_allclose(shifted[0], plain[0], rtol=4 * np.finfo(np.float32).eps)
        assert_allclose(shifted[1], plain[1], rtol=4 * np.finfo(np.float32).eps)


@given(seed=st.integers(0, 2**32 - 1), offset=st.integers(-(2**30), 2**30), soft=st.booleans())
def test_shift_invariance(seed, offset, soft):
    rng = np.random.default_rng(seed)
    x = rng.integers(-64, 64, (5, 6)) / 16.0
    target = rng.uniform(0, 1, (5, 6)) if soft else rng.integers(0, 6, 5)
    value, grad = fastce.cross_entropy_value_and_grad(x, target)
    moved, moved_grad = fastce.cross_entropy_value_and_grad(x + offset, target)
    assert_allclose(moved, value, rtol=1e-14)
    assert_allclose(moved_grad, grad, rtol=1e-13, atol=1e-16)


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 20))
def test_gradient_of_every_row_sums_to_zero(seed, k):
    rng = np.random.default_rng(seed)
    x = 10 * rng.standard_normal((7, k))
    _, grad = fastce.cross_entropy_value_and_grad(
        x, rng.integers(0, k, 7), reduction="sum", label_smoothing=0.2
    )
    assert_allclose(grad.sum(axis=1), np.zeros(7), atol=1e-14)


# --------------------------------------------------------------------------------------------------


@DTYPES
def test_one_class_costs_nothing(dtype):
    for x in ([[3.0], [-5.0]], [[1e30], [-1e30]]):
        value, grad = fastce.cross_entropy_value_and_grad(np.array(x, dtype), [0, 0])
        assert value == 0.0
        assert_array_equal(grad, np.zeros((2, 1)))


@DTYPES
def test_huge_logits(dtype):
    big = np.finfo(dtype).max
    x = np.array([[big, -big, 0], [big, big, big], [-big, -big, -big], [big, -big, 0]], dtype)
    with np.errstate(all="ignore"):
        values, grad = fastce.cross_entropy_value_and_grad(x, [0, 1, 2, 1], reduction="none")
    assert_allclose(values[:3], [0, np.log(3), np.log(3)], rtol=1e-6)
    assert values[3] >= big  # big - (-big) is beyond the range in this dtype
    third = 1 / 3
    expected = [[0, 0, 0], [third, third - 1, third], [third, third, third - 1], [1, -1, 0]]
    assert_allclose(grad, expected, rtol=1e-6)


@DTYPES
@pytest.mark.parametrize("n_classes", [3, 20, 200])
def test_minus_infinity_is_an_impossible_class(dtype, n_classes, rng):
    x = rng.standard_normal((3, n_classes)).astype(dtype)
    x[:, 2] = -INF
    values, grad = fastce.cross_entropy_value_and_grad(x, [0, 1, 2], reduction="none")
    rest = np.delete(x, 2, axis=1)
    expected, expected_grad = fastce.cross_entropy_value_and_grad(rest, [0, 1, 1], reduction="none")
    assert_allclose(values[:2], expected[:2], rtol=1e-6)
    assert_allclose(np.delete(grad, 2, axis=1)[:2], expected_grad[:2], rtol=1e-5)
    assert_array_equal(grad[:2, 2], [0, 0])
    assert values[2] == INF
    assert grad[2, 2] == -1
    hess = fastce.cross_entropy_grad_and_hess(x, [0, 1, 2], reduction="none")[1]
    assert_array_equal(hess[:2, 2], [0, 0])


@DTYPES
@pytest.mark.parametrize("n_classes", [1, 3, 20, 200])
def test_a_row_without_a_finite_logit_is_nan(dtype, n_classes, rng):
    x = rng.standard_normal((4, n_classes)).astype(dtype)
    x[1] = -INF
    x[2] = INF
    values, grad = fastce.cross_entropy_value_and_grad(x, [0, 0, 0, 0], reduction="none")
    assert_array_equal(np.isnan(values), [False, True, True, False])
    assert_array_equal(np.isnan(grad).all(axis=1), [False, True, True, False])


@DTYPES
def test_zero_times_minus_infinity_is_zero(dtype):
    x = np.array([[0, -INF, 0]], dtype)
    value, grad = fastce.cross_entropy_value_and_grad(x, np.array([[0.5, 0, 0.5]], dtype))
    assert_allclose(value, np.log(2), rtol=1e-6)
    assert_array_equal(grad, [[0, 0, 0]])
    value, grad = fastce.cross_entropy_value_and_grad(x, np.array([[0.5, 0.5, 0]], dtype))
    assert value == INF
    assert_allclose(grad, [[0, -0.5, 0.5]], rtol=1e-6)
    value, grad = fastce.cross_entropy_value_and_grad(x, [0], weight=[1, 0, 1], label_smoothing=0.5)
    assert_allclose(
        value, np.log(2), rtol=1e-6
    )  # the masked class is left out, whatever its weight
    assert np.isfinite(grad).all()


@DTYPES
def test_smoothing_leaves_out_masked_classes(dtype, rng):
    """A logit of -inf masks a class: the result is that of the other classes alone."""
    x, y = rng.standard_normal((50, 7)).astype(dtype), rng.integers(0, 4, 50)
    masked = np.insert(x, 4, -INF, axis=1)
    masked = np.insert(masked, 8, -INF, axis=1)
    expected, expected_grad = fastce.cross_entropy_value_and_grad(x, y, label_smoothing=0.3)
    value, grad = fastce.cross_entropy_value_and_grad(masked, y, label_smoothing=0.3)
    assert_allclose(value, expected, rtol=1e-6)
    assert_allclose(np.delete(grad, [4, 8], axis=1), expected_grad, rtol=1e-5, atol=1e-8)
    assert not grad[:, [4, 8]].any()


@DTYPES
def test_kept_rows_without_weight(dtype, rng):
    x = rng.standard_normal((3, 3)).astype(dtype)
    x[1] = NAN
    for options in ({"weight": [0, 1, 1]}, {"sample_weight": [0, 0, 1], "ignore_index": 2}):
        target = [0, 0, 2] if "sample_weight" in options else [0, 0, 0]
        value, grad = fastce.cross_entropy_value_and_grad(x, target, **options)
        assert np.isnan(value)
        assert_array_equal(grad, np.zeros((3, 3)))
        assert fastce.cross_entropy(x, target, reduction="sum", **options) == 0.0


# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2), (4, 3, 2, 5)])
@DTYPES
def test_any_axis(function, shape, dtype, rng):
    value_and_grad = getattr(fastce, function + "_value_and_grad")
    rows_last = rng.standard_normal(shape).astype(dtype)
    target = rng.integers(-1, shape[-1], shape[:-1])
    options = {
        "weight": rng.uniform(0.5, 2, shape[-1]),
        "sample_weight": rng.uniform(0.5, 2, shape[:-1]),
        "ignore_index": -1,
    }
    expected, expected_grad = value_and_grad(rows_last, target, **options)
    per_row = value_and_grad(rows_last, target, reduction="none", **options)[0]
    assert per_row.shape == shape[:-1]
    terms = getattr(reference, function)(rows_last, target, **options)
    assert_allclose(expected, float(terms.reduced("mean")[0]), rtol=1e-6)
    for axis in range(-len(shape), len(shape)):
        x = np.ascontiguousarray(np.moveaxis(rows_last, -1, axis))
        value, grad = value_and_grad(x, target, axis=axis, **options)
        assert value == expected
        assert_array_equal(grad, np.moveaxis(expected_grad, -1, axis))
        assert_array_equal(
            value_and_grad(x, target, axis=axis, reduction="none", **options)[0], per_row
        )
        own = x.copy()
        assert value_and_grad(own, target, axis=axis, out=own, **options)[1] is own
        assert_array_equal(own, grad)


def test_probability_targets_follow_the_axis(rng):
    x, q = rng.standard_normal((2, 4, 3, 5)), rng.uniform(0, 1, (2, 4, 3, 5))
    expected, expected_grad = fastce.cross_entropy_value_and_grad(
        np.moveaxis(x, 1, -1), np.moveaxis(q, 1, -1)
    )
    value, grad = fastce.cross_entropy_value_and_grad(x, q, axis=1)
    assert value == expected
    assert_array_equal(grad, np.moveaxis(expected_grad, -1, 1))


@DTYPES
def test_one_dimensional_logits(dtype, rng):
    x = rng.standard_normal(5).astype(dtype)
    q = rng.uniform(0, 1, 5).astype(dtype)
    for target, row_target in [(2, [2]), (np.int16(2), [2]), (np.array(2), [2]), (q, q[None])]:
        expected, expected_grad = fastce.cross_entropy_value_and_grad(x[None], row_target)
        value, grad = fastce.cross_entropy_value_and_grad(x, target)
        assert value == expected
        assert_array_equal(grad, expected_grad[0])
        row = fastce.cross_entropy(x, target, reduction="none")
        assert row.shape == ()
        assert row == dtype(fastce.cross_entropy(x, target, reduction="sum"))
        hess = fastce.cross_entropy_grad_and_hess(x, target)[1]
        assert_array_equal(hess, fastce.cross_entropy_grad_and_hess(x[None], row_target)[1][0])
    assert fastce.cross_entropy(x, 2, sample_weight=3.0) == fastce.cross_entropy(x, 2)


@pytest.mark.parametrize("integer", INTEGERS)
@pytest.mark.parametrize("function", ["cross_entropy", "nll_loss"])
def test_every_integer_type_is_a_label(integer, function, rng):
    x = rng.standard_normal((30, 7))
    target = rng.integers(0, 7, 30)
    loss = getattr(fastce, function)
    expected = loss(x, target)
    assert loss(x, target.astype(integer)) == expected
    assert loss(x, np.repeat(target.astype(integer), 3)[::3]) == expected
    assert loss(x, target[::-1].astype(integer)[::-1]) == expected
    assert loss(x, target.tolist()) == expected
    labels = target.astype(integer)
    labels[11] = 7
    with pytest.raises(ValueError, match=r"^target must .*; got .*7.* at row 11$"):
        loss(x, labels)


@pytest.mark.parametrize("ignored", [-100, -1, 3, 255, 2**31, -(2**63)])
def test_any_integer_can_be_ignored(ignored, rng):
    x, target = rng.standard_normal((6, 4)), np.array([0, 1, 2, 0, 1, 2])
    expected = fastce.cross_entropy(x[[0, 1, 3, 4]], target[[0, 1, 3, 4]])
    masked = target.copy()
    masked[[2, 5]] = ignored
    assert_allclose(fastce.cross_entropy(x, masked, ignore_index=ignored), expected, rtol=1e-15)


@pytest.mark.parametrize("far", [2**63, -(2**63) - 1, 2**70])
def test_an_ignore_index_that_no_label_can_hold_is_refused(far, rng):
    x, target = rng.standard_normal((6, 4)), np.array([0, 1, 2, 0, 1, 2])
    for function in (fastce.cross_entropy, fastce.nll_loss):
        with pytest.raises(ValueError, match=r"^ignore_index must be an integer of 64 bits; got "):
            function(x, target, ignore_index=far)


def test_an_ignore_index_outside_the_label_type_ignores_nothing(rng):
    x, target = (
        rng.standard_normal((3, 200)),
        np.array([0, 156, 2], np.uint8),
    )  # -100 is 156 modulo 256
    assert fastce.cross_entropy(x, target) == fastce.cross_entropy(x, target.astype(int))


def test_mixed_dtypes_follow_the_logits(rng):
    x = rng.standard_normal((5, 3))
    q = rng.uniform(0, 1, (5, 3))
    for dtype in (np.float16, np.float32, np.float64):
        for target_dtype in (np.float16, np.float32, np.float64):
            narrow = q.astype(target_dtype)
            value, grad = fastce.cross_entropy_value_and_grad(x.astype(dtype), narrow)
            assert grad.dtype == dtype
            exact = reference.cross_entropy(x.astype(dtype), narrow).reduced("mean")[0]
            assert_allclose(value, float(exact), rtol=2e-6)


def test_weights_of_any_dtype(rng):
    x, target = rng.standard_normal((6, 3)), rng.integers(0, 3, 6)
    expected = fastce.cross_entropy(x, target, weight=[1, 2, 3], sample_weight=[1, 2, 1, 2, 1, 2])
    for dtype in (int, np.uint8, np.float16, np.float32, ">f8"):
        weight, sample_weight = np.array([1, 2, 3], dtype), np.array([1, 2] * 3, dtype)
        assert (
            fastce.cross_entropy(x, target, weight=weight, sample_weight=sample_weight) == expected
        )
    strided = np.repeat([1.0, 2.0, 3.0], 2)[::2]
    assert fastce.cross_entropy(x, target, weight=strided, sample_weight=[1, 2] * 3) == expected


# --------------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 2**32 - 1),
    k=st.integers(1, 12),
    smoothing=st.floats(0, 1),
    weighted=st.booleans(),
)
def test_index_targets_are_one_hot_probabilities(seed, k, smoothing, weighted):
    rng = np.random.default_rng(seed)
    x, target = rng.standard_normal((8, k)), rng.integers(0, k, 8)
    options = {"label_smoothing": smoothing, "reduction": "sum"}
    if weighted:
        options |= {
            "weight": rng.uniform(0, 2, k) + 1e-3,
            "sample_weight": rng.uniform(0, 2, 8) + 1e-3,
        }
    value, grad = fastce.cross_entropy_value_and_grad(x, target, **options)
    soft, soft_grad = fastce.cross_entropy_value_and_grad(x, np.eye(k)[target], **options)
    assert_allclose(soft, value, rtol=1e-13, atol=1e-14)
    assert_allclose(soft_grad, grad, rtol=1e-12, atol=1e-14)


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12))
def test_cross_entropy_is_nll_of_log_softmax(seed, k):
    rng = np.random.default_rng(seed)
    x, target = 5 * rng.standard_normal((6, k)), rng.integers(0, k, 6)
    weight = rng.uniform(0.1, 2, k)
    log_probs = fastce.log_softmax(x)
    expected = fastce.cross_entropy(x, target, weight=weight)
    assert_allclose(
        fastce.nll_loss(log_probs, target, weight=weight), expected, rtol=1e-13, atol=1e-15
    )
    gathered = fastce.softmax(x)[np.arange(6), target]
    assert_allclose(
        fastce.cross_entropy(x, target), -np.log(gathered).mean(), rtol=1e-12, atol=1e-14
    )


def test_what_the_mean_divides_by(rng):
    x, target = rng.standard_normal((4, 3)), np.array([0, 1, 2, -100])
    w, s = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 7.0, 11.0])
    for options, divisor in [
        ({}, 3),
        ({"weight": w}, 7),
        ({"sample_weight": s}, 15),
        ({"weight": w, "sample_weight": s}, 3 + 10 + 28),
        ({"weight": w, "label_smoothing": 0.3}, 7),
    ]:
        total = fastce.cross_entropy(x, target, reduction="sum", **options)
        assert_allclose(fastce.cross_entropy(x, target, **options), total / divisor, rtol=1e-15)
    q = rng.uniform(0, 1, (4, 3))
    for options, divisor in [({}, 4), ({"weight": w}, 4), ({"weight": w, "sample_weight": s}, 26)]:
        total = fastce.cross_entropy(x, q, reduction="sum", **options)
        assert_allclose(fastce.cross_entropy(x, q, **options), total / divisor, rtol=1e-15)


def test_probability_targets_take_the_default_ignore_index_only(rng):
    x, q = rng.standard_normal((2, 3)), np.full((2, 3), 1 / 3)
    assert fastce.cross_entropy(x, q, ignore_index=-100) == fastce.cross_entropy(x, q)
    with pytest.raises(ValueError, match=r"^ignore_index must .*; got 1"):
        fastce.cross_entropy(x, q, ignore_index=1)


# --------------------------------------------------------------------------------------------- one


@DTYPES
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("function", ["cross_entropy", "focal_loss"])
@pytest.mark.parametrize("label", [-100, -(2**40), 2**62])
def test_rows_without_weight_are_not_looked_at_however_few(function, label, n, dtype):
    memory = np.full((60, 3), NAN, dtype)  # an entry outside of the logits would show
    x, y = memory[30 : 30 + n], np.full(n, label)
    grad, hess = getattr(fastce, function + "_grad_and_hess")(x, y, ignore_index=label)
    assert not grad.any()
    assert not hess.any()
    for options in (
        {"reduction": "sum", "ignore_index": label},
        {"reduction": "none", "ignore_index": label},
    ):
        value, grad = getattr(fastce, function + "_value_and_grad")(x, y, **options)
        assert not np.any(value)
        assert not grad.any()
        assert not np.any(getattr(fastce, function)(x, y, **options))
    assert getattr(fastce, function)(x, np.zeros(n, int), weight=[0, 1, 1], reduction="sum") == 0
    assert np.isnan(getattr(fastce, function)(x, y, ignore_index=label))


@DTYPES
@pytest.mark.parametrize("share", [1.0, 1e-3])
def test_hessian_of_rows_with_next_to_no_weight(dtype, share, rng):
    x, y = rng.normal(size=(4, 3)).astype(dtype), np.array([0, 1, 2, 0])
    large, few = 1e38, np.finfo(dtype)
    small = share * float(few.smallest_normal) * large
    _, hess = fastce.cross_entropy_grad_and_hess(x, y, sample_weight=[large, small, small, small])
    _, plain = fastce.cross_entropy_grad_and_hess(x, y, reduction="sum")
    assert_allclose(hess[0], plain[0], rtol=8 * few.eps)
    assert_allclose(
        hess[1:], plain[1:] * (small / large), rtol=8 * few.eps, atol=2 * few.smallest_subnormal
    )


@pytest.mark.parametrize("target", [[0, 1], [[0.5, 0.5], [1.0, 0.0]]])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_a_mean_with_weights_whose_sum_has_no_inverse(target, smoothing, rng):
    x = rng.normal(size=(2, 2))
    value, grad = fastce.cross_entropy_value_and_grad(
        x, target, sample_weight=[2.0**-1060, 2.0**-1060], label_smoothing=smoothing
    )
    expected, expected_grad = fastce.cross_entropy_value_and_grad(
        x, target, label_smoothing=smoothing
    )
    assert_allclose(value, expected, rtol=1e-15)
    assert_allclose(grad, expected_grad, rtol=1e-14)


@DTYPES
def test_a_masked_class_counts_as_masked_whatever_its_weight(dtype):
    x, y = np.array([[0.0, 1.0, -INF]], dtype), [0]
    values = [
        fastce.cross_entropy(x, y, label_smoothing=0.3, weight=[1.0, 1.0, w])
        for w in (1.0, 1e-30, 0.0)
    ]
    assert values[0] == values[1] == values[2]
    # rows with a masked class are computed in double
    eps = np.finfo(dtype).eps
    assert_allclose(values[0], fastce.cross_entropy(x[:, :2], y, label_smoothing=0.3), rtol=4 * eps)


def test_a_target_beyond_the_range_of_the_logits_is_named():
    with pytest.raises(
        ValueError, match=r"target must be within the range of float32, .*got 1e\+300"
    ):
        fastce.cross_entropy(np.zeros((2, 2), np.float32), np.full((2, 2), 1e300))


@pytest.mark.parametrize("function", ["cross_entropy", "binary_cross_entropy_with_logits"])
def test_out_may_not_be_the_memory_of_logits_in_another_byte_order(function):
    x = np.array([[1.0, 2.0], [3.0, 4.0]], ">f8")
    before = x.copy()
    with pytest.raises(ValueError, match="logits"):
        getattr(fastce, function + "_value_and_grad")(
            x, [0, 1] if function == "cross_entropy" else [[0, 1], [1, 0]], out=x.view("<f8")
        )
    assert_array_equal(x, before)


@pytest.mark.parametrize(
    "function", ["cross_entropy_value_and_grad", "binary_cross_entropy_with_logits_value_and_grad"]
)
def test_read_only_arrays_compile_nothing_anew(function, rng):
    x = rng.normal(size=(5, 3))
    target = np.array([0, 1, 2, 0, 1]) if function.startswith("cross") else rng.random((5, 3))
    call = getattr(fastce, function)
    expected = call(x, target)
    before = compiled()
    for arrays in ((x, target), (x.copy(), target.copy()), (x.copy(), target)):
        for array in arrays:
            array.flags.writeable = False
        value, grad = call(*arrays)
        assert value == expected[0]
        assert_array_equal(grad, expected[1])
    assert compiled() == before
