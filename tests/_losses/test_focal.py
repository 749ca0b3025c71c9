"""Focal loss: the power of 1 - p on confident rows, exponents that are whole or not, alpha."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastce

INF, NAN = np.inf, np.nan
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
GAMMAS = pytest.mark.parametrize("gamma", [0.0, 0.25, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5])
focal, sigmoid = fastce.focal_loss, fastce.sigmoid_focal_loss
focal_value_and_grad, focal_grad_and_hess = (
    fastce.focal_loss_value_and_grad,
    fastce.focal_loss_grad_and_hess,
)
sigmoid_value_and_grad, sigmoid_grad_and_hess = (
    fastce.sigmoid_focal_loss_value_and_grad,
    fastce.sigmoid_focal_loss_grad_and_hess,
)


# --------------------------------------------------------------------------------------------------


def test_the_papers_example():
    """Lin et al., section 3.2: with gamma = 2, how much lower the loss is than cross-entropy.

    100 times for p = 0.9, about 1000 times for 0.968.
    """
    for p, times in [(0.9, 100), (0.968, 1 / 0.032**2)]:
        x = np.log(p / (1 - p))
        assert_allclose(-np.log(p) / sigmoid([x], [1], alpha=None), times, rtol=1e-12)
        assert_allclose(-np.log(p) / focal([[0.0, x]], [1]), times, rtol=1e-12)


def test_alpha_weighs_positives_and_one_minus_alpha_negatives():
    x, t = np.array([0.3, 0.3, 0.3]), np.array([1.0, 0.0, 0.25])
    plain = sigmoid(x, t, alpha=None, reduction="none")
    assert_allclose(
        sigmoid(x, t, reduction="none"), np.array([0.25, 0.75, 0.625]) * plain, rtol=1e-15
    )
    assert_array_equal(sigmoid(x, t, alpha=0, reduction="none")[0], 0)
    assert_array_equal(sigmoid(x, t, alpha=1, reduction="none")[1], 0)


# --------------------------------------------------------------------------------------------------


@DTYPES
def test_gamma_0_is_cross_entropy(dtype, rng):
    x = (4 * rng.standard_normal((50, 7))).astype(dtype)
    y, t = rng.integers(0, 7, 50), rng.uniform(0, 1, x.shape).astype(dtype)
    close = {"rtol": 8 * np.finfo(dtype).eps, "atol": np.finfo(dtype).tiny}
    pairs = [
        (focal_value_and_grad(x, y, gamma=0), fastce.cross_entropy_value_and_grad(x, y)),
        (focal_grad_and_hess(x, y, gamma=0), fastce.cross_entropy_grad_and_hess(x, y)),
    ]
    for got, want in pairs:
        for a, b in zip(got, want, strict=True):
            assert_allclose(a, b, **close)
    # t - P cancels where a target is soft
    close["atol"] = 4 * np.finfo(dtype).eps
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
    torch = pytest.importorskip("torch")
    x, y = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    t = rng.integers(0, 2, x.shape).astype(float)
    t[::2] = rng.uniform(0, 1, t[::2].shape)

    def softmax_form(z):
        log_p = torch.log_softmax(z, 1).gather(1, torch.tensor(y)[:, None])[:, 0]
        return (1 - log_p.exp()) ** gamma * -log_p

    def sigmoid_form(z):  # as torchvision writes it
        target, p = torch.tensor(t), torch.sigmoid(z)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z, target, reduction="none")
        loss = loss * (1 - (p * target + (1 - p) * (1 - target))) ** gamma
        return (0.25 * target + 0.75 * (1 - target)) * loss

    for form, value_and_grad, grad_and_hess, target in (
        (softmax_form, focal_value_and_grad, focal_grad_and_hess, y),
        (sigmoid_form, sigmoid_value_and_grad, sigmoid_grad_and_hess, t),
    ):
        z = torch.tensor(x, requires_grad=True)
        want = form(z)
        (slope,) = torch.autograd.grad(want.sum(), z, create_graph=True)
        curvature = [
            float(torch.autograd.grad(slope[i], z, retain_graph=True)[0][i])
            for i in np.ndindex(x.shape)
        ]
        value, grad = value_and_grad(x, target, gamma=gamma, reduction="none")
        _, hess = grad_and_hess(x, target, gamma=gamma, reduction="sum")
        assert_allclose(value, want.detach().numpy(), rtol=1e-13)
        assert_allclose(grad, slope.detach().numpy(), rtol=1e-12, atol=1e-14)
        assert_allclose(hess.ravel(), curvature, rtol=1e-12, atol=1e-14)


# --------------------------------------------------------------------------------------------------


def exact_row(x, y, gamma):
    """Return value, gradient and Hessian diagonal of a row with 60 digits.

    And the sum of the magnitudes of the terms of the latter.
    """
    gamma, x = mpmath.mpf(gamma), [mpmath.mpf(float(v)) for v in x]
    e = [mpmath.exp(v - max(x)) for v in x]
    total = mpmath.fsum(e)
    share = [v / total for v in e]
    rest = [mpmath.fsum(e[:k] + e[k + 1 :]) / total for k in range(len(e))]
    p, q, loss = share[y], rest[y], mpmath.log(total) - (x[y] - max(x))
    slope = q**gamma + gamma * p * loss * q ** (gamma - 1)
    bends = [
        2 * gamma * p * q ** (gamma - 1),
        -gamma * p * loss * q ** (gamma - 1),
        gamma * (gamma - 1) * p**2 * loss * q ** (gamma - 2),
    ]
    move = [-q if k == y else share[k] for k in range(len(x))]
    curved = [slope * share[k] * rest[k] for k in range(len(x))]
    hess = [c + sum(bends) * m**2 for c, m in zip(curved, move, strict=True)]
    parts = [c + sum(map(abs, bends)) * m**2 for c, m in zip(curved, move, strict=True)]
    return q**gamma * loss, [slope * m for m in move], hess, parts


def check(got, want, scale, bound, tiny):
    for a, b, c in zip(np.ravel(got), want, scale, strict=True):
        assert abs(float(a) - b) <= bound * abs(c) + tiny, (
            float(a),
            float(b),
            float(abs(float(a) - b) / abs(c)) / bound,
        )


@GAMMAS
@DTYPES
@pytest.mark.parametrize("gap", [0, 2, 8, 17, 36])
@pytest.mark.parametrize("target_leads", [True, False])
def test_confident_rows_against_mpmath(target_leads, gap, dtype, gamma, rng):
    """A power multiplies relative errors with its exponent: (1 + gamma) (4 + gap) eps."""
    info = np.finfo(dtype)
    with mpmath.workdps(60):
        for n_classes in (2, 10, 70):
            x = rng.standard_normal((1, n_classes)).astype(dtype)
            x[0, 0] += dtype(gap)
            y = 0 if target_leads else n_classes - 1
            value, grad = focal_value_and_grad(x, [y], gamma=gamma)
            _, hess = focal_grad_and_hess(x, [y], gamma=gamma)
            want_value, want_grad, want_hess, parts = exact_row(x[0], y, gamma)
            bound = float(info.eps) * (1 + gamma) * (4 + float(x.max() - x.min()))
            check(value, [want_value], [want_value], bound, float(info.tiny))
            check(grad, want_grad, want_grad, bound, float(info.tiny))
            check(hess, want_hess, parts, bound, float(info.tiny))


@GAMMAS
@DTYPES
def test_sigmoid_against_mpmath(dtype, gamma, rng):
    info = np.finfo(dtype)
    x = np.concatenate([3 * rng.standard_normal(40), [0, -8, 8, -17, 17, -36, 36, -60, 60]]).astype(
        dtype
    )
    for t in (0, 1):
        target = np.full(x.size, t)
        values, grad = sigmoid_value_and_grad(x, target, gamma=gamma, alpha=None, reduction="none")
        _, hess = sigmoid_grad_and_hess(x, target, gamma=gamma, alpha=None, reduction="none")
        for i, z in enumerate(x):
            # one logit is two classes, of which one has the logit 0
            with mpmath.workdps(60):
                value, slopes, curvatures, parts = exact_row([0, z], t, gamma)
            bound = float(info.eps) * (1 + gamma) * (4 + abs(float(z)))
            check(values[i], [value], [value], bound, float(info.tiny))
            check(grad[i], slopes[1:], slopes[1:], bound, float(info.tiny))
            check(hess[i], curvatures[1:], parts[1:], bound, float(info.tiny))


# --------------------------------------------------------------------------------------------------


@GAMMAS
@DTYPES
def test_a_certain_row_has_no_loss(dtype, gamma):
    """1 - p = 0: derivatives of (1 - p)^gamma are infinite for gamma < 1, and 0^0 may occur."""
    x = np.array([[1000, 0, -INF], [500, -INF, -INF], [0, -1e30, -1e30]], dtype)
    for array in (
        *focal_value_and_grad(x, [0, 0, 0], gamma=gamma, reduction="none"),
        *focal_grad_and_hess(x, [0, 0, 0], gamma=gamma),
    ):
        assert_array_equal(array, np.zeros_like(array))
    assert focal(np.array([[3]], dtype), [0], gamma=gamma) == 0  # one class
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
def test_a_hopeless_row_has_the_loss_of_cross_entropy(dtype, gamma):
    x = np.array([[0, 1000.0], [-INF, 0]], dtype)
    values, grad = focal_value_and_grad(x, [0, 0], gamma=gamma, reduction="none")
    assert_array_equal(values, [1000, INF])
    assert_array_equal(grad, [[-1, 1], [-1, 1]])
    assert_array_equal(focal_grad_and_hess(x, [0, 0], gamma=gamma)[1], np.zeros((2, 2)))
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


def test_blocks_and_steps_do_not_matter(rng):
    """A row's result does not depend on the rows before it, over several steps and blocks."""
    for n, k in ((7000, 10), (150, 3), (9, 1000), (70, 61)):
        x, y = rng.standard_normal((n, k)), rng.integers(0, k, n)
        values, grad = focal_value_and_grad(x, y, reduction="none")
        for i in (0, n // 2, n - 1):
            value, alone = focal_value_and_grad(x[i : i + 1], y[i : i + 1], reduction="none")
            assert_allclose(values[i], value[0], rtol=1e-15)
            assert_allclose(grad[i], alone[0], rtol=1e-14, atol=1e-17)


def test_gamma_must_be_a_number_from_0_to_1e18():
    for function, target in ((focal, [0]), (sigmoid, [[0.0, 1.0]])):
        for bad in (-0.5, INF, NAN, 1e19, "2", None, True):
            with pytest.raises((TypeError, ValueError), match=r"^gamma must .*; got "):
                function([[1.0, 2.0]], target, gamma=bad)
        assert np.isfinite(function([[1.0, 2.0]], target, gamma=1e18))
    for bad in (-1, 1.5, NAN, "no"):
        with pytest.raises((TypeError, ValueError), match=r"^alpha must .*; got "):
            sigmoid([1.0], [1.0], alpha=bad)


def test_targets_are_class_indices():
    with pytest.raises((TypeError, ValueError), match=r"^target must .*; got "):
        focal([[1.0, 2.0]], [[0.5, 0.5]])


def test_any_axis(rng):
    x, y = rng.standard_normal((2, 5, 3)), rng.integers(0, 5, (2, 3))
    value, grad = focal_value_and_grad(x, y, axis=1)
    expected, moved = focal_value_and_grad(np.moveaxis(x, 1, -1).reshape(6, 5), y.reshape(-1))
    assert value == expected
    assert_array_equal(np.moveaxis(grad, 1, -1).reshape(6, 5), moved)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("x", "t", "gamma"),
    [(np.inf, 0.5, 1e6), (-np.inf, 0.5, 1e6), (-np.inf, 1e-30, 2.0), (np.inf, 0.5, 2.0)],
)
def test_an_infinite_logit_that_is_wrong_costs_infinity(x, t, gamma, dtype):
    value, grad = fastce.sigmoid_focal_loss_value_and_grad(
        np.array([x], dtype), np.array([t], dtype), gamma=gamma
    )
    assert value == np.inf
    assert np.isfinite(grad).all()
