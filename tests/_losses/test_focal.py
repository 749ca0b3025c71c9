"""Focal loss: the power of 1 - p on confident rows, exponents that are whole or not."""

import numpy as np
import pytest
from exact import focal_row
from focal import check_against_torch
from numpy.testing import assert_allclose, assert_array_equal

import fastce

INF, NAN = np.inf, np.nan
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
GAMMAS = pytest.mark.parametrize("gamma", [0.0, 0.25, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5])
focal = fastce.focal_loss
focal_value_and_grad, focal_grad_and_hess = (
    fastce.focal_loss_value_and_grad,
    fastce.focal_loss_grad_and_hess,
)


# --------------------------------------------------------------------------------------------------


def test_the_papers_example():
    """Lin et al., section 3.2: with gamma = 2, how much lower the loss is than cross-entropy.

    100 times for p = 0.9, about 1000 times for 0.968.
    """
    for p, times in [(0.9, 100), (0.968, 1 / 0.032**2)]:
        x = np.log(p / (1 - p))
        assert_allclose(-np.log(p) / focal([[0.0, x]], [1]), times, rtol=1e-12)


# --------------------------------------------------------------------------------------------------


@DTYPES
def test_gamma_0_is_cross_entropy(dtype, rng):
    x = (4 * rng.standard_normal((50, 7))).astype(dtype)
    y = rng.integers(0, 7, 50)
    close = {"rtol": 8 * np.finfo(dtype).eps, "atol": np.finfo(dtype).tiny}
    pairs = [
        (focal_value_and_grad(x, y, gamma=0), fastce.cross_entropy_value_and_grad(x, y)),
        (focal_grad_and_hess(x, y, gamma=0), fastce.cross_entropy_grad_and_hess(x, y)),
    ]
    for got, want in pairs:
        for a, b in zip(got, want, strict=True):
            assert_allclose(a, b, **close)


@GAMMAS
def test_torch_agrees(gamma, rng):
    x, y = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)

    def form(torch, z):
        log_p = torch.log_softmax(z, 1).gather(1, torch.tensor(y)[:, None])[:, 0]
        return (1 - log_p.exp()) ** gamma * -log_p

    check_against_torch("focal_loss", form, x, y, gamma=gamma)


# --------------------------------------------------------------------------------------------------


@GAMMAS
@DTYPES
@pytest.mark.parametrize("gap", [0, 2, 8, 17, 36])
@pytest.mark.parametrize("target_leads", [True, False])
def test_confident_rows_against_mpmath(target_leads, gap, dtype, gamma, rng):
    for n_classes in (2, 10, 70):
        x = rng.standard_normal((1, n_classes)).astype(dtype)
        x[0, 0] += dtype(gap)
        y = 0 if target_leads else n_classes - 1
        value, grad = focal_value_and_grad(x, [y], gamma=gamma, reduction="none")
        _, hess = focal_grad_and_hess(x, [y], gamma=gamma)
        exact = focal_row(x[0], y, gamma)
        for got, want in zip((value, grad[0], hess[0]), exact.values(), strict=True):
            assert np.all(want.errors(got) <= want.bound)


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


@GAMMAS
@DTYPES
def test_a_hopeless_row_has_the_loss_of_cross_entropy(dtype, gamma):
    x = np.array([[0, 1000.0], [-INF, 0]], dtype)
    values, grad = focal_value_and_grad(x, [0, 0], gamma=gamma, reduction="none")
    assert_array_equal(values, [1000, INF])
    assert_array_equal(grad, [[-1, 1], [-1, 1]])
    assert_array_equal(focal_grad_and_hess(x, [0, 0], gamma=gamma)[1], np.zeros((2, 2)))


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
    for bad in (-0.5, INF, NAN, 1e19, "2", None, True):
        with pytest.raises((TypeError, ValueError), match=r"^gamma must .*0 to 1e\+18; got "):
            focal([[1.0, 2.0]], [0], gamma=bad)
    assert np.isfinite(focal([[1.0, 2.0]], [0], gamma=1e18))


def test_targets_are_class_indices():
    with pytest.raises((TypeError, ValueError), match=r"^target must .*; got "):
        focal([[1.0, 2.0]], [[0.5, 0.5]])


def test_any_axis(rng):
    x, y = rng.standard_normal((2, 5, 3)), rng.integers(0, 5, (2, 3))
    value, grad = focal_value_and_grad(x, y, axis=1)
    expected, moved = focal_value_and_grad(np.moveaxis(x, 1, -1).reshape(6, 5), y.reshape(-1))
    assert value == expected
    assert_array_equal(np.moveaxis(grad, 1, -1).reshape(6, 5), moved)
