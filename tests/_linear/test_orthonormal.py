"""Columns made orthonormal: what they span, and the way there and back."""

import numpy as np
import pytest
from scipy import sparse

from fastce._core.design import as_design
from fastce._linear import orthonormal
from fastce._linear.orthonormal import OrthonormalColumns, fits


def columns_of(X, weights=None, penalty=0.0, centre=True):
    weights = np.full(1, 1.0 / X.shape[0]) if weights is None else weights / weights.sum()
    return OrthonormalColumns(as_design(X), weights, penalty, centre=centre)


@pytest.mark.parametrize("kind", [np.asarray, np.float32, sparse.csr_matrix])
@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_with_the_penalty_they_are_orthonormal(rng, kind, centre, weighted, penalty):
    X = kind(rng.normal(size=(40, 4)) * 2.0 ** rng.integers(-3, 4, 4))
    weights = rng.random(40) * (rng.random(40) < 0.8) if weighted else None
    own = columns_of(X, weights, penalty, centre)
    square = own.Z.T @ (own.weights[:, np.newaxis] * own.Z) + penalty * own.T.T @ own.T
    np.testing.assert_allclose(square, np.eye(4), atol=1e-6 if kind is np.float32 else 1e-12)
    dense = np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=float)
    rows = own.weights > 0.0
    np.testing.assert_allclose(own.Z[rows], ((dense - own.mean) @ own.T)[rows], atol=1e-6)
    if centre:
        np.testing.assert_allclose(own.weights @ own.Z, 0.0, atol=1e-12)
    assert not own.Z[~rows].any()


@pytest.mark.parametrize("power", [-10, -30, -44])
@pytest.mark.parametrize("unit", [1.0, 2.0**60, 2.0**-60])
def test_columns_that_all_but_repeat_keep_their_difference(rng, power, unit):
    k, j = rng.integers(-8, 9, (2, 50)).astype(float)
    own = columns_of(unit * np.column_stack([k, k + j * 2.0**power]))
    assert own.rank == 2
    assert own.has_all
    square = own.Z.T @ own.Z / 50
    np.testing.assert_allclose(square, np.eye(2), atol=1e-16 * 2.0 ** (8 - power) + 1e-12)
    # they span what k and j span
    basis = np.column_stack([k - k.mean(), j - j.mean()])
    rest = own.Z - basis @ np.linalg.lstsq(basis, own.Z, rcond=None)[0]
    assert np.abs(rest).max() < 1e-10


@pytest.mark.parametrize("centre", [True, False])
def test_whether_columns_depend_on_others_exactly(rng, centre):
    B = rng.integers(-8, 9, (50, 2)).astype(float)
    combined = np.column_stack([B, B[:, 0] - 3 * B[:, 1]]) * [1.0, 2.0**40, 2.0**-30]
    own = columns_of(combined, centre=centre)
    assert own.rank == 2
    assert own.has_all
    combined[7, 0] = np.nextafter(combined[7, 0], np.inf)
    other = columns_of(combined, centre=centre)
    assert other.rank == 2
    assert not other.has_all
    dummies = columns_of(1e12 * np.eye(5)[np.arange(50) % 5], centre=centre)
    assert dummies.rank == 5 - centre
    assert dummies.has_all


def test_a_constant_column_is_none_beside_an_intercept(rng):
    X = np.column_stack([rng.normal(size=30), np.full(30, 0.1)])
    assert columns_of(X).rank == 1
    assert columns_of(X, centre=False).rank == 2


@pytest.mark.parametrize("centre", [True, False])
def test_coefficients_there_and_back(rng, centre):
    X = rng.normal(size=(40, 4)) * 10.0 ** rng.integers(-3, 4, 4) + 100.0 * centre
    own = columns_of(X, centre=centre)
    coef, intercept = rng.normal(size=(3, 4)), rng.normal(size=3) * centre
    for_X = own.expand(coef, intercept)
    np.testing.assert_allclose(own.logits(*for_X), own.Z @ coef.T + intercept, rtol=1e-9, atol=1e-9)
    back, back_intercept = own.reduce(*for_X)
    np.testing.assert_allclose(back, coef, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(back_intercept, intercept, rtol=1e-6, atol=1e-6)


def test_what_is_too_large_is_left_alone(monkeypatch):
    assert fits(as_design(np.zeros((1000, 50))))
    many = as_design(np.broadcast_to(0.0, (1 << 20, 60)))
    assert not fits(many)
    # what a fit has cost already
    assert fits(many, 1e10)
    assert not fits(as_design(np.broadcast_to(0.0, (10, 3000))))
    monkeypatch.setattr(orthonormal, "_MAX_PRODUCTS", 1e4)
    assert not fits(as_design(np.zeros((1000, 50))))


def test_without_exact_products_it_is_the_same_but_for_rounding(rng, monkeypatch):
    X = rng.normal(size=(40, 3))
    X[:, 2] = X[:, 1] + 1e-10 * X[:, 2]
    exact = columns_of(X)
    monkeypatch.setattr(orthonormal, "_EXACT_COST", np.inf)
    plain = columns_of(X)
    np.testing.assert_allclose(plain.Z, exact.Z, atol=1e-4)
    assert np.abs(plain.Z - exact.Z).max() > 0.0


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("centre", [True, False])
def test_blocks_of_rows_give_the_same_columns(rng, kind, centre, monkeypatch):
    X = rng.normal(size=(100, 4)) * 2.0 ** rng.integers(-3, 4, 4) + centre
    X[:, 3] = X[:, 0] * 2.0 + X[:, 1] * 2.0**-20
    weights = rng.random(100) * (rng.random(100) < 0.8)
    weights /= weights.sum()
    whole, parts = as_design(kind(X)), []
    for rows_a_column, numbers in ((2, 1), (2, 100), (50, 1)):
        monkeypatch.setattr(orthonormal, "_ROWS_A_COLUMN", rows_a_column)
        monkeypatch.setattr(orthonormal, "_BLOCK_NUMBERS", numbers)
        parts.append(orthonormal.OrthonormalColumns(whole, weights, 1e-3, centre=centre))
    for own in parts:
        assert len(list(own.slices())) == (1 if own is parts[-1] else 4 if own is parts[1] else 13)
        assert own.rank == parts[-1].rank
        np.testing.assert_allclose(np.abs(own.Z), np.abs(parts[-1].Z), rtol=1e-7, atol=1e-9)
        gram = own.Z.T @ (own.Z * weights[:, np.newaxis]) + 1e-3 * own.T.T @ own.T
        np.testing.assert_allclose(gram, np.eye(own.rank), atol=1e-7)
        assert own.has_all


@pytest.mark.parametrize(("outlier", "expected"), [(1e10, False), (1e20, True)])
def test_a_number_that_hides_all_others(rng, outlier, expected):
    X = rng.normal(size=(40, 2))
    X[3, 1] = outlier
    assert columns_of(X).hides_rows == expected


@pytest.mark.parametrize("centre", [True, False])
def test_a_step_moves_logits_as_the_columns_say(rng, centre):
    X = 2.0**20 * rng.normal(size=(30, 4)) + 2.0**22
    columns = OrthonormalColumns(as_design(X), np.full(1, 1 / 30), 0.0, centre=centre)
    coef, intercept = rng.normal(size=(2, 4)), rng.normal(size=2)
    step = rng.normal(size=(4 + centre, 2))
    moved = columns.moved(coef, intercept, step)
    change = columns.logits(*moved) - columns.logits(coef, intercept)
    np.testing.assert_allclose(change, columns.basis @ step, atol=1e-8)
