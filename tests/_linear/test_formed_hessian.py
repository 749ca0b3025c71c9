"""Hessians that are formed, against finite differences of the gradient, and their tails."""

import numpy as np
import pytest
from problems import finite_difference_hessian, learnable, objective_of

from fastce._linear import formed_hessian


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_hessian_by_finite_differences(rng, n_classes):
    X, y = learnable(rng, n=40, p=3, n_classes=n_classes)
    weights = rng.random(40)
    loss = objective_of(X, y, n_classes, weights, penalty=0.1)
    K, P = loss.n_outputs, 4
    theta = rng.normal(size=loss.size)
    basis = np.column_stack([X, np.ones(40)])
    p, rest = formed_hessian.both_tails(basis @ theta.reshape(P, K))
    halves = (slice(0, 15), slice(15, 40))
    blocks = [
        formed_hessian.Block(basis[h], p[h], None if rest is None else rest[h], w[h])
        for h in halves
        for w in [weights / weights.sum()]
    ]
    H = formed_hessian.form(blocks, P, K, 0.1 * np.eye(3))
    # what the classes have in common is curved, too
    table = H.reshape(P, K, P, K)
    if K > 1:
        common = table.mean(axis=(1, 3))
        own = table - np.diag(common.diagonal())[:, np.newaxis, :, np.newaxis]
    else:
        own = table
    # the objective's own gradient has the coefficients' mean in its penalty only
    expected = finite_difference_hessian(loss, theta)
    centre = np.eye(K) - (1.0 / K if K > 1 else 0.0)
    project = np.kron(np.eye(P), centre)
    np.testing.assert_allclose(
        project @ own.reshape(P * K, P * K) @ project,
        project @ expected @ project,
        rtol=1e-4,
        atol=1e-6,
    )
    scaled = formed_hessian.scaled(H)
    rebuilt = (scaled.vectors * scaled.values) @ scaled.vectors.T
    np.testing.assert_allclose(rebuilt / np.outer(scaled.scale, scaled.scale), H, atol=1e-12)
    np.testing.assert_allclose(rebuilt.diagonal(), 1.0, rtol=1e-12)


@pytest.mark.parametrize("K", [1, 3])
def test_curvatures_of_sure_rows_keep_their_digits(K):
    logits = np.full((1, K), -60.0)
    logits[0, 0] = 60.0
    p, rest = formed_hessian.both_tails(logits)
    block = formed_hessian.Block(np.ones((1, 1)), p, rest, np.ones(1))
    H = formed_hessian.form([block], 1, K, np.zeros((0, 0)))
    if K == 1:
        np.testing.assert_allclose(H[0, 0], np.exp(-60.0), rtol=1e-12)
    else:  # less what they have in common: twice exp(-120) for the sure class
        own = H - H.mean()
        np.testing.assert_allclose(own[0, 0], 2.0 * np.exp(-120.0), rtol=1e-3)


def test_only_few_parameters_are_small():
    assert formed_hessian.is_small(1000, 512)
    assert not formed_hessian.is_small(1000, 513)
    assert not formed_hessian.is_small(10**7, 20)
