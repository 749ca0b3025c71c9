"""The elementary functions that kernels are made of: at most 1 ULP, and right at the edges."""

import math
import os

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastce import _math
from fastce._jit import kernel

EVERY = os.environ.get("FASTCE_EVERY_FLOAT32") == "1"  # try all 2^32 float32 numbers, some minutes
LONG = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant


@kernel
def map_exp(x, out):
    for i in range(x.size):
        out[i] = _math.exp(x[i])


@kernel
def map_log1p(x, out):
    for i in range(x.size):
        out[i] = _math.log1p(x[i])


@kernel
def map_larger(x, y, out):
    for i in range(x.size):
        out[i] = _math.larger(x[i], y[i])


def mapped(function, x):
    """Apply a kernel to a whole array, with one more pass over single elements so that the scalar code is tried too."""
    out = np.empty_like(x)
    function(x, out)
    alone = np.empty_like(x[:64])
    for i in range(alone.size):
        function(x[i : i + 1], alone[i : i + 1])
    assert_array_equal(alone, out[:64])
    return out


def ulps(got, exact):
    """Largest error in units of the last place of the exact value, which is given in more digits."""
    rounded = np.minimum(np.abs(exact), np.finfo(got.dtype).max).astype(got.dtype)
    return float(np.max(np.abs(got.astype(exact.dtype) - exact) / np.spacing(rounded).astype(exact.dtype)))


def precise(function, x):
    """Return function(x) in long double, or through mpmath where long double is double."""
    if LONG:
        return getattr(np, function)(x.astype(np.longdouble))
    with mpmath.workdps(40):
        return np.array([float(getattr(mpmath, function)(mpmath.mpf(float(v)))) for v in x])


def float32_numbers():
    """Yield float32 numbers by their bits: all of them when asked, else one in 509 (a prime, so every exponent and many mantissas)."""
    step = 1 if EVERY else 509
    for start in range(0, 2**32, 2**26):
        yield np.arange(start, start + 2**26, step, dtype=np.uint32).view(np.float32)


def test_exp_of_float32_numbers():
    """At most 1 ULP on every float32; NaN stays NaN; no other input gives NaN."""
    with np.errstate(all="ignore"):
        for x in float32_numbers():
            got = mapped(map_exp, x)
            exact = np.exp(x.astype(np.float64))
            assert_array_equal(np.isnan(got), np.isnan(x))
            fits = exact <= np.finfo(np.float32).max
            assert_array_equal(got[(x > 0) & ~fits], np.inf)
            if fits.any():
                assert ulps(got[fits], exact[fits]) <= 1


def test_log1p_of_float32_numbers():
    with np.errstate(all="ignore"):
        for x in float32_numbers():
            x = x[(x >= 0) & (x < 2.0**100)]
            if x.size:
                assert ulps(mapped(map_log1p, x), np.log1p(x.astype(np.float64))) <= 1


def test_exp_of_float64_numbers(rng):
    n = 1_000_000 if LONG else 3_000
    for low, high in [(-745.1, 709.78), (-1, 1), (-40, 0), (-745.1, -708)]:
        x = rng.uniform(low, high, n)
        assert ulps(mapped(map_exp, x), precise("exp", x)) <= 1


def test_log1p_of_float64_numbers(rng):
    n = 1_000_000 if LONG else 3_000
    for x in (rng.uniform(0, 1, n), np.exp(rng.uniform(-700, 69, n)), rng.uniform(0.49, 0.51, n), rng.uniform(1, 1e6, n)):
        assert ulps(mapped(map_log1p, x), precise("log1p", x)) <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges(dtype):
    tiny, big, least = np.finfo(dtype).tiny, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    x = np.array([0, -0.0, -np.inf, np.inf, np.nan, -big, big, tiny, -tiny, least, 1e-20], dtype)
    assert_array_equal(mapped(map_exp, x), np.array([1, 1, 0, np.inf, np.nan, 0, np.inf, 1, 1, 1, 1], dtype))
    x = np.array([0, np.nan, tiny, least], dtype)
    assert_array_equal(mapped(map_log1p, x), x)
    assert mapped(map_log1p, np.ones(1, dtype))[0] == dtype(math.log(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_larger(dtype):
    x = np.array([1, 2, np.nan, 1, -np.inf, np.inf, np.nan], dtype)
    y = np.array([2, 1, 1, np.nan, -5, np.nan, np.nan], dtype)
    out = np.empty_like(x)
    map_larger(x, y, out)
    assert_array_equal(out, np.array([2, 2, 1, 1, -5, np.inf, np.nan], dtype))
    assert_array_equal([_math.larger(a, b) for a, b in zip(x, y, strict=True)], out)


def test_plain_python_calls_agree(rng):
    for dtype in (np.float32, np.float64):
        x = rng.uniform(0, 1, 20).astype(dtype)
        assert_array_equal([_math.exp(v) for v in x], mapped(map_exp, x))
        assert_array_equal([_math.log1p(v) for v in x], mapped(map_log1p, x))
