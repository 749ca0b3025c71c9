"""
A network in NumPy
==================

The gradient at the logits is all that a framework would give the last layer. The rest of a small
network is a few products of matrices.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

import fastce
from fastce.linear_model import LogisticRegression

X, y = make_moons(400, noise=0.2, random_state=0)

# %%
# One hidden layer of rectified units. ``backward`` is the chain rule, written down.

rng = np.random.default_rng(0)
sizes = (2, 32, 2)
weights = [rng.normal(0, np.sqrt(2 / m), (m, n)) for m, n in pairwise(sizes)]
biases = [np.zeros(n) for n in sizes[1:]]


def forward(X):
    """Return the hidden layer and the logits."""
    hidden = np.maximum(X @ weights[0] + biases[0], 0)
    return hidden, hidden @ weights[1] + biases[1]


def backward(X, hidden, grad):
    """Return the gradients of weights and biases from the one at the logits."""
    grad_hidden = grad @ weights[1].T * (hidden > 0)
    return X.T @ grad_hidden, hidden.T @ grad, grad_hidden.sum(axis=0), grad.sum(axis=0)


# %%
# Gradient descent with momentum.

values = []
velocity = [np.zeros_like(a) for a in weights + biases]
for _ in range(600):
    hidden, logits = forward(X)
    value, grad = fastce.cross_entropy_value_and_grad(logits, y)
    values.append(value)
    gradients = backward(X, hidden, grad)
    for parameter, step, gradient in zip(weights + biases, velocity, gradients, strict=True):
        step *= 0.9
        step -= 0.1 * gradient
        parameter += step

# %%
# Beside it a straight line, as far as it goes.

linear = LogisticRegression().fit(X, y)
linear_loss = fastce.binary_cross_entropy_with_logits(linear.decision_function(X), y)
print(f"network {values[-1]:.3f}, line {linear_loss:.3f}")

grid = np.linspace(-2, 3, 200)
points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
probability = fastce.softmax(forward(points)[1])[:, 1].reshape(200, 200)

figure, (ax, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
ax.contourf(grid, grid, probability, np.linspace(0, 1, 11), cmap="RdBu", alpha=0.6)
straight = linear.predict_proba(points)[:, 1].reshape(200, 200)
ax.contour(grid, grid, straight, [0.5], colors="0.3", linestyles="--")
for label, color, marker in ((0, "darkred", "o"), (1, "darkblue", "^")):
    ax.scatter(*X[y == label].T, c=color, marker=marker, s=16, edgecolors="white", linewidths=0.5)
ax.set(xlim=(-1.6, 2.6), ylim=(-1.2, 1.8), xlabel="$x_1$", ylabel="$x_2$")
right.plot(values, label="network")
right.axhline(linear_loss, color="0.3", ls="--", label="line, at its minimum")
right.set(yscale="log", xlabel="step", ylabel="cross-entropy")
right.legend()
