"""The preconditioner that the shape of X calls for: positive always, renewed where that pays."""

import numpy as np
import pytest
from problems import objective_of, packed, unbalanced
from scipy import sparse
from scipy.special import expit, softmax

from fastce._linear import factors, preconditioner
from fastce._linear.loss import LinearLoss


@pytest.mark.parametrize("penalty", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_positive_with_columns_that_are_constant_zero_or_equal(rng, penalty, refresh, n_classes):
    X, y = unbalanced(rng, n_classes=n_classes)
    X = np.hstack([X, np.zeros((400, 1)), np.full((400, 1), 0.1), X[:, :1], X[:, 1:2] + X[:, 2:3]])
    objective = objective_of(X, y, n_classes, penalty=penalty)
    if refresh:
        assert objective.refresh(objective.start())
    for _ in range(20):
        vector = rng.normal(size=objective.size)
        result = objective.precondition(vector)
        assert np.all(np.isfinite(result))
        assert vector @ result >= -1e-12 * np.abs(vector) @ np.abs(result)


def test_wide_or_thinly_filled_columns_get_a_diagonal(rng):
    X = sparse.random(300, 500, density=0.02, random_state=0, format="csr")
    objective = objective_of(X, np.arange(300) % 3, 3, penalty=1e-3)
    assert isinstance(objective._preconditioner.current, factors.Diagonal)
    vector = rng.normal(size=objective.size)
    assert vector @ objective.precondition(vector) > 0.0


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["csr", "dense"])
def test_a_refreshed_diagonal_is_made_of_the_curvatures_at_the_point(
    rng, n_classes, weighted, fit_intercept, kind, monkeypatch
):
    dense = sparse.random(300, 500, density=0.05, random_state=0).toarray()
    monkeypatch.setattr(preconditioner, "_MAX_COLUMNS", 100)
    X = sparse.csr_matrix(dense) if kind == "csr" else dense
    weights = rng.random(300) if weighted else np.ones(1)
    weights /= np.broadcast_to(weights, 300).sum()
    objective = LinearLoss(
        X,
        np.arange(300) % n_classes,
        n_classes,
        weights=weights,
        penalty=0.01,
        fit_intercept=fit_intercept,
    )
    K = objective.n_outputs
    coef, intercept = (
        2.0 * rng.normal(size=(K, 500)),
        rng.normal(size=K) if fit_intercept else np.zeros(K),
    )
    assert objective.refresh(packed(objective, coef, intercept if fit_intercept else intercept[:0]))
    logits = dense @ coef.T + intercept
    p = expit(logits) if K == 1 else softmax(logits, axis=1)
    curvatures = np.broadcast_to(weights, 300)[:, np.newaxis] * p * (1.0 - p)
    rows, inverse = curvatures.mean(axis=1), objective._preconditioner.current
    mean = rows @ dense / rows.sum() * fit_intercept
    diagonal = rows @ dense**2 - rows.sum() * mean**2 + 0.01
    np.testing.assert_allclose(inverse.masses, curvatures.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(inverse.mean, mean, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(inverse.diagonal, np.sqrt(diagonal * np.median(diagonal)), rtol=1e-9)


@pytest.mark.parametrize(("intercept", "is_there"), [(25.0, True), (1e4, False)])
def test_a_diagonal_is_refreshed_where_rows_hardly_curve_or_left_as_it_is(rng, intercept, is_there):
    X = sparse.random(300, 500, density=0.02, random_state=0, format="csr")
    objective = objective_of(X, np.arange(300) % 2, 2, penalty=1e-3)
    before = objective._preconditioner.current
    assert (
        objective.refresh(packed(objective, np.zeros((1, 500)), np.array([intercept]))) == is_there
    )
    if is_there:  # rows curve alike
        np.testing.assert_allclose(
            objective._preconditioner.current.mean, np.asarray(X.mean(axis=0)).ravel(), rtol=1e-6
        )
    else:
        assert objective._preconditioner.current is before


@pytest.mark.parametrize("near", [False, True])
def test_a_sample_of_rows_keeps_columns_it_has_not_seen(rng, near):
    X, y = unbalanced(rng, n=9000)
    X[:, 0] = 0.0
    X[17, 0] = 1.0
    objective = objective_of(X, y, 4, penalty=0.0)
    assert objective.refresh(objective.start(), near)
    assert np.all(np.isfinite(objective.precondition(rng.normal(size=objective.size))))


def test_a_hessian_that_is_too_large_is_not_factored(rng):
    X = sparse.random(300, 5000, density=0.01, random_state=0, format="csr")
    objective = objective_of(X, np.arange(300) % 3, 3, penalty=1e-3)
    assert objective.exact_cost == np.inf
    assert objective.is_diagonal
    with pytest.raises(ValueError, match="newton-cholesky"):
        objective.factor(objective.start())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_is_kept_of_gram_matrices_is_not_the_slots(rng, n_classes):
    X, target = rng.normal(size=(4000, 60)), rng.integers(0, n_classes, 4000)
    objective = LinearLoss(X, target, n_classes, weights=np.full(1, 1 / 4000), penalty=1e-3)
    gram = objective._preconditioner.gram
    assert gram.base is None or gram.base.nbytes == gram.nbytes
    objective.factor(objective.start())
    factors = objective._preconditioner.current.factors
    while factors.base is not None:
        factors = factors.base
    assert factors.nbytes == 8 * (objective.n_outputs * 61) ** 2


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_condition_of_the_null_model(rng, n_classes, fit_intercept):
    X, y = rng.normal(size=(200, 4)) * [1.0, 1e6, 1e-6, 1.0], np.arange(200) % n_classes
    options = {"fit_intercept": fit_intercept}
    plain = objective_of(X, y, n_classes, penalty=0.0, **options)._preconditioner.condition
    assert 1.0 <= plain < 10.0
    X[:, 3] = X[:, 0] + 1e-4 * X[:, 3]
    condition = objective_of(X, y, n_classes, penalty=0.0, **options)._preconditioner.condition
    correlation = np.corrcoef(X.T) if fit_intercept else X.T @ X
    scale = 1.0 / np.sqrt(correlation.diagonal())
    expected = np.linalg.cond(correlation * scale * scale[:, np.newaxis], 1)
    np.testing.assert_allclose(condition, expected, rtol=0.5)
    X[:, 3] = 2.0 * X[:, 0]
    for penalty, least, most in ((0.0, 1e12, np.inf), (1.0, 1.0, 100.0)):
        objective = objective_of(X, y, n_classes, penalty=penalty, **options)
        assert least <= objective._preconditioner.condition <= most


def test_a_constant_column_does_not_count_as_ill_conditioned(rng):
    X = np.column_stack([rng.normal(size=200), np.full(200, 0.1)])
    for penalty in (0.0, 1.0):
        assert objective_of(X, np.arange(200) % 2, 2, penalty=penalty).condition < 10.0


@pytest.mark.parametrize(("offset", "least"), [(1e4, 1.0), (1e9, 1e5)])
def test_an_offset_counts_where_rounding_of_the_gradient_does(rng, offset, least):
    X = offset + rng.normal(size=(200, 2))
    condition = objective_of(X, np.arange(200) % 2, 2, penalty=0.0).condition
    assert least <= condition < 100.0 * least


def test_a_diagonal_knows_no_condition():
    X = sparse.random(300, 500, density=0.02, random_state=0, format="csr")
    assert np.isnan(objective_of(X, np.arange(300) % 3, 3, penalty=1e-3).condition)
