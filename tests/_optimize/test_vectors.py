"""Operations on vectors, short and long: against NumPy; the same bits by any number of threads."""

import numpy as np
import pytest

from fastce._core import threads
from fastce._optimize import vectors

SIZES = [10, vectors._LONG - 1, vectors._LONG, 200_003]


def test_long_vectors_are_as_short_ones(rng):
    for size in (10, 200_003):
        rows, factors, vector = (
            rng.normal(size=(3, size)),
            rng.normal(size=3),
            rng.normal(size=size),
        )
        np.testing.assert_allclose(vectors.gemv(rows, vector), rows @ vector, rtol=1e-9, atol=1e-9)
        expected = vector + factors @ rows
        np.testing.assert_allclose(
            vectors.gemv_transposed(rows, factors, vector, np.empty(size)),
            expected,
            rtol=1e-12,
            atol=1e-12,
        )
        assert vectors.gemv_transposed(rows, factors, vector, vector) is vector
        np.testing.assert_allclose(vector, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_sums_of_vectors_are_those_of_numpy(rng, size):
    x, y = rng.normal(size=(2, size))
    expected = float(np.sum(x.astype(np.longdouble) * y))
    np.testing.assert_allclose(vectors.dot(x, y), expected, rtol=1e-12, atol=1e-13 * size)
    assert vectors.amax(x) == np.abs(x).max()
    np.testing.assert_allclose(vectors.axpy(0.3, x, y), 0.3 * x + y, rtol=1e-12, atol=1e-15)
    rows, factors = rng.normal(size=(3, size)), rng.normal(size=3)
    expected = -2.0 * x + factors @ rows
    np.testing.assert_allclose(
        vectors.gemv_transposed(rows, factors, x, np.empty(size), -2.0),
        expected,
        rtol=1e-12,
        atol=1e-13,
    )
    assert vectors.axpy(0.3, x, y, x) is x
    assert vectors.gemv_transposed(rows, factors, y, y, -2.0) is y
    for bad in (np.inf, -np.inf):
        x[size // 2] = bad
        assert vectors.amax(x) == np.inf
    x[-1] = np.nan
    assert np.isnan(vectors.amax(x))
    assert vectors.amax(x[:0]) == 0.0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("s_unit", "y_unit"),
    [(1.0, 1.0), (1e-200, 1e-190), (1e150, 1e200), (1e-100, 1e100), (0.0, 0.0)],
)
def test_pairs_of_any_size_are_learnt(rng, size, s_unit, y_unit):
    old, new = rng.normal(size=(2, 2, size)) * np.array([s_unit, y_unit])[:, np.newaxis]
    S, Y, changes = vectors.empty_rows(3, size), vectors.empty_rows(3, size), np.empty(size)
    S[:] = rng.normal(size=S.shape)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        products, s_factor, y_factor = vectors.store_pair(tuple(new), tuple(old), S, Y, 1, changes)
        ratio = y_factor / s_factor
        assert np.array_equal(changes, Y[1].astype(float))
        if s_unit == 0.0:
            assert not S[1].any()
            assert not Y[1].any()
            return
        for row, exact in ((S[1], new[0] - old[0]), (Y[1], new[1] - old[1])):
            rtol = 1e-15 if S.dtype == np.float64 else 1e-7
            wide = row.astype(float)
            np.testing.assert_allclose(
                wide * (np.abs(exact).max() / np.abs(wide).max()), exact, rtol=3 * rtol, atol=0.0
            )
        if S.dtype == np.float32:
            # as the pair is rounded, to the last digits of float64
            expected = S.astype(np.longdouble) @ Y[1].astype(np.longdouble)
            np.testing.assert_allclose(products, expected.astype(float), rtol=1e-10)
            scales = [
                np.abs(row).max() / np.abs(exact).max()
                for row, exact in ((S[1], new[0] - old[0]), (Y[1], new[1] - old[1]))
            ]
            np.testing.assert_allclose(ratio, scales[1] / scales[0], rtol=1e-6)
            assert s_unit != 1.0 or ratio == 1.0


@pytest.mark.parametrize("n_threads", [2, 3])
def test_long_vectors_give_equal_bits_for_any_number_of_threads(rng, n_threads, monkeypatch):
    size = 70_001
    x, y, rows = (
        rng.normal(size=size),
        rng.normal(size=size),
        rng.normal(size=(3, size)).astype(np.float32),
    )
    results = []
    for n in (1, min(n_threads, threads._max_threads())):
        monkeypatch.setattr(threads, "_n_threads", n)
        S, Y, changes = rows.copy(), rows.copy(), np.empty(size)
        with threads.parallel_from(0):
            products, *_ = vectors.store_pair((x, y), (y, x), S, Y, 1, changes)
            add = vectors.gemv_transposed(rows, np.arange(3.0), x, np.empty(size), 0.7)
            others = [vectors.gemv(rows, x), vectors.axpy(0.7, x, y), vectors.amax(x)]
        results.append([*others, add, products, S, Y, changes])
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)
