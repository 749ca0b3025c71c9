"""The binary losses: infinite logits, weights that broadcast, clamped probabilities."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import fastce

INF, NAN = np.inf, np.nan
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
bce = fastce.binary_cross_entropy_with_logits
bce_value_and_grad = fastce.binary_cross_entropy_with_logits_value_and_grad
bce_grad_and_hess = fastce.binary_cross_entropy_with_logits_grad_and_hess


# --------------------------------------------------------------------------------------------------


def test_small_loss_in_float32():
    value = bce(np.float32([-15]), np.float32([0]))
    assert_allclose(value, 3.0590227e-07, rtol=1e-6)


@DTYPES
def test_infinite_logits(dtype):
    x = np.array([-INF, INF, -INF, INF], dtype)
    y = np.array([0, 1, 1, 0], dtype)
    values, grad = bce_value_and_grad(x, y, reduction="none")
    assert_array_equal(values, [0, 0, INF, INF])
    assert_array_equal(grad, [0, 0, -1, 1])
    assert_array_equal(bce_grad_and_hess(x, y, reduction="none")[1], [0, 0, 0, 0])
    assert_array_equal(bce(np.array([INF, -INF], dtype), [0.5, 0.5], reduction="none"), [INF, INF])


@DTYPES
def test_a_zero_weight_cancels_infinity_and_nan(dtype):
    x = np.array([INF, -INF, NAN, 1], dtype)
    value, grad = bce_value_and_grad(x, [0, 1, 1, 1], weight=[0, 0, 0, 1], reduction="sum")
    assert_allclose(value, np.log1p(np.exp(-1)), rtol=1e-6)
    assert_array_equal(grad[:3], [0, 0, 0])
    assert_array_equal(
        bce(np.array([-INF, -INF], dtype), [1, 1], pos_weight=[0, 1], reduction="none"), [0, INF]
    )


@DTYPES
def test_huge_logits(dtype):
    big = np.finfo(dtype).max
    x = np.array([big, -big, big, -big], dtype)
    values, grad = bce_value_and_grad(x, [1, 0, 0, 1], reduction="none")
    assert_array_equal(values, np.array([0, 0, big, big], dtype))
    assert_array_equal(grad, [0, 0, 1, -1])


# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (2, 3, 4)])
@pytest.mark.parametrize("function", ["binary_cross_entropy_with_logits", "binary_cross_entropy"])
def test_any_number_of_dimensions(shape, function, rng):
    x, y = rng.uniform(0.1, 0.9, shape), rng.integers(0, 2, shape).astype(float)
    value, grad = getattr(fastce, function + "_value_and_grad")(x, y)
    terms = getattr(reference, function)(np.asarray(x), np.asarray(y))
    assert_allclose(value, float(terms.reduced("mean")[0]), rtol=1e-14)
    assert grad.shape == shape
    assert_allclose(grad, terms.reduced("mean")[1].astype(float), rtol=1e-13)
    assert getattr(fastce, function)(x, y, reduction="none").shape == shape


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
@pytest.mark.parametrize(
    "weight_shape", [(), (1,), (4,), (3, 1), (3, 4), (2, 1, 1), (2, 3, 4), (1, 1, 4)]
)
def test_weights_broadcast_to_the_logits(name, weight_shape, rng):
    x, y = rng.standard_normal((2, 3, 4)), rng.uniform(0, 1, (2, 3, 4))
    weight = rng.uniform(0.1, 3, weight_shape)
    full = np.broadcast_to(weight, x.shape).copy()
    value, grad = bce_value_and_grad(x, y, **{name: weight})
    expected, expected_grad = bce_value_and_grad(x, y, **{name: full})
    assert value == expected
    assert_array_equal(grad, expected_grad)
    terms = reference.binary_cross_entropy_with_logits(x, y, **{name: weight})
    assert_allclose(value, float(terms.values.sum() / 24), rtol=1e-14)


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
@pytest.mark.parametrize("weight_shape", [(3,), (2,), (2, 3, 5), (1, 2, 3, 4), (3, 3), (0,)])
def test_weights_must_not_enlarge_the_logits(name, weight_shape):
    with pytest.raises(ValueError, match=f"^{name} must .*; got "):
        bce(np.zeros((2, 3, 4)), np.zeros((2, 3, 4)), **{name: np.ones(weight_shape)})


def test_what_the_mean_divides_by(rng):
    x, y = rng.standard_normal((3, 4)), rng.integers(0, 2, (3, 4))
    for options in (
        {},
        {"weight": rng.uniform(0, 9, (3, 4))},
        {"pos_weight": [5.0, 6.0, 7.0, 8.0]},
    ):
        assert_allclose(
            bce(x, y, **options), bce(x, y, reduction="sum", **options) / 12, rtol=1e-15
        )
    y[0, :2] = -1
    assert_allclose(
        bce(x, y, ignore_index=-1), bce(x, y, ignore_index=-1, reduction="sum") / 10, rtol=1e-15
    )


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16, np.float32, np.float64])
def test_targets_of_any_real_dtype(dtype, rng):
    x, y = rng.standard_normal((6, 3)), rng.integers(0, 2, (6, 3))
    expected, expected_grad = bce_value_and_grad(x, y.astype(float))
    value, grad = bce_value_and_grad(x, y.astype(dtype))
    assert value == expected
    assert_array_equal(grad, expected_grad)


@pytest.mark.parametrize("bad", [-1e-6, 1.0001, 2, NAN, INF, -INF, -100])
@pytest.mark.parametrize("function", ["binary_cross_entropy_with_logits", "binary_cross_entropy"])
def test_targets_must_be_probabilities(bad, function, rng):
    x, y = rng.uniform(0.1, 0.9, (5, 3)), rng.uniform(0, 1, (5, 3))
    y[3, 1] = bad
    with pytest.raises(ValueError, match=r"^target must .*; got "):
        getattr(fastce, function)(x, y)


@pytest.mark.parametrize("ignored", [-100, -1, 255, 2, 0, 1])
def test_any_integer_can_be_ignored(ignored, rng):
    x, y = rng.standard_normal((5, 3)), rng.uniform(0.1, 0.9, (5, 3))
    y[1, 1] = y[4, 0] = ignored
    keep = y != ignored
    x[1, 1] = NAN
    value, grad = bce_value_and_grad(x, y, ignore_index=ignored)
    assert_allclose(value, bce(x[keep], y[keep]), rtol=1e-15)
    assert_array_equal(grad[~keep], [0, 0])
    assert_allclose(grad[keep], bce_value_and_grad(x[keep], y[keep])[1], rtol=1e-15)


# --------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1), soft=st.booleans())
def test_one_logit_is_two_classes(seed, soft):
    rng = np.random.default_rng(seed)
    x = 5 * rng.standard_normal(9)
    y = rng.uniform(0, 1, 9) if soft else rng.integers(0, 2, 9).astype(float)
    value, grad = bce_value_and_grad(x, y)
    two = np.column_stack([np.zeros(9), x])
    expected, expected_grad = fastce.cross_entropy_value_and_grad(two, np.column_stack([1 - y, y]))
    assert_allclose(value, expected, rtol=1e-13, atol=1e-15)
    assert_allclose(grad, expected_grad[:, 1], rtol=1e-12, atol=1e-15)


@given(seed=st.integers(0, 2**32 - 1))
def test_swapping_sign_and_label_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    x, y = 20 * rng.standard_normal((4, 5)), rng.integers(0, 2, (4, 5))
    value, grad = bce_value_and_grad(x, y)
    swapped, swapped_grad = bce_value_and_grad(-x, 1 - y)
    assert_allclose(swapped, value, rtol=1e-15)
    assert_allclose(swapped_grad, -grad, rtol=1e-15)


def test_logits_agree_with_probabilities(rng):
    x, y = 3 * rng.standard_normal((6, 4)), rng.uniform(0, 1, (6, 4))
    weight = rng.uniform(0.1, 3, 4)
    assert_allclose(
        fastce.binary_cross_entropy(fastce.sigmoid(x), y, weight=weight),
        bce(x, y, weight=weight),
        rtol=1e-13,
    )


# --------------------------------------------------------------------------------------------------


@DTYPES
def test_clamps_at_the_ends(dtype):
    p, y = np.array([0, 1, 0, 1], dtype), np.array([0, 1, 1, 0], dtype)
    values, grad = fastce.binary_cross_entropy_value_and_grad(p, y, reduction="none")
    assert_array_equal(values, [0, 0, 100, 100])
    assert_allclose(grad, [0, 0, -1e12, 1e12], rtol=1e-6)
    tiny = np.array([np.finfo(dtype).tiny], dtype)
    assert_allclose(
        fastce.binary_cross_entropy(tiny, [1]), min(100, -np.log(float(tiny[0]))), rtol=1e-6
    )


@pytest.mark.parametrize("bad", [-1e-6, 1.00001, NAN, INF, -INF])
def test_probabilities_must_lie_between_0_and_1(bad):
    p = np.full((4, 3), 0.5)
    p[2, 1] = bad
    with pytest.raises(ValueError, match=r"^probs must .*; got "):
        fastce.binary_cross_entropy(p, np.ones((4, 3)))


def test_one_weight_an_element_is_split_into_blocks_and_held_once(rng):
    from fastce._core.layout import Target
    from fastce._losses import weights

    n = 100_000
    target, weight = rng.random(n), rng.random(n)
    form = weights.element_form(Target(target), (n,), weight, None, None, True)
    assert form.size < n
    assert form.positive_weight is form.negative_weight
    x = rng.normal(size=n)
    flat = fastce.binary_cross_entropy_with_logits_value_and_grad(x, target, weight=weight)
    table = fastce.binary_cross_entropy_with_logits_value_and_grad(
        x[:, None], target[:, None], weight=weight[:, None]
    )
    np.testing.assert_allclose(flat[0], table[0], rtol=1e-15)
    np.testing.assert_array_equal(flat[1], table[1][:, 0])
