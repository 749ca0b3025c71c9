"""Curvatures of rows, and how many of them are drawn."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, softmax

from fastce._core import threads
from fastce._core.design import as_design
from fastce._linear import curvature
from fastce._linear.curvature import hessian_diagonal, mean_curvatures, min_curvatures


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, np.float32, sparse.csr_matrix])
def test_mean_curvatures_have_the_same_bits_on_any_number_of_threads(rng, kind):
    X = kind(rng.normal(size=(4000, 60)))
    coef, intercept, weights = rng.normal(size=(60, 3)), rng.normal(size=3), rng.random(4000)
    numbers = 1, min(2, threads._max_threads())
    results = []
    for n in numbers:
        with threads.at_most(n):
            results.append(mean_curvatures(as_design(X), coef, intercept, weights))
    first, second = results
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_hessian_diagonal_of_confident_rows_keeps_its_digits(rng, kind, weighted):
    """From a logit of 37 on sigmoid(x) rounds to 1: neither sign may make the curvature 0."""
    for logit in (-300.0, -40.0, -3.0, 0.0, 3.0, 36.0, 40.0, 300.0):
        X, weights = rng.normal(size=(30, 4)), rng.random(30) if weighted else np.full(1, 0.5)
        found = hessian_diagonal(as_design(kind(X)), np.zeros((4, 1)), np.array([logit]), weights)
        expected = expit(logit) * expit(-logit) * (np.broadcast_to(weights, 30) @ X**2)
        np.testing.assert_allclose(found[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_sparse_rows_are_drawn_as_dense_ones(rng, n_classes, index_dtype):
    X = rng.normal(size=(20_000, 4)) * (rng.random((20_000, 4)) < 0.3)
    coef, intercept = (
        3.0 * rng.normal(size=(4, n_classes if n_classes > 2 else 1)),
        rng.normal(size=n_classes if n_classes > 2 else 1),
    )
    as_csr = sparse.csr_array(X)
    as_csr.indices, as_csr.indptr = (
        as_csr.indices.astype(index_dtype),
        as_csr.indptr.astype(index_dtype),
    )
    minimum = min_curvatures(as_design(X), coef, intercept, 1000)
    assert np.all(minimum > 0.0)
    np.testing.assert_array_equal(min_curvatures(as_design(as_csr), coef, intercept, 1000), minimum)
    logits = X @ coef + intercept
    probabilities = (
        np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
        if n_classes > 2
        else 1.0 / (1.0 + np.exp(-logits))
    )
    drawn = np.minimum(1.0, probabilities * (1.0 - probabilities) / minimum).sum(axis=0)
    assert np.all((drawn > 300) & (drawn <= 1400))


@pytest.mark.parametrize("exponents", [(-2.01, -2.01), (-40.0, -2.0), (-45.0, -30.0), (-9.0, -8.0)])
@pytest.mark.parametrize("n_rows", [100, 5_000, 60_000])
def test_about_as_many_rows_are_drawn_as_asked_for(rng, exponents, n_rows):
    # also where every row is at the largest curvature, 1/4
    curvatures = 2.0 ** rng.uniform(*exponents, (2, 100_000))
    bins = -np.frexp(curvatures)[1]
    counts = np.array([np.bincount(row, minlength=curvature._BINS) for row in bins], dtype=float)
    minimum = curvature._min_curvature(counts, n_rows)
    drawn = np.minimum(1.0, curvatures / minimum[:, np.newaxis]).sum(axis=1)
    assert np.all(drawn <= 1.4 * n_rows)
    assert np.all(drawn >= 0.3 * n_rows)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, sparse.csr_matrix])
def test_the_diagonal_of_the_hessian(rng, n_classes, weighted, kind, monkeypatch):
    monkeypatch.setattr(curvature, "_BLOCK_NUMBERS", 1 << 9)  # several steps
    n, p, K = 2000, 3, 1 if n_classes == 2 else n_classes
    X = rng.normal(size=(n, p))
    coef, intercept = rng.normal(size=(p, K)), rng.normal(size=K)
    weights = rng.uniform(size=n) if weighted else np.full(1, 0.5)
    logits = X @ coef + intercept
    probability = expit(logits) if K == 1 else softmax(logits, axis=1)
    weight = np.broadcast_to(weights, n)[:, np.newaxis]
    found = curvature.hessian_diagonal(as_design(kind(X)), coef, intercept, weights)
    expected = (X * X).T @ (weight * probability * (1.0 - probability))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
