"""What is peculiar to the divergence: torch's numbers, temperatures, and where its terms cancel."""

import mpmath
import numpy as np
import pytest
from losses import LOSSES
from numpy.testing import assert_allclose, assert_array_equal

import fastce

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@DTYPES
@pytest.mark.parametrize("temperature", [1.0, 0.5, 4.0])
def test_is_torchs(temperature, dtype, rng):
    torch = pytest.importorskip("torch")
    x = (3 * rng.standard_normal((20, 7))).astype(dtype)
    q = fastce.softmax((3 * rng.standard_normal((20, 7))).astype(dtype))
    q[0], q[1] = np.eye(7, dtype=dtype)[2], 0
    theirs = torch.tensor(x, requires_grad=True)
    log_p = torch.log_softmax(theirs / temperature, 1)
    kl_div = torch.nn.functional.kl_div
    expected = kl_div(log_p, torch.tensor(q), reduction="batchmean") * temperature**2
    expected.backward()
    value, grad = fastce.kl_divergence_value_and_grad(x, q, temperature=temperature)
    rtol = 100 * np.finfo(dtype).eps
    assert_allclose(value, expected.item(), rtol=rtol)
    assert_allclose(grad, theirs.grad.numpy(), rtol=rtol, atol=rtol / 20)


def exactly(x, q, temperature):
    """Return the value of a row, and the sum of the terms' sizes, by mpmath."""
    with mpmath.workdps(50):
        z = [mpmath.mpf(float(v)) / mpmath.mpf(temperature) for v in x]
        top = max(z)
        log_sum = mpmath.log(mpmath.fsum(mpmath.exp(v - top) for v in z))
        value, size = mpmath.mpf(0), mpmath.mpf(0)
        for v, c in zip(z, map(float, q), strict=True):
            if c:
                cross, entropy = c * (top - v + log_sum), c * mpmath.log(c)
                value, size = value + cross + entropy, size + cross + abs(entropy)
        return float(value * temperature**2), float(size * temperature**2)


@DTYPES
@pytest.mark.parametrize("temperature", [1.0, 0.3, 7.0])
@pytest.mark.parametrize("offset", [0, 1e6, -1e4])
@pytest.mark.parametrize("distance", [0, 1e-6, 1e-2, 1, 30])
def test_errors_are_relative_to_the_terms(distance, offset, temperature, dtype, rng):
    x = (rng.standard_normal((8, 5)) + offset).astype(dtype)
    teacher = x.astype(float) + distance * rng.standard_normal((8, 5))
    q = fastce.softmax(teacher / temperature).astype(dtype)
    values = fastce.kl_divergence(x, q, temperature=temperature, reduction="none")
    for row in range(8):
        value, size = exactly(x[row], q[row], temperature)
        assert abs(values[row] - value) <= 8 * float(np.finfo(dtype).eps) * size


def test_differs_from_cross_entropy_by_the_entropy(rng):
    x, q = rng.standard_normal((9, 4)), fastce.softmax(rng.standard_normal((9, 4)))
    value, grad = fastce.kl_divergence_value_and_grad(x, q)
    expected, expected_grad = fastce.cross_entropy_value_and_grad(x, q)
    assert_allclose(value, expected + (q * np.log(q)).sum() / 9, rtol=1e-13)
    assert_allclose(grad, expected_grad, rtol=1e-14, atol=1e-16)


def test_zero_times_infinity_is_zero():
    x = np.array([[0.0, -np.inf], [0.0, 1.0], [0.0, -np.inf], [np.inf, 0.0], [-np.inf, -np.inf]])
    q = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])
    values, grad = fastce.kl_divergence_value_and_grad(x, q, reduction="none")
    expected, expected_grad = fastce.cross_entropy_value_and_grad(x, q, reduction="none")
    assert_allclose(values[:2], expected[:2], rtol=1e-15)
    assert_array_equal(values[2:], [np.inf, np.nan, np.nan])
    assert_allclose(grad, expected_grad, rtol=1e-15)


@pytest.mark.parametrize(
    "loss", [loss for loss in LOSSES if loss.is_soft], ids=lambda loss: loss.name
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_target_of_zeros_hides_no_row_without_a_softmax(loss, dtype, poison, rng):
    """The entries of the target multiply what is NaN already: the normaliser, as in torch."""
    x, target = loss.make(rng, 9, 4, dtype)
    target[:] = 0
    expected = loss.reference(x, target)
    for array in (expected.values, expected.grads, expected.hess):
        assert_array_equal(array.astype(float), np.zeros(array.shape))
    # -inf is a masked class, unless all are
    x[2, 1:] = poison
    x[5] = poison
    bad = np.zeros(9, bool)
    bad[[5] if poison == -np.inf else [2, 5]] = True
    values, grad = loss.value_and_grad(x, target, reduction="none")
    _, hess = loss.grad_and_hess(x, target, reduction="none")
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = loss.reference(x, target)
    for got, wanted in [(values, expected.values), (grad, expected.grads), (hess, expected.hess)]:
        rows = bad if got.ndim == 1 else np.repeat(bad[:, None], 4, axis=1)
        assert_array_equal(got, np.where(rows, np.nan, 0))
        assert_array_equal(wanted.astype(float), got)
    assert np.isnan(loss.value(x, target))


@DTYPES
def test_huge_and_tiny_targets_and_temperatures(dtype):
    most, least = np.finfo(dtype).max / 4096, np.finfo(dtype).smallest_subnormal
    for q in ([most, most / 2], [least, 0], [1e-30, 1e30]):
        q = np.array([q], dtype)
        value = fastce.kl_divergence(np.array([[0.5, 0.25]], dtype), q)
        expected, size = exactly([0.5, 0.25], q[0], 1.0)
        assert abs(value - expected) <= 8 * float(np.finfo(dtype).eps) * size + 1e-300
    for temperature in (1e-18, 1e18):
        value, grad = fastce.kl_divergence_value_and_grad(
            np.array([[3.0, 1.0]], dtype), np.array([[0.0, 1.0]], dtype), temperature=temperature
        )
        assert np.isfinite(value)
        assert np.isfinite(grad).all()


def test_rows_of_weight_zero_are_not_looked_at():
    x, q = np.array([[1.0, 2.0], [np.nan, np.inf]]), np.full((2, 2), 0.5)
    value, grad = fastce.kl_divergence_value_and_grad(x, q, sample_weight=[2, 0])
    assert value == fastce.kl_divergence(x[:1], q[:1])
    assert_array_equal(grad[1], [0, 0])
    _, hess = fastce.kl_divergence_grad_and_hess(x, q, sample_weight=[2, 0])
    assert_array_equal(hess[1], [0, 0])


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan, np.inf, 1e19, 1e-19])
def test_temperature_beyond_its_limits_is_refused(temperature):
    with pytest.raises(ValueError, match=r"^temperature must be from 1e-18 to 1e\+18; got "):
        fastce.kl_divergence([[0.0, 1.0]], [[0.5, 0.5]], temperature=temperature)


def test_labels_are_refused():
    with pytest.raises(ValueError, match=r"^target must have the shape of the input"):
        fastce.kl_divergence([[0.0, 1.0]], [1])
