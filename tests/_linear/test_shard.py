"""A shard's sums: they add up to those of all rows, and held-out scores are those of NumPy."""

import numpy as np
import pytest
import reference
from problems import labelled
from scipy import sparse
from scipy.special import log_expit, log_softmax

from fastce._core import threads
from fastce._linear import shard as shards
from fastce._linear.loss import LinearLoss
from fastce._linear.shard import Shard

KINDS = [np.asarray, sparse.csr_array]


def halves(X, y, n_classes, weights, **options):
    """Return a shard of all rows and two of parts of them."""
    cut = len(y) // 3
    parts = slice(None), slice(cut), slice(cut, None)
    return [Shard(X[part], y[part], n_classes, weights=weights[part], **options) for part in parts]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_sums_of_shards_add_up(rng, kind, n_classes, fit_intercept):
    X, y = labelled(rng, n=600, n_classes=n_classes, density=0.5)
    options = {"fit_intercept": fit_intercept, "label_smoothing": 0.1}
    whole, *parts = halves(kind(X), y, n_classes, rng.random(600), **options)
    theta, vector = 0.01 * rng.normal(size=(2, whole.size))
    centre = rng.normal(size=7)

    def sums(shard):
        value, grad = shard.value_and_grad(theta)
        lower = np.tril_indices(8)
        grams = [gram[lower] for at in (None, theta) for gram in shard.gram(at, centre)]
        return [value, grad, shard.hessian_product(theta, vector), *grams, *shard.summary()]

    for total, *terms in zip(sums(whole), *map(sums, parts), strict=True):
        size = np.abs(total).max()
        np.testing.assert_allclose(np.sum(terms, axis=0), total, rtol=1e-9, atol=1e-12 * size)


def test_the_sum_is_the_textbooks(rng):
    X, y = labelled(rng)
    shard = Shard(X, y, 4, weights=np.ones(150), label_smoothing=0.2)
    theta = 0.1 * rng.normal(size=shard.size)
    coef, intercept = shard.tables(theta)
    value, grad = shard.value_and_grad(theta)
    expected = reference.linear_cross_entropy(X, y, coef.T, intercept, label_smoothing=0.2)
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    np.testing.assert_allclose(shard.tables(grad)[0].T, expected[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(shard.tables(grad)[1], expected[2], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_targets_may_be_probabilities(rng, n_classes, smoothing, kind):
    X, _ = labelled(rng, density=0.5)
    target, weights = rng.dirichlet(np.full(n_classes, 0.3), 150), rng.random(150)
    target[0], weights[1] = np.eye(n_classes)[1], 0.0
    shard = Shard(kind(X), target, n_classes, weights=weights, label_smoothing=smoothing)
    theta = 0.1 * rng.normal(size=shard.size)
    coef, intercept = shard.tables(theta)
    value, grad = shard.value_and_grad(theta)
    expected = reference.linear_cross_entropy(
        X, target, coef.T, intercept, weights=weights, label_smoothing=smoothing
    )
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    np.testing.assert_allclose(shard.tables(grad)[0].T, expected[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(shard.tables(grad)[1], expected[2], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(shard.summary().class_weights, weights @ target, rtol=1e-13)
    smoothed = (1.0 - smoothing) * target[3:9] + smoothing / n_classes
    np.testing.assert_allclose(shard.target_probabilities(3, 9), smoothed, rtol=1e-15)


def test_target_probabilities_of_class_indices(rng):
    X, y = labelled(rng)
    shard = Shard(X, y, 4, weights=np.ones(1), label_smoothing=0.2)
    np.testing.assert_allclose(
        shard.target_probabilities(3, 9), 0.8 * np.eye(4)[y[3:9]] + 0.05, rtol=1e-15
    )


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_penalty_is_the_callers(rng, n_classes):
    X, y = labelled(rng, n_classes=n_classes)
    weights = np.full(1, 1.0 / len(y))
    objective = LinearLoss(X, y, n_classes, weights=weights, penalty=0.3)
    theta = 0.1 * rng.normal(size=objective.size)
    value, grad = objective.shard.value_and_grad(theta)
    coef, _ = objective.parts(theta)
    penalised = np.zeros(objective.size)
    objective.parts(penalised)[0][...] = coef
    total, total_grad = objective.value_and_grad(theta)
    np.testing.assert_allclose(total, value + 0.15 * (coef**2).sum(), rtol=1e-12)
    np.testing.assert_allclose(total_grad, grad + 0.3 * penalised, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_summary(rng, weighted):
    y = rng.integers(0, 3, 50)
    weights = rng.random(50) if weighted else np.full(1, 0.5)
    found = Shard(rng.normal(size=(50, 2)), y, 3, weights=weights).summary()
    assert found.n_rows == 50
    np.testing.assert_allclose(found.weight, np.broadcast_to(weights, 50).sum())
    np.testing.assert_array_equal(found.class_counts, np.bincount(y))
    expected = np.bincount(y, weights=np.broadcast_to(weights, 50))
    np.testing.assert_allclose(found.class_weights, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_scores_of_held_out_rows(rng, kind, n_classes, fit_intercept, monkeypatch):
    monkeypatch.setattr(shards, "_SCORE_NUMBERS", 100)  # several blocks
    X, y = labelled(rng, n=500, n_classes=n_classes)
    X[0] = 1e300  # has no weight: nobody looks at its loss
    shard = Shard(kind(X), y, n_classes, weights=np.ones(1), fit_intercept=fit_intercept)
    theta = 0.05 * rng.normal(size=shard.size)
    held_out = rng.random(500) * (rng.random(500) < 0.3)
    held_out[0] = 0.0
    coef, intercept = shard.tables(theta)
    rows = np.flatnonzero(held_out)
    logits = X[rows] @ coef + (intercept if fit_intercept else 0.0)
    if n_classes == 2:
        signs = np.where(y[rows] == 1, 1.0, -1.0)
        log_p, best = log_expit(signs * logits[:, 0]), (logits[:, 0] > 0.0).astype(int)
    else:
        log_p, best = log_softmax(logits, axis=1)[np.arange(rows.size), y[rows]], logits.argmax(1)
    results = []
    for n_threads in (1, min(2, threads.get_num_threads())):
        with threads.at_most(n_threads):
            results.append(shard.scores(theta, held_out))
    assert results[0] == results[1]
    np.testing.assert_allclose(results[0].loss, -(held_out[rows] * log_p).sum(), rtol=1e-12)
    np.testing.assert_allclose(results[0].correct, held_out[rows][best == y[rows]].sum())
    np.testing.assert_allclose(results[0].weight, held_out.sum())
