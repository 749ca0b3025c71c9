"""Classes that come apart, completely or not."""

import numpy as np
import pytest
from problems import learnable

from fastce._core.design import as_design
from fastce._linear import separation
from fastce._linear.orthonormal import OrthonormalColumns


def rows(y, weights=None):
    weights = np.full(1, 1.0 / len(y)) if weights is None else weights / weights.sum()
    return separation.Rows(np.asarray(y), weights)


def test_margins():
    logits = np.array([[1.0, 3.0, 0.0], [2.0, 2.0, 5.0]])
    np.testing.assert_array_equal(
        separation.margins(logits, np.array([1, 0])), [[2.0, 3.0], [0.0, -3.0]]
    )
    np.testing.assert_array_equal(
        separation.margins(np.array([[2.0], [3.0]]), np.array([1, 0])), [[2.0], [-3.0]]
    )


def test_logits_of_rows(rng, monkeypatch):
    X, _ = learnable(rng)
    coef, intercept = rng.normal(size=(3, 5)), rng.normal(size=3)
    monkeypatch.setattr(separation, "_BLOCK_NUMBERS", 100)
    found = separation.logits_of(as_design(X), coef, intercept)
    np.testing.assert_allclose(found, X @ coef.T + intercept, rtol=1e-12, atol=1e-12)


def test_complete_separation_needs_every_row_that_has_a_weight():
    logits, y = np.array([[-1.0], [2.0], [-3.0]]), [0, 1, 1]
    assert separation.completely_separated(rows(y), logits) == []
    assert separation.completely_separated(rows(y, np.array([1.0, 1, 0])), logits) == [0, 1]
    assert separation.completely_separated(rows(y, np.array([1.0, 0, 0])), logits) == []
    ties = np.array([[-1.0], [0.0], [3.0]])
    assert separation.completely_separated(rows(y), ties) == []


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ([[0.0], [0.0], [0.0], [1.0]], [1]),  # some rows of a class
        ([[-1.0], [0.0], [0.0], [0.0]], [0]),
        ([[-1.0], [0.0], [0.0], [1.0]], [0, 1]),
        ([[-1.0], [1e-3], [0.0], [1.0]], [0, 1]),  # what is left of the way to the minimum
        ([[-1.0], [0.1], [0.0], [1.0]], []),  # a row of class 0 loses
        ([[0.0], [0.0], [0.0], [0.1]], []),  # a short step
    ],
)
def test_separation_along_a_step(step, expected):
    assert separation.separated_along(rows([0, 0, 1, 1]), np.array(step)) == expected


def test_separation_of_one_of_three_classes_and_of_two_groups():
    y = [0, 1, 2, 2]
    one = np.array([[0.5, 0.5, -1], [0.5, 0.5, -1], [-0.5, -0.5, 1], [0, 0, 0]])
    assert separation.separated_along(rows(y), one) == [2]
    y = [0, 1, 2, 3]
    groups = np.array([[1, 1, -1, -1], [1, 1, -1, -1], [-1, -1, 1, 1], [-1, -1, 1, 1.0]])
    assert separation.separated_along(rows(y), groups) == [0, 1, 2, 3]


def test_only_rows_that_are_sure_may_have_come_apart():
    y = [0, 1] * 10
    sure = np.array([[-1.0], [1.0]] * 10)
    assert not separation.may_be_separated(rows(y), sure)
    sure[3] = 12.0
    assert separation.may_be_separated(rows(y), sure)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("separated", [True, False])
def test_the_direction_of_a_linear_program(rng, n_classes, separated, monkeypatch):
    basis = np.column_stack([rng.normal(size=(60, 2)), np.ones(60)])
    y = np.where(basis[:, 0] > 0.5, n_classes - 1, np.arange(60) % max(1, n_classes - 1))
    if n_classes == 2 and separated:
        y[basis[:, 0] > 0.5] = 1
    if not separated:
        y[np.argmax(basis[:, 0])] = 0
    own = rows(y)
    columns = OrthonormalColumns(as_design(basis[:, :2]), own.weights, 0.0, centre=True)
    K = 1 if n_classes == 2 else n_classes
    change = separation.direction(own, columns, K)
    found = separation.separated_along(own, change)
    assert found == ([] if not separated else [0, 1] if n_classes == 2 else [2])
    if separated:
        assert separation.margins(change, own.target).min() > -1e-7
    monkeypatch.setattr(separation, "_MAX_NUMBERS", 100)
    assert separation.direction(own, columns, K) is None


@pytest.mark.parametrize("n_classes", [2, 3])
def test_residuals_prove_that_classes_overlap(rng, n_classes):
    X, y = learnable(rng, n=60, p=2, n_classes=n_classes)
    X[:20] *= 2.0**-40
    y[:20] = rng.integers(0, n_classes, 20)
    own, K = rows(y), 1 if n_classes == 2 else n_classes
    columns = OrthonormalColumns(as_design(X), own.weights, 0.0, centre=True)
    null = np.zeros((60, K))
    assert separation.is_held(own, columns, null)
    # a class that columns tell from others
    columns = OrthonormalColumns(
        as_design(np.column_stack([X, y == 1])), own.weights, 0.0, centre=True
    )
    assert not separation.is_held(own, columns, null)
    # probabilities that are too small to count prove nothing
    columns = OrthonormalColumns(as_design(X), own.weights, 0.0, centre=True)
    far = np.where(y[:, np.newaxis] == (np.arange(K) if K > 1 else 1), 100.0, -100.0)
    assert not separation.is_held(own, columns, far)
