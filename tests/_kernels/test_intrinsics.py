"""The C functions as Numba code calls them, against the reference, on blocks of every size."""

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose, assert_array_equal
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


@kernel
def cross_entropy_rows(x, labels, target_weight, factor, values, grad, hess):
    return _math.cross_entropy_rows(x, labels, target_weight, factor, values, grad, hess)


def evaluated(x, labels, weight=(1.0,), factor=1.0, values=True, grad=True, hess=True):
    """Return the sum, values, gradient and Hessian diagonal; what is not wanted has no entries."""
    made = (
        np.full(len(x) if values else 0, np.nan),
        np.full(x.shape if grad else (0, 0), np.nan, x.dtype),
        np.full(x.shape if hess else (0, 0), np.nan, x.dtype),
    )
    weight = np.array(weight, np.float64)
    return cross_entropy_rows(x, labels, weight, factor, *made), *made


# every form: few classes, rows of some vectors, many classes; whole and partly filled groups
CLASSES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33, 48, 60, 61, 64, 65, 100, 300]


@DTYPES
@pytest.mark.parametrize("n_classes", CLASSES)
@pytest.mark.parametrize("n", [1, 15, 33, 130])
def test_cross_entropy_of_rows(n, n_classes, dtype, rng):
    x = (3 * rng.standard_normal((n, n_classes))).astype(dtype)
    x[::3] = x[::3].round()  # ties
    labels = rng.integers(0, n_classes, n)
    exact = reference.cross_entropy(x, labels)
    want, want_grad, want_hess = exact.reduced("none")
    eps = np.finfo(dtype).eps
    total, values, grad, hess = evaluated(x, labels)
    assert_allclose(values, want.astype(np.float64), rtol=20 * eps, atol=0)
    # a part of the reference's own digits is lost where p is near 1
    assert_allclose(grad, want_grad.astype(np.float64), rtol=60 * eps, atol=1e-17)
    assert_allclose(hess, want_hess.astype(np.float64), rtol=60 * eps, atol=1e-17)
    for plain in (False, True):
        again = evaluated(x, labels, values=False, grad=plain, hess=False)
        assert_allclose(again[0], float(want.sum()), rtol=8 * eps, atol=0)
        assert_array_equal(again[2], grad if plain else np.empty((0, 0)))
    assert_allclose(total, float(want.sum()), rtol=8 * eps, atol=0)


@DTYPES
@pytest.mark.parametrize("n_classes", CLASSES)
def test_a_row_has_the_same_bits_wherever_it_stands(n_classes, dtype, rng):
    x = (3 * rng.standard_normal((40, n_classes))).astype(dtype)
    labels = rng.integers(0, n_classes, 40)
    whole = evaluated(x, labels)
    for i in (0, 16, 39):
        alone = evaluated(x[i : i + 1].copy(), labels[i : i + 1].copy())
        for got, want in zip(alone[1:], whole[1:], strict=True):
            assert_array_equal(got[0], want[i])
    own = x.copy()
    cross_entropy_rows(own, labels, np.ones(1), 1.0, np.empty(0), own, np.empty((0, 0), dtype))
    assert_array_equal(own, whole[2])


@DTYPES
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_classes", CLASSES)
def test_rows_of_weight_zero_are_not_read(n_classes, poison, dtype, rng):
    x = (3 * rng.standard_normal((37, n_classes))).astype(dtype)
    labels, weight = rng.integers(0, n_classes, 37), rng.random(37)
    weight[[3, 17, 36]] = 0
    expected = evaluated(x, labels, weight, 0.5)
    each = evaluated(x, labels)
    assert_allclose(expected[1], weight * 0.5 * each[1], rtol=1e-14)
    scale = (weight * 0.5)[:, None]
    assert_allclose(expected[2], scale * each[2], rtol=8 * np.finfo(dtype).eps)
    x[[3, 17, 36]], labels[[3, 17, 36]] = poison, [2**40, -(2**40), n_classes]
    got = evaluated(x, labels, weight, 0.5)
    for one, other in zip(got, expected, strict=True):
        assert_array_equal(one, other)
    assert not got[2][[3, 17, 36]].any()
    none = evaluated(x, labels, [0.0])
    assert none[0] == 0
    assert not any(array.any() for array in none[1:])


@DTYPES
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_classes", CLASSES)
def test_rows_that_are_not_finite_spoil_no_others(n_classes, poison, dtype, rng):
    x = (3 * rng.standard_normal((37, n_classes))).astype(dtype)
    labels = rng.integers(0, n_classes, 37)
    expected = evaluated(x, labels)
    x[20] = poison
    total, *arrays = evaluated(x, labels)
    others = np.arange(37) != 20
    assert np.isnan(total)
    assert np.isnan(evaluated(x, labels, values=False)[0])
    for got, want in zip(arrays, expected[1:], strict=True):
        assert np.isnan(got[20]).all()
        assert_array_equal(got[others], want[others])


@kernel
def binary_cross_entropy_flat(x, target, positive, negative, factor, ignore, values, grad, hess):
    return _math.binary_cross_entropy_flat(
        x, target, positive, negative, factor, ignore, values, grad, hess
    )


@DTYPES
@pytest.mark.parametrize("n", [0, 1, 15, 64, 127, 128, 129, 1000])
def test_binary_cross_entropy_of_elements(n, dtype, rng):
    x, t = (8 * rng.standard_normal(n)).astype(dtype), rng.integers(0, 2, n).astype(dtype)
    weight, eps, one = np.full(n, 1, dtype), np.finfo(dtype).eps, dtype(1)
    values, grad, hess = np.full((3, n), np.nan, dtype)
    none = np.empty(0, dtype)
    total = binary_cross_entropy_flat(x, t, None, None, one, None, values, grad, hess)
    e, wrong = np.exp(-abs(x.astype(np.longdouble))), (x > 0) == (t == 0)
    want = np.log1p(e) + np.where(wrong, abs(x), 0)
    slope = np.where(t == 0, 1, -1) * np.where(wrong, 1, e) / (1 + e)
    assert (in_eps(values, want) <= 4).all()
    assert (in_eps(grad, slope) <= 4).all()
    assert (in_eps(hess, e / (1 + e) ** 2) <= 6).all()
    for p in (None, weight):
        again, ignore = np.full(n, np.nan, dtype), None if p is None else dtype(7)
        sums = (
            binary_cross_entropy_flat(x, t, p, p, one, ignore, none, again, none),
            binary_cross_entropy_flat(x, t, p, p, one, ignore, none, none, none),
        )
        assert sums[0] == sums[1]
        assert_array_equal(again, grad)
        assert_allclose(sums[0], float(want.sum()), rtol=4 * eps)
    assert_allclose(total, float(want.sum()), rtol=4 * eps)


@DTYPES
def test_sums_of_huge_logits_do_not_overflow(dtype):
    x, none = np.full(300, np.finfo(dtype).max / 400, dtype), np.empty(0, dtype)
    t = np.zeros_like(x)
    total = binary_cross_entropy_flat(x, t, None, None, dtype(1), None, none, none, none)
    assert_allclose(total, np.float64(x[0]) * 300, rtol=1e-6)


@kernel
def probability_rows(x, target, weight, factor, class_weight, smoothing, values, grad):
    return _math.probability_rows(x, target, weight, factor, class_weight, smoothing, values, grad)


@DTYPES
@pytest.mark.parametrize("options", [False, True])
@pytest.mark.parametrize("n_classes", range(1, _math.MAX_SOFT_CLASSES + 1))
@pytest.mark.parametrize("n", [1, 15, 33])
def test_cross_entropy_of_probabilities(n, n_classes, options, dtype, rng):
    x = (3 * rng.standard_normal((n, n_classes))).astype(dtype)
    x[::3] = x[::3].round()
    q = rng.dirichlet(np.full(n_classes, 0.3), n).astype(dtype)
    eps, none = np.finfo(dtype).eps, np.empty(0)
    weight, class_weight, smoothing = np.ones(1), none, none
    if options:
        weight, class_weight = rng.random(n), rng.random(n_classes)
        smoothing, weight[n // 2] = rng.random(n_classes) / 10, 0
    c = q * (class_weight if options else 1.0) + (smoothing if options else 0.0)
    exact = reference.cross_entropy(x, c)
    want, want_grad, _ = exact.reduced("none")
    want, want_grad = weight * want, weight[:, None] * want_grad
    values, grad = np.full(n, np.nan), np.full_like(x, np.nan)
    if options:
        x[n // 2] = np.nan
    total = probability_rows(x, q, weight, 1.0, class_weight, smoothing, values, grad)
    assert_allclose(values, want.astype(np.float64), rtol=20 * eps, atol=0)
    assert_allclose(grad, want_grad.astype(np.float64), rtol=60 * eps, atol=2 * eps)
    assert_allclose(total, float(want.sum()), rtol=10 * eps, atol=0)
    again = probability_rows(x, q, weight, 1.0, class_weight, smoothing, none, x)
    assert_allclose(again, total, rtol=1e-14)
    assert_array_equal(x, grad)
    last = probability_rows(x[:0], q[:0], np.ones(1), 1.0, class_weight, smoothing, none, x[:0])
    assert last == 0


@kernel
def cross_entropy_general_rows(
    x, target, target_weight, sample_weight, factor, class_weight, smoothing, values, grad
):
    return _math.cross_entropy_general_rows(
        x, target, target_weight, sample_weight, factor, class_weight, smoothing, values, grad
    )


def general_case(kind, n, n_classes, dtype, rng):
    """Return target, both weights of rows, class weights, smoothing, and the coefficients."""
    none, one, rows = np.empty(0), np.ones(1), rng.random(n) + 0.1
    even, uneven = np.full(n_classes, 0.1 / n_classes), rng.random(n_classes) / n_classes
    if kind.startswith("labels"):
        y = rng.integers(0, n_classes, n)
        weights, smoothing = (one, one), even
        if kind == "labels, weights":
            weights, smoothing = (0.9 * rows * rng.random(n), rows), uneven
        c = weights[1][:, None] * smoothing + np.zeros((n, 1))
        c[np.arange(n), y] += weights[0]
        return y, *weights, none, smoothing, c
    q = rng.dirichlet(np.full(n_classes, 0.3), n).astype(dtype)
    if kind == "probabilities":
        return q, one, one, none, none, q.astype(np.float64)
    if kind == "probabilities, smoothing":
        class_weight, smoothing = np.full(n_classes, 0.9), even
    else:
        class_weight, smoothing = uneven, uneven[::-1].copy()
    return q, rows, rows, class_weight, smoothing, rows[:, None] * (q * class_weight + smoothing)


KINDS = pytest.mark.parametrize(
    "kind",
    [
        "labels",
        "labels, weights",
        "probabilities",
        "probabilities, smoothing",
        "probabilities, weights",
    ],
)


@DTYPES
@KINDS
@pytest.mark.parametrize("n_classes", [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 60, 61, 64, 100, 1000])
def test_cross_entropy_of_coefficients(n_classes, kind, dtype, rng):
    for n in (1, 15, 16, 67):
        x = (3 * rng.standard_normal((n, n_classes))).astype(dtype)
        x[::3] = x[::3].round()
        x[n // 2, 0] = 40
        case = general_case(kind, n, n_classes, dtype, rng)
        target, weight, sample_weight, class_weight, smoothing, c = case
        options = weight, sample_weight, 1.0, class_weight, smoothing
        want, want_grad, _ = reference.cross_entropy(x, c).reduced("none")
        values, grad = np.full(n, np.nan), np.full_like(x, np.nan)
        eps, none = np.finfo(dtype).eps, np.empty(0)
        total = cross_entropy_general_rows(x, target, *options, values, grad)
        assert_allclose(values, want.astype(np.float64), rtol=16 * eps, atol=0)
        error = np.abs(grad - want_grad) / (np.abs(want_grad) + c + np.finfo(dtype).tiny)
        assert error.max() < 16 * eps
        assert_allclose(total, float(want.sum()), rtol=16 * eps, atol=0)
        without = cross_entropy_general_rows(x, target, *options, none, x[:0])
        assert_allclose(without, total, rtol=2 * eps, atol=0)
        again = cross_entropy_general_rows(x, target, *options, none, x)
        assert again == without
        assert_array_equal(x, grad)


@DTYPES
@KINDS
@pytest.mark.parametrize("n_classes", [2, 3, 8, 11, 60, 61, 150])
def test_coefficients_of_rows_that_are_not_finite(n_classes, kind, dtype, rng):
    """Rows that vectors leave to double: masked classes, NaN, infinity, huge, weights of 0."""
    n, largest = 40, np.finfo(dtype).max
    x = rng.standard_normal((n, n_classes)).astype(dtype)
    case = general_case(kind, n, n_classes, dtype, rng)
    target, weight, sample_weight, class_weight, smoothing, c = case
    kept = np.ones(n, bool)
    clean_options = weight, sample_weight, 1.0, class_weight, smoothing
    clean, clean_grad = np.empty(n), np.empty_like(x)
    cross_entropy_general_rows(x, target, *clean_options, clean, clean_grad)
    weight, sample_weight = (np.resize(w, n) for w in (weight, sample_weight))
    weight[20] = sample_weight[20] = 0.0
    x[[3, 20], 0], x[5, 1], x[7], kept[[3, 5, 7, 9, 11, 20]] = np.nan, np.inf, -np.inf, False
    x[9, :2] = -largest, largest
    x[11, 0] = -np.inf
    if target.ndim == 1:
        target[[9, 11]] = 1
        target[20] = -100
    else:
        target[[9, 11], 0] = 0
    options = weight, sample_weight, 1.0, class_weight, smoothing
    values, grad = np.full(n, np.nan), np.full_like(x, np.nan)
    cross_entropy_general_rows(x, target, *options, values, grad)
    assert_array_equal(values[kept], clean[kept])
    assert_array_equal(grad[kept], clean_grad[kept])
    assert np.isnan(values[[3, 5, 7]]).all()
    assert np.isnan(grad[[3, 5, 7]]).all()
    assert values[20] == 0
    assert not grad[20].any()
    # the share of the masked class goes to the others
    shared = np.zeros(n_classes)
    if smoothing.size:
        shared[1:] = smoothing[1:] * (n_classes / (n_classes - 1))
    if target.ndim == 1:
        c = sample_weight[11] * shared
        c[1] += weight[11]
    else:
        c = weight[11] * (target[11] * (class_weight if class_weight.size else 1.0) + shared)
    want, want_grad, _ = reference.cross_entropy(x[11:12, 1:], c[None, 1:]).reduced("none")
    eps = np.finfo(dtype).eps
    assert_allclose(values[11], float(want[0]), rtol=16 * eps)
    assert_allclose(grad[11, 1:], want_grad[0].astype(np.float64), rtol=1e3 * eps, atol=4 * eps)
    assert grad[11, 0] == 0
    if dtype == np.float32 and smoothing.size:
        c = sample_weight[9] * smoothing
        c = c * (1 if target.ndim == 1 else weight[9] / sample_weight[9])
        gaps = c * (np.float64(largest) - x[9].astype(np.float64))
        if target.ndim == 2:
            q = target[9] * class_weight * weight[9]
            gaps += q * (np.float64(largest) - x[9].astype(np.float64))
        assert_allclose(values[9], gaps.sum(), rtol=1e-6)
        assert np.isfinite(grad[9]).all()
    again = np.empty_like(x)
    cross_entropy_general_rows(x, target, *options, np.empty(0), again)
    assert_array_equal(again, grad)
    cross_entropy_general_rows(x, target, *options, np.empty(0), x)
    assert_array_equal(x, grad)


@DTYPES
@KINDS
@pytest.mark.parametrize("n_classes", [2, 5, 20, 70])
def test_coefficients_of_a_row_anywhere(n_classes, kind, dtype, rng):
    """A row's bits depend neither on its place nor on its neighbours."""
    n = 70
    x = rng.standard_normal((n, n_classes)).astype(dtype)
    target, weight, sample_weight, *shared, _ = general_case(kind, n, n_classes, dtype, rng)
    values, grad = np.empty(n), np.empty_like(x)
    cross_entropy_general_rows(x, target, weight, sample_weight, 1.0, *shared, values, grad)
    for start in (1, 7, 33, n - 1):
        weights = (w[start:] if w.size > 1 else w for w in (weight, sample_weight))
        some, some_grad = np.empty(n - start), np.empty_like(x[start:])
        cross_entropy_general_rows(
            x[start:], target[start:], *weights, 1.0, *shared, some, some_grad
        )
        assert_array_equal(some, values[start:])
        assert_array_equal(some_grad, grad[start:])
