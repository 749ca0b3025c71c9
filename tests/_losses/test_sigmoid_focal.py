"""Sigmoid focal loss: alpha, the power of 1 - p on confident elements, infinite logits."""

import numpy as np
import pytest
from exact import focal_row
from focal import check_against_torch
from numpy.testing import assert_allclose, assert_array_equal

import fastce

INF, NAN = np.inf, np.nan
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
GAMMAS = pytest.mark.parametrize("gamma", [0.0, 0.25, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5])
sigmoid = fastce.sigmoid_focal_loss
sigmoid_value_and_grad, sigmoid_grad_and_hess = (
    fastce.sigmoid_focal_loss_value_and_grad,
    fastce.sigmoid_focal_loss_grad_and_hess,
)


def test_the_papers_example():
    """Lin et al., section 3.2: with gamma = 2, how much lower the loss is than cross-entropy.

    100 times for p = 0.9, about 1000 times for 0.968.
    """
    for p, times in [(0.9, 100), (0.968, 1 / 0.032**2)]:
        x = np.log(p / (1 - p))
        assert_allclose(-np.log(p) / sigmoid([x], [1], alpha=None), times, rtol=1e-12)


def test_alpha_weighs_positives_and_one_minus_alpha_negatives(rng):
    x, t = np.array([0.3, 0.3, 0.3]), np.array([1.0, 0.0, 0.25])
    plain = sigmoid(x, t, alpha=None, reduction="none")
    assert_allclose(
        sigmoid(x, t, reduction="none"), np.array([0.25, 0.75, 0.625]) * plain, rtol=1e-15
    )
    assert_array_equal(sigmoid(x, t, alpha=0, reduction="none")[0], 0)
    assert_array_equal(sigmoid(x, t, alpha=1, reduction="none")[1], 0)
    x, t = rng.standard_normal(50), rng.integers(0, 2, 50).astype(float)
    plain = sigmoid(x, t, alpha=None, reduction="none")
    weighed = sigmoid(x, t, alpha=0.7, reduction="none")
    assert_allclose(weighed, np.where(t == 1, 0.7, 0.3) * plain, rtol=1e-14)


@DTYPES
def test_gamma_0_is_binary_cross_entropy(dtype, rng):
    x = (4 * rng.standard_normal((50, 7))).astype(dtype)
    t = rng.uniform(0, 1, x.shape).astype(dtype)
    # t - P cancels where a target is soft
    close = {"rtol": 8 * np.finfo(dtype).eps, "atol": 4 * np.finfo(dtype).eps}
    pairs = [
        (
            sigmoid_value_and_grad(x, t, gamma=0, alpha=None),
            fastce.binary_cross_entropy_with_logits_value_and_grad(x, t),
        ),
        (
            sigmoid_grad_and_hess(x, t, gamma=0, alpha=None),
            fastce.binary_cross_entropy_with_logits_grad_and_hess(x, t),
        ),
    ]
    for got, want in pairs:
        for a, b in zip(got, want, strict=True):
            assert_allclose(a, b, **close)


@GAMMAS
def test_torch_agrees(gamma, rng):
    x = rng.standard_normal((6, 4))
    t = rng.integers(0, 2, x.shape).astype(float)
    t[::2] = rng.uniform(0, 1, t[::2].shape)

    def form(torch, z):  # as torchvision writes it
        target, p = torch.tensor(t), torch.sigmoid(z)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z, target, reduction="none")
        loss = loss * (1 - (p * target + (1 - p) * (1 - target))) ** gamma
        return (0.25 * target + 0.75 * (1 - target)) * loss

    check_against_torch("sigmoid_focal_loss", form, x, t, gamma=gamma)


@GAMMAS
@DTYPES
def test_confident_elements_against_mpmath(dtype, gamma, rng):
    x = np.concatenate([3 * rng.standard_normal(40), [0, -8, 8, -17, 17, -36, 36, -60, 60]]).astype(
        dtype
    )
    for t in (0, 1):
        target = np.full(x.size, t)
        values, grad = sigmoid_value_and_grad(x, target, gamma=gamma, alpha=None, reduction="none")
        _, hess = sigmoid_grad_and_hess(x, target, gamma=gamma, alpha=None, reduction="sum")
        for i, z in enumerate(x):
            # one logit is two classes, of which one has the logit 0
            exact = focal_row([0, z], t, gamma)
            for got, want in zip((values, grad, hess), exact.values(), strict=True):
                errors = want.errors(np.repeat(got[i], want.high.size))
                assert errors[-1] <= want.bound[-1]


@GAMMAS
@DTYPES
def test_a_certain_element_has_no_loss(dtype, gamma):
    """1 - p = 0: derivatives of (1 - p)^gamma are infinite for gamma < 1, and 0^0 may occur."""
    x = np.array([INF, -INF, 1000, -1000], dtype)
    results = (
        sigmoid_value_and_grad(x, [1, 0, 1, 0], gamma=gamma, reduction="none"),
        sigmoid_grad_and_hess(x, [1, 0, 1, 0], gamma=gamma),
    )
    for pair in results:
        for array in pair:
            assert_array_equal(array, np.zeros(4))


@GAMMAS
@DTYPES
def test_a_hopeless_element_has_the_loss_of_binary_cross_entropy(dtype, gamma):
    x = np.array([-INF, INF, -1000, 1000], dtype)
    values, grad = sigmoid_value_and_grad(
        x, [1, 0, 1, 0], gamma=gamma, alpha=None, reduction="none"
    )
    assert_array_equal(values, [INF, INF, 1000, 1000])
    assert_array_equal(grad, [-1, 1, -1, 1])
    assert_array_equal(sigmoid_grad_and_hess(x, [1, 0, 1, 0], gamma=gamma)[1], np.zeros(4))


@GAMMAS
@DTYPES
def test_soft_targets_at_infinity(dtype, gamma):
    values, grad = sigmoid_value_and_grad(
        np.array([INF, -INF], dtype), [0.5, 0.5], gamma=gamma, alpha=None, reduction="none"
    )
    assert_array_equal(values, [INF, INF])
    assert_allclose(grad, [0.5 * 0.5**gamma, -0.5 * 0.5**gamma], rtol=1e-6)


@DTYPES
@pytest.mark.parametrize(
    ("x", "t", "gamma"),
    [(np.inf, 0.5, 1e6), (-np.inf, 0.5, 1e6), (-np.inf, 1e-30, 2.0), (np.inf, 0.5, 2.0)],
)
def test_an_infinite_logit_that_is_wrong_costs_infinity(x, t, gamma, dtype):
    value, grad = sigmoid_value_and_grad(np.array([x], dtype), np.array([t], dtype), gamma=gamma)
    assert value == np.inf
    assert np.isfinite(grad).all()


def test_options_out_of_range():
    for bad in (-0.5, INF, NAN, 1e19, "2", None, True):
        with pytest.raises((TypeError, ValueError), match=r"^gamma must .*0 to 1e\+18; got "):
            sigmoid([1.0, 2.0], [0.0, 1.0], gamma=bad)
    assert np.isfinite(sigmoid([1.0, 2.0], [0.0, 1.0], gamma=1e18))
    for bad in (-1, 1.5, 2, NAN, "no"):
        with pytest.raises((TypeError, ValueError), match=r"^alpha must be .*from 0 to 1; got "):
            sigmoid([1.0], [1.0], alpha=bad)
