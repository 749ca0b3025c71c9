"""Approximate Hessians: exact where they should be, whatever the units of columns."""

import weakref

import numpy as np
import pytest
from problems import finite_difference_hessian, objective_of, unbalanced
from scipy import sparse

from fastce._linear.approximations import class_blocks


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_null_model_is_exact_at_the_start(rng, n_classes, fit_intercept, kind):
    X, y = unbalanced(rng, n_classes=n_classes)
    if not fit_intercept:
        y = np.arange(len(y)) % n_classes  # without an intercept the start has equal probabilities
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    objective = objective_of(X, y, n_classes, penalty=1e-3, fit_intercept=fit_intercept)
    theta = objective.start()
    matrix = finite_difference_hessian(objective, theta)
    vector = rng.normal(size=theta.size)
    coef, intercept = objective.parts(vector)
    vector = objective.pack(
        coef, intercept
    )  # sums of zero over the classes, as differences of gradients have
    back = objective.precondition(matrix @ vector)
    np.testing.assert_allclose(back, vector, rtol=1e-3, atol=1e-3 * np.abs(vector).max())


def test_class_block_is_exact_for_two_classes(rng):
    X, y = unbalanced(rng, n_classes=2)
    objective = objective_of(X, y, 2, penalty=1e-3)
    theta = objective.start() + 0.3 / np.maximum(
        np.abs(np.append(X.max(axis=0), 1.0)), 1.0
    ) * rng.normal(size=6)
    assert objective.refresh(theta)
    vector = rng.normal(size=theta.size)
    back = objective.precondition(finite_difference_hessian(objective, theta) @ vector)
    np.testing.assert_allclose(back, vector, rtol=1e-3, atol=1e-3 * np.abs(vector).max())


def test_units_of_columns_do_not_matter(rng):
    X, y = unbalanced(rng)
    units = np.array([1e-6, 1.0, 1e3, 1e9, 1e-2])
    plain, scaled = objective_of(X, y, 4, penalty=0.0), objective_of(X * units, y, 4, penalty=0.0)
    grad, intercept = rng.normal(size=(4, 5)), rng.normal(size=4)
    grad, intercept = grad - grad.mean(axis=0), intercept - intercept.mean()
    step, _ = plain.parts(plain.precondition(plain.pack(grad, intercept)))
    step_scaled, _ = scaled.parts(scaled.precondition(scaled.pack(grad * units, intercept)))
    np.testing.assert_allclose(step_scaled * units, step, rtol=1e-6, atol=1e-9 * np.abs(step).max())


def test_a_group_of_gram_matrices_is_let_go_of_before_the_next(rng):
    groups = []

    def make_groups():
        for _ in range(3):
            assert all(group() is None for group in groups)
            group = np.tile(np.eye(4), (2, 1, 1))
            groups.append(weakref.ref(group))
            yield from group
            del group

    class_blocks(make_groups(), 6, np.eye(4), 0.0, np.zeros(3), 1.0)
    assert len(groups) == 3
