"""Products with twice the digits, and ranks, beside rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from fastce._linear import exact


@pytest.mark.parametrize("offset", [0.0, 1e8, 1e15])
def test_products_are_those_of_rational_numbers_rounded(rng, offset):
    X = offset + rng.normal(size=(20, 5)) * 2.0 ** rng.integers(-40, 40, 5)
    table, start = rng.normal(size=(5, 3)), rng.normal(size=3)
    start -= offset * table.sum(axis=0)  # most of it cancels
    found = exact.product(X, table, start)
    for i, row in enumerate(X.tolist()):
        for k in range(3):
            terms = [Fraction(x) * Fraction(c) for x, c in zip(row, table[:, k], strict=True)]
            expected = float(sum(terms) + Fraction(start[k]))
            size = float(sum(map(abs, terms)))
            assert abs(found[i, k] - expected) <= 2e-16 * abs(expected) + 1e-30 * size


@pytest.mark.parametrize("n", [7, 400])
def test_ranks(rng, n):
    B = rng.integers(-9, 10, (n, 3)).astype(float)
    units = 2.0 ** rng.integers(-60, 61, 5)
    combined = np.column_stack([B, B[:, 0] + B[:, 1], 2 * B[:, 2] - B[:, 0]]) * units
    assert exact.rank(np.array_split(B, 3)) == exact.rank(np.array_split(combined, 3)) == 3
    assert exact.rank([np.column_stack([combined, np.ones(n)])]) == 4
    assert exact.rank([np.zeros((n, 2))]) == 0
    # the last bit of one number
    combined[-1, -1] = np.nextafter(combined[-1, -1], np.inf)
    assert exact.rank(np.array_split(combined, 3)) == 4


def test_units_that_are_powers_of_two_apart_stay_apart():
    for power in range(0, 200):
        X = np.array([[1.0, 1.0], [1.0, 2.0**power], [1.0, 1.0]])
        assert exact.rank(np.array_split(X, 3)) == (1 if power == 0 else 2)


def test_rows_that_a_first_look_misses_count(rng):
    category = np.repeat(np.arange(4), 1000)
    X = np.column_stack([np.eye(4)[category], np.ones(4000)])
    assert exact.rank(np.array_split(X, 3)) == 4
    X[1777, 2] = 0.5
    assert exact.rank(np.array_split(X, 3)) == 5
