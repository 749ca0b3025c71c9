"""What is peculiar to poly-1 loss: cross-entropy at 0, the digits of confident rows, its limits."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastce


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_epsilon_0_is_cross_entropy(dtype, rng):
    x, y = (3 * rng.standard_normal((50, 7))).astype(dtype), rng.integers(0, 7, 50)
    value, grad = fastce.poly_loss_value_and_grad(x, y, epsilon=0)
    expected, expected_grad = fastce.cross_entropy_value_and_grad(x, y)
    assert value == pytest.approx(expected, rel=float(np.finfo(dtype).eps))
    assert_allclose(grad, expected_grad, rtol=4 * np.finfo(dtype).eps)


def exactly(x, y, epsilon):
    """Return value and gradient of a row, by mpmath."""
    with mpmath.workdps(60):
        e = [mpmath.exp(mpmath.mpf(float(v))) for v in x]
        total = mpmath.fsum(e)
        q = mpmath.fsum(v for k, v in enumerate(e) if k != y) / total
        p = e[y] / total
        value = -mpmath.log(p) + mpmath.mpf(epsilon) * q
        slope = 1 + mpmath.mpf(epsilon) * p
        grad = [slope * (-q if k == y else v / total) for k, v in enumerate(e)]
        return float(value), np.array([float(v) for v in grad])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("epsilon", [-1.0, -0.75, -0.5, 1.0, 20.0])
@pytest.mark.parametrize("ahead", [-20, -1, 0, 0.5, 1, 2, 3, 6, 9, 17])
def test_confident_rows_keep_their_digits(ahead, epsilon, dtype):
    x = np.array([[0.3, ahead, -0.7, 0.1]], dtype)
    value, grad = fastce.poly_loss_value_and_grad(x, [1], epsilon=epsilon, reduction="sum")
    expected, expected_grad = exactly(x[0], 1, epsilon)
    rtol = 64 * np.finfo(dtype).eps
    assert_allclose(value, expected, rtol=rtol)
    assert_allclose(grad[0], expected_grad, rtol=rtol)


@pytest.mark.parametrize("epsilon", [-1.0, -0.5, 0.0, 2.0])
def test_infinite_logits_are_those_of_cross_entropy(epsilon):
    x = np.array([[0.0, -np.inf], [np.inf, 0.0], [-np.inf, -np.inf], [-np.inf, 0.0], [np.nan, 0]])
    y = np.ones(5, int)
    values, grad = fastce.poly_loss_value_and_grad(x, y, epsilon=epsilon, reduction="none")
    expected, _ = fastce.cross_entropy_value_and_grad(x, y, reduction="none")
    assert_array_equal(np.isnan(values), np.isnan(expected))
    assert_array_equal(values[[0, 3]], [np.inf, 0])
    assert_array_equal(grad[[0, 3]], [[1, -1], [0, 0]])


@pytest.mark.parametrize("epsilon", [-1.001, np.nan, np.inf, 1e19])
def test_epsilon_beyond_its_limits_is_refused(epsilon):
    with pytest.raises(ValueError, match=r"^epsilon must be from -1 to 1e\+18; got "):
        fastce.poly_loss([[0.0, 1.0]], [0], epsilon=epsilon)
    with pytest.raises(TypeError, match=r"^epsilon must be a number from -1 to 1"):
        fastce.poly_loss([[0.0, 1.0]], [0], epsilon="1")
