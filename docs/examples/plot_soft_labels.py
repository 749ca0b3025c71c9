"""
Soft labels
===========

Where several people labelled each row and disagree, a majority vote throws away how sure they were.
Cross-entropy takes the shares of their votes as they are.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import fastce

# %%
# Three groups of points in the plane, and for each point the votes of five people, who are unsure
# where the groups meet.

rng = np.random.default_rng(0)
true_W = np.array([[2.0, 0.5], [-1.5, 1.5], [0.0, -2.0]])


def draw(n):
    """Return points, and the probability of each class there."""
    X = rng.normal(0, 1, (n, 2))
    return X, fastce.softmax(X @ true_W.T)


X, p = draw(100)
votes = rng.multinomial(5, p)
shares = votes / 5
majority = votes.argmax(axis=1)

# %%
# The same objective twice. Integers are class indices, floats of the logits' shape are
# probabilities.


def fit(target, penalty=1e-3):
    """Return the coefficients (3, 2) that fit the targets."""

    def objective(w):
        W = w.reshape(3, 2)
        value, grad = fastce.cross_entropy_value_and_grad(X @ W.T, target)
        return value + penalty / 2 * w @ w, (grad.T @ X).ravel() + penalty * w

    return minimize(objective, np.zeros(6), jac=True).x.reshape(3, 2)


fits = {"shares of votes": fit(shares), "majority": fit(majority)}

# %%
# On points that none of them has seen, against the probabilities from which the votes were drawn:

X_new, p_new = draw(5_000)
for name, W in fits.items():
    print(f"{name:16} divergence from the truth {fastce.kl_divergence(X_new @ W.T, p_new):.4f}")

# %%
# The majority makes the model too sure: its areas of doubt (light) are narrower than those of the
# people.

grid = np.linspace(-3, 3, 150)
points = np.stack(np.meshgrid(grid, grid), axis=-1)
colors = np.array([[0.8, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.3, 0.8]])
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained", sharey=True)
for ax, (name, W) in zip(axes, {"the truth": true_W, **fits}.items(), strict=True):
    sureness = fastce.softmax(points @ W.T)
    strength = (sureness.max(axis=-1, keepdims=True) - 1 / 3) * 1.5
    image = 1 - strength * (1 - colors[sureness.argmax(axis=-1)])
    ax.imshow(image, extent=(-3, 3, -3, 3), origin="lower")
    ax.scatter(*X.T, c=shares @ colors, s=14, edgecolors="black", linewidths=0.4)
    ax.set(title=name, xlim=(-3, 3), ylim=(-3, 3))
