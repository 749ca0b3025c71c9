"""Focal loss against its definition, differentiated by mpmath."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastce

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
GAMMAS = pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 3.7])


def softmax_form(row, y, gamma):
    """Return the loss of a row as a function of the entries of `row`, in mpmath."""
    total = mpmath.fsum(mpmath.exp(x) for x in row)
    p = mpmath.exp(row[y]) / total
    q = mpmath.fsum(mpmath.exp(x) for k, x in enumerate(row) if k != y) / total
    return -(q**gamma) * mpmath.log(p)


def sigmoid_form(x, t, gamma, alpha):
    p = 1 / (1 + mpmath.exp(-x))
    cost = -t * mpmath.log(p) - (1 - t) * mpmath.log(1 - p)
    weight = 1 if alpha is None else alpha * t + (1 - alpha) * (1 - t)
    return weight * (1 - (p * t + (1 - p) * (1 - t))) ** gamma * cost


@DTYPES
@GAMMAS
@pytest.mark.parametrize("n_classes", [2, 3, 11, 70])
def test_softmax_form_is_its_definition(n_classes, gamma, dtype, rng):
    x, y = (2 * rng.standard_normal((3, n_classes))).astype(dtype), rng.integers(0, n_classes, 3)
    values, grads = fastce.focal_loss_value_and_grad(x, y, gamma=gamma, reduction="none")
    again, hess = fastce.focal_loss_grad_and_hess(x, y, gamma=gamma, reduction="sum")
    assert_array_equal(grads, again)
    tolerance = {"rtol": 60 * np.finfo(dtype).eps, "atol": 6 * np.finfo(dtype).eps}
    with mpmath.workdps(50):
        for i in range(3):
            row = [mpmath.mpf(float(v)) for v in x[i]]
            assert_allclose(values[i], float(softmax_form(row, y[i], gamma)), **tolerance)
            for k in {0, int(y[i]), n_classes - 1}:

                def along(v, row=row, i=i, k=k):
                    return softmax_form([*row[:k], v, *row[k + 1 :]], y[i], gamma)

                assert_allclose(grads[i, k], float(mpmath.diff(along, row[k])), **tolerance)
                assert_allclose(hess[i, k], float(mpmath.diff(along, row[k], 2)), **tolerance)


@DTYPES
@GAMMAS
@pytest.mark.parametrize("alpha", [None, 0.25])
def test_sigmoid_form_is_its_definition(alpha, gamma, dtype, rng):
    x, t = (3 * rng.standard_normal(12)).astype(dtype), np.append(rng.integers(0, 2, 9), [0.25, 0.5, 0.875]).astype(dtype)
    values, grads = fastce.sigmoid_focal_loss_value_and_grad(x, t, gamma=gamma, alpha=alpha, reduction="none")
    _, hess = fastce.sigmoid_focal_loss_grad_and_hess(x, t, gamma=gamma, alpha=alpha, reduction="sum")
    tolerance = {"rtol": 60 * np.finfo(dtype).eps, "atol": 6 * np.finfo(dtype).eps}
    with mpmath.workdps(50):
        for i in range(12):

            def along(v, i=i):
                return sigmoid_form(v, mpmath.mpf(float(t[i])), gamma, alpha)

            assert_allclose(values[i], float(along(mpmath.mpf(float(x[i])))), **tolerance)
            assert_allclose(grads[i], float(mpmath.diff(along, mpmath.mpf(float(x[i])))), **tolerance)
            assert_allclose(hess[i], float(mpmath.diff(along, mpmath.mpf(float(x[i])), 2)), **tolerance)


@DTYPES
def test_without_focus_it_is_cross_entropy(dtype, rng):
    x, y = (4 * rng.standard_normal((200, 7))).astype(dtype), rng.integers(0, 7, 200)
    t = (rng.random((200, 7)) < 0.3).astype(dtype)
    options = {"weight": rng.uniform(0.2, 3, 7), "sample_weight": rng.uniform(0, 2, 200), "ignore_index": int(y[0])}
    for focal, plain in (
        (fastce.focal_loss_value_and_grad(x, y, gamma=0.0, **options), fastce.cross_entropy_value_and_grad(x, y, **options)),
        (
            fastce.sigmoid_focal_loss_value_and_grad(x, t, gamma=0.0, alpha=None),
            fastce.binary_cross_entropy_with_logits_value_and_grad(x, t),
        ),
    ):
        assert_allclose(focal[0], plain[0], rtol=4 * np.finfo(dtype).eps)
        assert_allclose(focal[1], plain[1], rtol=20 * np.finfo(dtype).eps)


@DTYPES
def test_confident_rows_keep_their_digits(dtype):
    gap = 17 if dtype is np.float32 else 37
    with mpmath.workdps(60):
        exact = [float(softmax_form([mpmath.mpf(0), mpmath.mpf(-gap)], y, 2.0)) for y in (0, 1)]
    got = fastce.focal_loss(np.array([[0, -gap]] * 2, dtype), [0, 1], gamma=2.0, reduction="none")
    assert_allclose(got, exact, rtol=3 * (4 + gap) * np.finfo(dtype).eps)


@DTYPES
def test_rows_that_are_not_finite_or_ignored(dtype, rng):
    x, y = rng.standard_normal((5, 4)).astype(dtype), np.array([0, 1, -100, 3, 2])
    expected, expected_grad = fastce.focal_loss_value_and_grad(x, y, reduction="sum")
    x[2] = np.nan
    value, grad = fastce.focal_loss_value_and_grad(x, y, reduction="sum")
    assert value == expected
    assert_array_equal(grad, expected_grad)
    x[3, 0] = np.nan
    _, grad = fastce.focal_loss_value_and_grad(x, y, reduction="sum")
    assert_array_equal(np.isnan(grad).any(axis=1), [False, False, False, True, False])
    assert fastce.focal_loss(np.array([[0, -np.inf]], dtype), [0]) == 0
    assert fastce.focal_loss(np.array([[0, -np.inf]], dtype), [1]) == np.inf


@pytest.mark.parametrize("gamma", [-1.0, np.nan, np.inf])
def test_gamma_must_be_finite_and_not_negative(gamma):
    with pytest.raises(ValueError, match=r"^gamma must"):
        fastce.focal_loss(np.zeros((2, 3)), [0, 1], gamma=gamma)
