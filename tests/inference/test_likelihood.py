"""Derivatives by contrasts beside differences, and the optimum beside mpmath's."""

import mpmath
import numpy as np
import pytest
from problems import learnable

from fastce._core.design import as_design
from fastce.inference._likelihood import Likelihood, NoOptimum, find_optimum
from fastce.linear_model._validation import Problem


def problem(X, y, penalty=0.0, **changes):
    n = len(y)
    fields = {
        "X": as_design(np.asarray(X, float)),
        "target": np.asarray(y, np.int64),
        "n_classes": int(np.max(y)) + 1,
        "weights": np.full(1, 1.0 / n),
        "penalty": penalty,
        "fit_intercept": True,
        "label_smoothing": 0.0,
    }
    return Problem(**(fields | changes))


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradient_and_hessian_are_those_of_the_value(rng, n_classes, fit_intercept):
    X, y = learnable(rng, n_classes=n_classes)
    given = problem(X, y, 0.3, fit_intercept=fit_intercept, label_smoothing=0.1)
    likelihood = Likelihood(given, 1)
    K = likelihood.shard.n_outputs
    theta = likelihood.pack(rng.normal(size=(K, 5)), rng.normal(size=K))
    size, h = likelihood.kept.size * likelihood.q, 1e-5
    _, grad = likelihood.value_and_grad(theta)
    values, grads = [], []
    for j in range(size):
        up, down = (
            likelihood.value_and_grad(likelihood.move(theta, sign * h * np.eye(size)[j]))
            for sign in (1, -1)
        )
        values.append((up[0] - down[0]) / (2 * h))
        grads.append((up[1] - down[1]) / (2 * h))
    np.testing.assert_allclose(grad, values, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(likelihood.hessian(theta), grads, rtol=1e-6, atol=1e-8)


def test_a_change_of_contrasts_changes_logits_by_as_much(rng):
    X, y = learnable(rng)
    likelihood = Likelihood(problem(X, y), 2)
    theta, change = np.zeros(18), rng.normal(size=12)
    before, after = (
        likelihood.contrasts(theta),
        likelihood.contrasts(likelihood.move(theta, change)),
    )
    logits = np.hstack([X, np.ones((len(X), 1))]) @ (after - before).T
    assert likelihood.largest_change(change) == pytest.approx(np.abs(logits).max(), rel=1e-12)


def exact_optimum(x, y, C):
    """Return coef, intercept and their covariance of one column, by Newton's method in mpmath."""
    with mpmath.workdps(60):
        b, w = mpmath.mpf(0), mpmath.mpf(0)
        for _ in range(400):
            p = [1 / (1 + mpmath.exp(-(b + w * t))) for t in x]
            grad = mpmath.matrix(
                [
                    sum(pi - yi for pi, yi in zip(p, y, strict=True)),
                    sum((pi - yi) * t for pi, yi, t in zip(p, y, x, strict=True)) + w / C,
                ]
            )
            c = [pi * (1 - pi) for pi in p]
            ct = sum(ci * t for ci, t in zip(c, x, strict=True))
            ctt = sum(ci * t * t for ci, t in zip(c, x, strict=True)) + 1 / mpmath.mpf(C)
            inverse = mpmath.matrix([[sum(c), ct], [ct, ctt]]) ** -1
            step = inverse * grad
            b, w = b - step[0], w - step[1]
            if mpmath.norm(step) < 1e-40:
                break
        return float(w), float(b), [float(inverse[0, 0]), float(inverse[1, 1])]


@pytest.mark.parametrize("C", [1.0, 1e6, 1e12])
def test_the_optimum_of_separable_classes_with_a_penalty(C):
    """Where curvatures are as small as the floor that the Hessian's have, which is taken off."""
    x, y = [-3.0, -2.5, -1.0, -0.4, 0.5, 1.0, 2.0, 4.0], [0, 0, 0, 0, 1, 1, 1, 1]
    coef, intercept, variances = exact_optimum(x, y, C)
    likelihood = Likelihood(problem(np.array(x)[:, np.newaxis], y, 1.0 / (8 * C)), 0)
    found = find_optimum(likelihood, np.array([[0.9 * coef]]), np.array([intercept]))
    np.testing.assert_allclose(found.theta, [coef, intercept], rtol=1e-8)
    covariance = likelihood.uncentred(found.inverse) / 8
    np.testing.assert_allclose(covariance.diagonal(), variances, rtol=1e-6)
    assert found.fall > 0.0


def test_what_has_no_optimum_says_why(rng):
    x = np.linspace(-1.0, 1.0, 20)[:, np.newaxis]
    with pytest.raises(NoOptimum) as caught:
        find_optimum(Likelihood(problem(x, x[:, 0] > 0), 0), np.array([[50.0]]), np.zeros(1))
    assert caught.value.separable
    X = np.hstack([x, x**2, 3.0 - x])
    y = rng.integers(0, 2, 20)
    with pytest.raises(NoOptimum) as caught:
        find_optimum(Likelihood(problem(X, y), 0), np.zeros((1, 3)), np.zeros(1))
    assert (caught.value.column, caught.value.others) == (2, [0])
