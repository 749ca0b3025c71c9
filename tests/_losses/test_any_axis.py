"""Sums with factors, beside SciPy and exact ones; axes taken together."""

import itertools

import mpmath
import numpy as np
import pytest
import scipy.special

import fastce
from fastce._losses import any_axis

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize("axes", [(), (1,), (0, 2), (2, 0), (0, 1, 2)])
def test_merged_and_back(rng, axes):
    x = rng.normal(size=(2, 3, 4))
    together = any_axis.merged(x, axes)
    assert together.data.shape[-1] == np.prod([x.shape[axis] for axis in axes])
    np.testing.assert_array_equal(together.restored(together.data), x)


def scipy_logsumexp(x, **options):
    with np.errstate(all="ignore"):
        return scipy.special.logsumexp(x, **options)


@pytest.mark.parametrize("axis", [None, 0, (0, 2), -1])
@pytest.mark.parametrize("b_shape", [(), (4,), (3, 1), (2, 3, 4), (2, 1, 1)])
@pytest.mark.parametrize("return_sign", [False, True])
def test_factors_as_in_scipy(rng, axis, b_shape, return_sign):
    x, b = 5 * rng.normal(size=(2, 3, 4)), rng.normal(size=b_shape)
    for keepdims in (False, True):
        options = {"axis": axis, "b": b, "keepdims": keepdims, "return_sign": return_sign}
        found, expected = fastce.logsumexp(x, **options), scipy_logsumexp(x, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
        assert np.shape(found) == np.shape(expected)


@pytest.mark.parametrize("values", itertools.product([-INF, 0.0, 1.0, INF, NAN], repeat=2))
def test_odd_values_are_those_of_the_sum(values):
    """And SciPy's, which has NaN for some sums of 0 and of -inf."""
    for b in itertools.product([-1.0, 0.0, 1.0, NAN], repeat=2):
        value, sign = fastce.logsumexp(values, b=b, return_sign=True)
        with np.errstate(all="ignore"):
            total = sum(f * np.exp(x) if f != 0 else 0.0 for x, f in zip(values, b, strict=True))
            np.testing.assert_allclose(value, np.log(np.abs(total)), rtol=1e-15, err_msg=str(b))
        np.testing.assert_array_equal(sign, np.sign(total))
        expected, _ = scipy_logsumexp(np.array(values), b=np.array(b), return_sign=True)
        if not np.isnan(expected):
            np.testing.assert_allclose(value, expected, rtol=1e-15, err_msg=str(b))
        with np.errstate(all="raise"):
            plain = fastce.logsumexp(values, b=b)
        assert np.isnan(plain) if sign < 0 else np.array_equal(plain, value, equal_nan=True)
    value, sign = fastce.logsumexp(values, return_sign=True)
    np.testing.assert_array_equal(value, scipy_logsumexp(np.array(values)))
    assert np.isnan(sign) if np.isnan(value) else sign == (value > -INF)


def test_a_small_rest_keeps_its_digits():
    found = fastce.logsumexp([0.0, -50.0, -60.0], b=[1.0, -3.0, 2.0])
    with mpmath.workdps(60):
        exact = mpmath.log(1 - 3 * mpmath.exp(-50) + 2 * mpmath.exp(-60))
        assert abs(mpmath.mpf(float(found)) / exact - 1) < 4e-16


def test_dtypes_are_those_of_both():
    for kind, b, expected in (
        ("f2", 2.0, "f2"),
        ("f4", 2, "f4"),
        ("f4", np.ones(3, "f4"), "f4"),
        ("f4", np.ones(3), "f8"),
        ("f2", np.ones(3, "f4"), "f4"),
        ("i4", 2.0, "f8"),
    ):
        value, sign = fastce.logsumexp(np.zeros((2, 3), kind), b=b, return_sign=True)
        assert value.dtype == sign.dtype == expected
    assert fastce.logsumexp(np.zeros((2, 3), "f4"), return_sign=True)[1].dtype == np.float32


def test_out_takes_the_value():
    out = np.empty((2, 1))
    value, sign = fastce.logsumexp(np.zeros((2, 3)), b=-1, keepdims=True, return_sign=True, out=out)
    assert value is out
    np.testing.assert_allclose(out, np.log(3))
    np.testing.assert_array_equal(sign, [[-1.0], [-1.0]])
    assert fastce.logsumexp(np.zeros(3), b=np.ones((2, 1)))[1] == pytest.approx(np.log(3))


@pytest.mark.parametrize(
    ("b", "error"),
    [([1j], TypeError), ("b", TypeError), (np.ones(4), ValueError), ([[1], [1, 2]], ValueError)],
)
def test_factors_are_checked(b, error):
    with pytest.raises(error, match=r"^b must"):
        fastce.logsumexp(np.zeros((2, 3)), b=b)


def test_factors_and_chosen_elements():
    x, b, mask = [1.0, NAN, 2.0, 3.0], [1.0, INF, -1.0, 5.0], [True, False, True, False]
    found = fastce.logsumexp(x, b=b, where=mask, return_sign=True)
    expected = fastce.logsumexp([1.0, 2.0], b=[1.0, -1.0], return_sign=True)
    np.testing.assert_allclose(found, expected, rtol=1e-15)
