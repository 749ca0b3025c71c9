"""Inverse Hessians from second moments: exact where they should be, positive always."""

import numpy as np
import pytest
from scipy import sparse

from fastce import _gram
from fastce._linear_loss import LinearLoss


def make(rng, n=400, p=5, n_classes=4):
    X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) * np.logspace(-3, 3, p) + 10.0 * rng.normal(size=p)
    return X, rng.choice(n_classes, n, p=np.arange(1, n_classes + 1) / (n_classes * (n_classes + 1) / 2))


def objective_of(X, y, n_classes, penalty=1e-3, **options):
    return LinearLoss(X, y, n_classes, weights=np.full(1, 1.0 / len(y)), penalty=penalty, **options)


def hessian(objective, theta):
    """By central differences of the gradient, each parameter with a step in its own unit."""
    columns = []
    for j in range(theta.size):
        step = np.zeros(theta.size)
        curvature = 1.0
        for _ in range(3):
            step[j] = 1e-4 / np.sqrt(curvature)
            column = (objective.value_and_grad(theta + step)[1] - objective.value_and_grad(theta - step)[1]) / (2 * step[j])
            curvature = max(column[j], 1e-12)
        columns.append(column)
    return np.array(columns)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_null_model_is_exact_at_the_start(rng, n_classes, fit_intercept, kind):
    X, y = make(rng, n_classes=n_classes)
    if not fit_intercept:
        y = np.arange(len(y)) % n_classes  # without an intercept the start has equal probabilities
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    objective = objective_of(X, y, n_classes, fit_intercept=fit_intercept)
    theta = objective.start()
    matrix = hessian(objective, theta)
    vector = rng.normal(size=theta.size)
    coef, intercept = objective.parts(vector)
    vector = objective.pack(coef, intercept)  # sums of zero over the classes, as differences of gradients have
    back = objective.precondition(matrix @ vector)
    np.testing.assert_allclose(back, vector, rtol=1e-3, atol=1e-3 * np.abs(vector).max())


def test_class_block_is_exact_for_two_classes(rng):
    X, y = make(rng, n_classes=2)
    objective = objective_of(X, y, 2)
    theta = objective.start() + 0.3 / np.maximum(np.abs(np.append(X.max(axis=0), 1.0)), 1.0) * rng.normal(size=6)
    assert objective.refresh(theta)
    vector = rng.normal(size=theta.size)
    back = objective.precondition(hessian(objective, theta) @ vector)
    np.testing.assert_allclose(back, vector, rtol=1e-3, atol=1e-3 * np.abs(vector).max())


@pytest.mark.parametrize("penalty", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_positive_with_columns_that_are_constant_zero_or_equal(rng, penalty, refresh, n_classes):
    X, y = make(rng, n_classes=n_classes)
    X = np.hstack([X, np.zeros((400, 1)), np.full((400, 1), 0.1), X[:, :1], X[:, 1:2] + X[:, 2:3]])
    objective = objective_of(X, y, n_classes, penalty)
    if refresh:
        assert objective.refresh(objective.start())
    for _ in range(20):
        vector = rng.normal(size=objective.size)
        result = objective.precondition(vector)
        assert np.all(np.isfinite(result))
        assert vector @ result >= -1e-12 * np.abs(vector) @ np.abs(result)


def test_units_of_columns_do_not_matter(rng):
    X, y = make(rng)
    units = np.array([1e-6, 1.0, 1e3, 1e9, 1e-2])
    plain, scaled = objective_of(X, y, 4, 0.0), objective_of(X * units, y, 4, 0.0)
    grad = rng.normal(size=(4, 6))
    grad_scaled = grad.copy()
    grad_scaled[:, :5] *= units
    step, step_scaled = plain.precondition(grad.ravel()).reshape(4, 6), scaled.precondition(grad_scaled.ravel()).reshape(4, 6)
    np.testing.assert_allclose(step_scaled[:, :5] * units, step[:, :5], rtol=1e-6, atol=1e-9 * np.abs(step).max())


def test_wide_or_thinly_filled_columns_get_a_diagonal(rng):
    X = sparse.random(300, 50, density=0.02, random_state=0, format="csr")
    objective = objective_of(X, np.arange(300) % 3, 3)
    assert isinstance(objective._inverse.current, _gram.Diagonal)
    assert not objective.refresh(objective.start())
    vector = rng.normal(size=objective.size)
    assert vector @ objective.precondition(vector) > 0.0


@pytest.mark.parametrize("near", [False, True])
def test_a_sample_of_rows_keeps_columns_it_has_not_seen(rng, near):
    X, y = make(rng, n=9000)
    X[:, 0] = 0.0
    X[17, 0] = 1.0
    objective = objective_of(X, y, 4, 0.0)
    assert objective.refresh(objective.start(), near)
    assert np.all(np.isfinite(objective.precondition(rng.normal(size=objective.size))))


def test_blocks_cover_all_rows(rng):
    X = rng.normal(size=(50, 40_000)).astype(np.float32)
    seen = np.vstack([block for _, block in _gram.row_blocks(X)])
    assert seen.dtype == np.float64
    np.testing.assert_array_equal(seen, X)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, np.float32])
def test_the_mean_is_that_of_numpy(rng, weighted, kind):
    X, _ = make(rng)
    X = kind(X)
    weights = rng.random(400) if weighted else np.ones(1)
    dense = X.toarray() if sparse.issparse(X) else X
    expected = np.average(dense.astype(float), axis=0, weights=np.broadcast_to(weights, 400))
    np.testing.assert_allclose(_gram.mean_of(X, weights / np.broadcast_to(weights, 400).sum()), expected, rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("refresh", [False, True])
def test_wide_is_what_p_by_p_factors_give(rng, n_classes, fit_intercept, refresh, monkeypatch):
    X, y = rng.normal(size=(20, 60)) + 3.0, rng.permutation(np.arange(20) % n_classes)
    monkeypatch.setattr(_gram, "_MAX_NUMBERS", 1 << 16)
    by_columns = objective_of(X, y, n_classes, fit_intercept=fit_intercept)
    monkeypatch.setattr(_gram, "_MAX_COLUMNS", 30)
    by_rows = objective_of(X, y, n_classes, fit_intercept=fit_intercept)
    assert isinstance(by_rows._inverse.current, _gram.Wide)
    if refresh:
        theta = by_rows.pack(0.02 * rng.normal(size=(by_rows.n_outputs, 60)), rng.normal(size=by_rows.n_outputs))
        assert by_rows.refresh(theta)
        assert by_columns.refresh(theta)
    vector = rng.normal(size=by_rows.size)
    vector = by_rows.pack(*by_rows.parts(vector))
    expected = by_columns.precondition(vector)
    np.testing.assert_allclose(by_rows.precondition(vector), expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())


def test_wide_without_penalty_is_finite(rng, monkeypatch):
    monkeypatch.setattr(_gram, "_MAX_COLUMNS", 30)
    X = np.hstack([rng.normal(size=(20, 60)), np.ones((20, 2))])
    objective = objective_of(X, np.arange(20) % 3, 3, 0.0)
    assert np.all(np.isfinite(objective.precondition(rng.normal(size=objective.size))))
