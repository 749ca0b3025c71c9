"""The C functions as Numba code calls them, against the reference, on blocks of every size."""

import numpy as np
import pytest
import reference
from numpy.testing import assert_array_equal
from ulp import in_eps, in_ulps

from fastce._core.jit import kernel
from fastce._kernels import intrinsics as _math

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@kernel
def softmax_statistics(x, row_max, rest, logs):
    _math.softmax_statistics(x, row_max, rest, logs)


@kernel
def weighted_softmax(x, weight, out, row_max, rest, logs):
    _math.weighted_softmax(x, weight, out, row_max, rest, logs)


@kernel
def logistic(x, small, large, tail):
    _math.logistic(x, small, large, tail)


@kernel
def exp_nonpositive(x, out):
    _math.exp_nonpositive(x, out)


@DTYPES
@pytest.mark.parametrize("n_classes", [1, 2, 3, 5, 8, 9, 16, 17, 31, 60, 61, 64, 100, 1000])
@pytest.mark.parametrize("n", [1, 7, 16, 33, 64])
def test_rows_are_opened(n, n_classes, dtype, rng):
    x = (3 * rng.standard_normal((n, n_classes))).astype(dtype)
    weight = rng.random(n).astype(dtype)
    weight[n // 2] = 0
    largest, e, rest = reference.softmax_parts(x)
    gap = reference.gap(x)
    row_max, got_rest, logs = np.full((3, n), np.nan, dtype)
    softmax_statistics(x, row_max, got_rest, logs)
    assert_array_equal(row_max, largest[:, 0])
    runner_up = np.sort(gap, axis=1)[:, min(1, n_classes - 1)]
    for got, want in ((got_rest, rest[:, 0]), (logs, np.log1p(rest[:, 0]))):
        assert (abs(got - want) <= (4 + runner_up) * np.finfo(dtype).eps * want).all()
    out, again = np.full_like(x, np.nan), x.copy()
    some = np.full((3, n), np.nan, dtype)
    weighted_softmax(x, weight, out, *some)
    want = weight[:, None] * (e / (1 + rest))
    assert (in_eps(out, want) <= 5 + gap).all()
    assert not out[n // 2].any()
    kept = weight != 0
    assert_array_equal(some[:, kept], np.array([row_max, got_rest, logs])[:, kept])
    # where an entry is the largest, it is exactly weight / (1 + rest): kernels find it by that
    at = np.flatnonzero(kept), x[kept].argmax(axis=1)
    assert_array_equal(out[at], weight[kept] / (1 + got_rest[kept]))
    weighted_softmax(again, weight, again, *some)
    assert_array_equal(again, out)


@DTYPES
@pytest.mark.parametrize("n_classes", [1, 3, 20, 100])
def test_a_row_that_is_not_finite_is_nan_alone(n_classes, dtype, rng):
    x = rng.standard_normal((6, n_classes)).astype(dtype)
    x[1, -1], x[3, 0], x[5] = np.nan, np.inf, -np.inf
    out, (row_max, rest, logs) = np.empty_like(x), np.empty((3, 6), dtype)
    weighted_softmax(x, np.ones(6, dtype), out, row_max, rest, logs)
    for i in range(6):
        assert np.isnan(out[i]).all() == np.isnan(rest[i]) == np.isnan(logs[i]) == bool(i % 2)
    weighted_softmax(x, np.array([1, 0] * 3, dtype), out, row_max, rest, logs)
    assert np.isfinite(out).all()


@DTYPES
@pytest.mark.parametrize("n", [0, 1, 7, 8, 16, 17, 1000])
def test_logistic(n, dtype, rng):
    x = np.concatenate([30 * rng.standard_normal(n), [0, -0.0, np.inf, -np.inf, np.nan]]).astype(
        dtype
    )
    small, large, tail = np.empty((3, x.size), dtype)
    logistic(x, small, large, tail)
    e = np.exp(-abs(x.astype(np.longdouble)))
    normal = e > 2 * np.finfo(dtype).tiny
    for got, want in ((small, e / (1 + e)), (large, 1 / (1 + e)), (tail, np.log1p(e))):
        assert (in_eps(got[normal], want[normal]) <= 3).all()
        assert np.isnan(got[-1])
        assert_array_equal(
            got[-5:-1].astype(np.float64), want[-5:-1].astype(dtype).astype(np.float64)
        )


@DTYPES
def test_exp_is_that_of_the_rows(dtype):
    x = -np.linspace(0, 800, 5003).astype(dtype)
    out = np.empty_like(x)
    exp_nonpositive(x, out)
    want = np.exp(x.astype(np.longdouble))
    assert in_ulps(out, want).max() <= 1
    exp_nonpositive(x, x)
    assert_array_equal(x, out)


@kernel
def log_nonnegative(x, out):
    _math.log_nonnegative(x, out)


@DTYPES
@pytest.mark.parametrize("n", [0, 1, 7, 16, 1000])
def test_log(n, dtype, rng):
    info = np.finfo(dtype)
    some = np.exp(rng.uniform(np.log(info.smallest_subnormal), 0, n))
    x = np.concatenate(
        [some, 1 - rng.random(n) / 100, [1, info.tiny, info.smallest_subnormal, 0, np.nan]]
    ).astype(dtype)
    out = np.empty_like(x)
    log_nonnegative(x, out)
    assert (in_eps(out[:-2], np.log(x[:-2].astype(np.longdouble))) <= 2).all()
    assert out[-2] == -np.inf
    assert np.isnan(out[-1])
    log_nonnegative(x, x)
    assert_array_equal(x, out)


@kernel
def in_halves(x, weight, more, out, turned, row_max, rest, logs):
    _math.softmax_terms(x, weight, out, turned, row_max, rest, logs)
    for i in range(weight.size):
        weight[i] *= more[i]
    _math.normalise_terms(out, weight, rest, turned)


@DTYPES
@pytest.mark.parametrize("n_classes", [1, 3, 10, 60, 61, 200])
@pytest.mark.parametrize("n", [1, 15, 64])
def test_weights_may_change_between_the_halves(n, n_classes, dtype, rng):
    x = rng.standard_normal((n, n_classes)).astype(dtype)
    weight, more = rng.random((2, n)).astype(dtype)
    weight[::4], more[1::5] = 0, 0
    x[::4] = np.nan
    want, out = np.empty_like(x), x.copy()
    results, again = np.full((2, 3, n), np.nan, dtype)
    weighted_softmax(x, weight * more, want, *results)
    in_halves(out, weight.copy(), more, out, np.empty((n_classes, _math.BLOCK_ROWS), dtype), *again)
    assert_array_equal(out, want)
    used = weight * more != 0
    assert_array_equal(again[:, used], results[:, used])
