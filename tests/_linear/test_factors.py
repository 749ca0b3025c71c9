"""Factors and diagonals are their formulas, in float64 and float32."""

import numpy as np
import pytest
from problems import objective_of, unbalanced
from scipy import sparse

from fastce._core import threads
from fastce._linear import approximations, factors, preconditioner
from fastce._linear.loss import LinearLoss


@pytest.mark.parametrize("unit", [1.0, 1e-30, 1e30])
@pytest.mark.parametrize("size", [1.0, 1e-60, 1e60])
def test_factors_in_float32_serve_as_well(rng, monkeypatch, unit, size):
    # columns whose units differ, and vectors far beyond float32
    X, y = unbalanced(rng, n=3000)
    X = X * np.array([unit, 1.0, 1e3, 1e-5, 1.0])
    vector = None
    steps = []
    for large in (1 << 30, 0):
        monkeypatch.setattr(approximations, "LARGE", large)
        monkeypatch.setattr(preconditioner, "_GROUP_NUMBERS", 1)
        objective = objective_of(X, y, 4, penalty=1e-3 * unit)
        assert objective.refresh(objective.start())
        assert objective._preconditioner.current.factors.dtype == (
            np.float32 if large == 0 else np.float64
        )
        vector = size * rng.normal(size=objective.size) if vector is None else vector
        steps.append(objective.precondition(vector))
    scale = np.abs(steps[0].reshape(-1, 4)).max(axis=1, keepdims=True)  # of each column of X
    np.testing.assert_allclose(
        steps[1].reshape(-1, 4) / scale, steps[0].reshape(-1, 4) / scale, atol=1e-5
    )
    assert vector @ steps[1] > 0.0


@pytest.mark.parametrize(("n_classes", "p"), [(2, 50), (2, 90_001), (3, 30_000), (5000, 3)])
def test_the_diagonal_inverse_is_its_formula(rng, n_classes, p):
    K = 1 if n_classes == 2 else n_classes
    grad, grad_intercept, mean = rng.normal(size=(K, p)), rng.normal(size=K), rng.normal(size=p)
    diagonal, masses = np.exp(rng.normal(size=p)), np.exp(rng.normal(size=K))
    exact = (grad.astype(np.longdouble) - np.multiply.outer(grad_intercept, mean)) / diagonal
    exact_intercept = grad_intercept / masses - exact @ mean
    results = []
    for n_threads in (1, min(2, threads._max_threads())):
        inverse = factors.Diagonal(diagonal, mean, masses)
        table = np.ascontiguousarray(np.vstack([grad.T, grad_intercept]))
        with threads.at_most(n_threads):
            inverse.apply(table, table)  # in the gradient's place
        np.testing.assert_allclose(table[:p], exact.T.astype(float), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(table[p], exact_intercept.astype(float), rtol=1e-10, atol=1e-9)
        results.append(table)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_constant_columns_do_not_curve(rng, kind):
    X = np.column_stack(
        [rng.normal(size=1501), np.full(1501, 1.0 / 3.0), np.full(1501, -1e-5), np.full(1501, 1e5)]
    )
    objective = LinearLoss(
        kind(X), np.arange(1501) % 2, 2, weights=np.full(1, 1 / 1501), penalty=0.0
    )
    moved = objective.precondition(np.ones(5))
    assert np.all(moved[1:4] == 0.0)
    assert moved[0] != 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_factored_inverse_leaves_its_arguments_alone(rng, dtype):
    arrays = rng.normal(size=(3, 4, 4)).astype(dtype), rng.normal(size=(3, 4)), rng.normal(size=3)
    before = [array.copy() for array in arrays]
    inverse = factors.Factored(*arrays, has_intercept=True, rotation=None)
    inverse.apply(rng.normal(size=(4, 3)), np.empty((4, 3)))
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)
