"""Sums, squares and Gram matrices of columns are those of NumPy, of all rows or of drawn ones."""

import numpy as np
import pytest
from layouts import CSR, VIEWS
from problems import objective_of, packed, unbalanced
from scipy import sparse

from fastce._core import threads
from fastce._core.design import as_design
from fastce._linear import factors
from fastce._linear.curvature import min_curvatures
from fastce._linear.loss import LinearLoss
from fastce._linear.moments import column_moments, weighted_grams


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C", "Fortran", "reversed", "csr int32"])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_gram_matrices_are_those_of_numpy(rng, layout, n_classes, weighted, dtype):
    X, y = unbalanced(rng, n=3000, n_classes=n_classes)
    X = (VIEWS | CSR)[layout](X.astype(dtype))
    dense = np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=float)
    weights = rng.random(3000) if weighted else np.full(1, 1.0 / 3000)
    objective = LinearLoss(
        X, y, n_classes, weights=weights / np.broadcast_to(weights, 3000).sum(), penalty=0.1
    )
    centre, weights = dense.mean(axis=0), np.broadcast_to(objective.shard.weights, 3000)
    table = np.column_stack([dense - centre, np.ones(3000)])
    coef, intercept = (
        0.3 * rng.normal(size=(objective.n_outputs, 5)) / dense.std(axis=0),
        rng.normal(size=objective.n_outputs),
    )
    logits = table[:, :5] @ coef.T + intercept
    logits = np.hstack([np.zeros_like(logits), logits]) if n_classes == 2 else logits
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (probabilities / probabilities.sum(axis=1, keepdims=True))[
        :, -objective.n_outputs :
    ]
    plain = weighted_grams(objective.shard.blocks, 3000, objective.shard.weights, centre)
    np.testing.assert_allclose(
        np.tril(plain[0]), np.tril(table.T * weights @ table), rtol=1e-9, atol=1e-9
    )
    theta = packed(objective, coef, intercept - coef @ centre)
    blocks = objective.shard.blocks_at(theta)
    grams = weighted_grams(blocks, 3000, objective.shard.weights, centre)
    for gram, probability in zip(grams, probabilities.T, strict=True):
        expected = table.T * (weights * probability * (1.0 - probability)) @ table
        np.testing.assert_allclose(
            np.tril(gram), np.tril(expected), rtol=1e-8, atol=1e-9 * np.abs(expected).max()
        )


def thin(rng, dtype, index_dtype):
    """Return CSR with few entries, not sorted, some twice, some rows empty, and the same dense."""
    rows, columns = rng.integers(0, 3000, 9000) // 2, rng.integers(0, 60, 9000)
    order = np.argsort(rows, kind="stable")
    X = sparse.csr_array((3000, 60), dtype=dtype)
    X.data, X.indices = rng.normal(1.0, 1.0, 9000).astype(dtype), columns[order].astype(index_dtype)
    X.indptr = np.searchsorted(rows[order], np.arange(3001)).astype(index_dtype)
    return X, X.astype(float).toarray()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_gram_matrices_of_thin_columns_are_those_of_numpy(rng, dtype, index_dtype, n_classes):
    X, dense = thin(rng, dtype, index_dtype)
    weights = rng.random(3000)
    objective = LinearLoss(
        X, rng.integers(0, n_classes, 3000), n_classes, weights=weights / weights.sum(), penalty=0.1
    )
    assert objective.shard.blocks.has_few_entries
    assert isinstance(objective._preconditioner.current, factors.Factored)
    centre, K = dense.mean(axis=0), objective.n_outputs
    table = np.column_stack([dense - centre, np.ones(3000)])
    theta = np.zeros(objective.size)
    blocks = objective.shard.blocks_at(theta)
    grams = weighted_grams(blocks, 3000, objective.shard.weights, centre)
    probability = 1.0 / max(2, n_classes)
    expected = table.T * (objective.shard.weights * probability * (1.0 - probability)) @ table
    for k in range(K):
        np.testing.assert_allclose(
            np.tril(grams[k]), np.tril(expected), rtol=1e-9, atol=1e-12 * np.abs(expected).max()
        )


def test_thin_columns_that_hardly_vary_keep_their_digits(rng):
    X, dense = thin(rng, np.float64, np.int32)
    dense[:, 7] = 1e6 + rng.normal(size=3000)
    X = sparse.csr_array(dense)
    objective = objective_of(X, np.arange(3000) % 2, 2, penalty=1e-3)
    assert objective.shard.blocks.has_few_entries
    gram = objective._preconditioner.gram
    np.testing.assert_allclose(gram[7, 7], dense[:, 7].var(), rtol=1e-6)


def test_drawn_rows_give_the_gram_matrix_on_average(rng):
    n = 20_000
    X = rng.normal(size=(n, 3))
    objective = objective_of(X, np.arange(n) % 2, 2, penalty=1e-3)
    theta = np.array([4.0, 0.0, 0.0, 0.0])  # half of the rows are decided
    blocks = objective.shard.blocks_at(theta)
    centre = np.zeros(3)
    exact = weighted_grams(blocks, n, objective.shard.weights, centre)[0]
    drawn = weighted_grams(
        blocks,
        n,
        objective.shard.weights,
        centre,
        min_curvatures(as_design(X), theta[:3, np.newaxis], theta[3:], 5000),
    )[0]
    assert not np.array_equal(drawn, exact)
    np.testing.assert_allclose(np.tril(drawn), np.tril(exact), atol=0.04 * exact.max())


def test_rows_are_drawn_where_all_curvatures_are_largest(rng):
    n, p = 20_000, 4
    X = rng.standard_normal((n, p))
    objective = LinearLoss(X, rng.integers(0, 2, n), 2, weights=np.full(1, 1.0 / n), penalty=1.0)
    theta = np.zeros(p + 1)
    blocks = objective.shard.blocks_at(theta)
    all_rows = weighted_grams(blocks, n, objective.shard.weights, np.zeros(p))[0]
    some = weighted_grams(
        blocks,
        n,
        objective.shard.weights,
        np.zeros(p),
        min_curvatures(as_design(X), theta[:p, np.newaxis], None, 500),
    )[0]
    lower = np.tril_indices(p + 1)
    # not all, or nothing but rounding would differ
    assert np.max(np.abs(some - all_rows)[lower]) > 1e-6
    np.testing.assert_allclose(some[lower], all_rows[lower], atol=0.25 * 5 / np.sqrt(500))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["dense", "fortran", "csr", "csr64"])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_column_moments_are_the_weighted_means_of_columns_and_squares(rng, dtype, kind, n_threads):
    dense = (rng.normal(size=(900, 37)) * (rng.random((900, 37)) < 0.2)).astype(dtype)
    weights = rng.random(900)
    X = (
        np.asfortranarray(dense)
        if kind == "fortran"
        else sparse.csr_array(dense)
        if "csr" in kind
        else dense
    )
    if kind == "csr64":
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    blocks = LinearLoss(
        X, np.arange(900) % 3, 3, weights=weights / weights.sum(), penalty=1.0
    ).shard.blocks
    with threads.parallel_from(0), threads.at_most(n_threads):
        sums, squares = column_moments(blocks, 900, 10**4, weights)
    exact = dense.astype(np.longdouble)
    np.testing.assert_allclose(sums, weights @ exact, rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(squares, weights @ exact**2, rtol=1e-13)
