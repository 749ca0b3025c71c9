"""Data for linear classifiers, and the objective over them."""

import numpy as np

from fastce._linear.loss import LinearLoss


def raw_columns(rng, n, p, *, decades=4, offset=1.0, mixed=False):
    """Return X (n, p) of random columns as nobody has scaled them.

    Their units lie `decades` powers of ten apart, their means are `offset` standard normal numbers;
    `mixed`: each is a mixture of all.
    """
    X = rng.normal(size=(n, p))
    X = X @ rng.normal(size=(p, p)) if mixed else X
    return X * np.logspace(-decades / 2, decades / 2, p) + offset * rng.normal(size=p)


def labelled(rng, n=150, p=7, n_classes=4, density=1.0, **columns):
    """Return X of raw columns, a part of them zero, and labels that do not depend on them."""
    X = raw_columns(rng, n, p, **columns)
    X[rng.random((n, p)) >= density] = 0.0
    return X, rng.integers(0, n_classes, n)


def unbalanced(rng, n=400, p=5, n_classes=4):
    """Return X of mixed raw columns far from zero, labels of classes of sizes 1 : 2 : 3 ..."""
    X = raw_columns(rng, n, p, decades=6, offset=10.0, mixed=True)
    shares = np.arange(1, n_classes + 1) / (n_classes * (n_classes + 1) / 2)
    return X, rng.choice(n_classes, n, p=shares)


def learnable(rng, n=300, p=5, n_classes=3):
    """Return standard normal X and labels drawn from a linear model of them."""
    X = rng.normal(size=(n, p))
    return X, (X @ rng.normal(size=(p, n_classes)) + rng.gumbel(size=(n, n_classes))).argmax(axis=1)


def linear_logits(rng, dtype, n=53, p=6, n_classes=7):
    """Return X, coef, intercept and class indices of `linear_cross_entropy`."""
    X, coef = rng.normal(size=(n, p)).astype(dtype), rng.normal(size=(n_classes, p)).astype(dtype)
    return X, coef, rng.normal(size=n_classes).astype(dtype), rng.integers(0, n_classes, n)


def objective_of(X, y, n_classes, weights=None, penalty=0.3, **options):
    """Return the objective of a fit, the weights divided by their sum."""
    weights = np.full(1, 1.0 / X.shape[0]) if weights is None else weights / weights.sum()
    return LinearLoss(X, y, n_classes, weights=weights, penalty=penalty, **options)


def packed(objective, coef, intercept):
    """Pack coefficients as they are: `pack` would take the mean over the classes out."""
    theta = np.empty(objective.size)
    own_coef, own_intercept = objective.parts(theta)
    own_coef[...], own_intercept[...] = coef, intercept
    return theta


def finite_difference_hessian(objective, theta):
    """Return the Hessian by central differences of the gradient.

    Each parameter has a step in its own unit.
    """
    columns = []
    for j in range(theta.size):
        step = np.zeros(theta.size)
        curvature = 1.0
        for _ in range(3):
            step[j] = 1e-4 / np.sqrt(curvature)
            column = (
                objective.value_and_grad(theta + step)[1]
                - objective.value_and_grad(theta - step)[1]
            ) / (2 * step[j])
            curvature = max(column[j], 1e-12)
        columns.append(column)
    return np.array(columns)
