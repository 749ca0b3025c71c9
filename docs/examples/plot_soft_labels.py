"""
Soft labels
===========

Where several people labelled each row and disagree, a majority vote throws away how sure they were.
``fit`` takes the shares of their votes as they are.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastce
from fastce.linear_model import LogisticRegression

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
# The same estimator twice. Integers are classes; a table of floats with a column for each class
# holds their probabilities.

fits = {
    "shares of votes": LogisticRegression(C=10, fit_intercept=False).fit(X, shares),
    "majority": LogisticRegression(C=10, fit_intercept=False).fit(X, majority),
}

# %%
# On points that none of them has seen, against the probabilities from which the votes were drawn:

X_new, p_new = draw(5_000)
for name, model in fits.items():
    divergence = fastce.kl_divergence(model.decision_function(X_new), p_new)
    print(f"{name:16} divergence from the truth {divergence:.4f}")

# %%
# The majority makes the model too sure: its areas of doubt (light) are narrower than those of the
# people.

grid = np.linspace(-3, 3, 150)
points = np.stack(np.meshgrid(grid, grid), axis=-1)
colors = np.array([[0.8, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.3, 0.8]])
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained", sharey=True)
coefs = {"the truth": true_W} | {name: model.coef_ for name, model in fits.items()}
for ax, (name, W) in zip(axes, coefs.items(), strict=True):
    sureness = fastce.softmax(points @ W.T)
    strength = (sureness.max(axis=-1, keepdims=True) - 1 / 3) * 1.5
    image = 1 - strength * (1 - colors[sureness.argmax(axis=-1)])
    ax.imshow(image, extent=(-3, 3, -3, 3), origin="lower")
    ax.scatter(*X.T, c=shares @ colors, s=14, edgecolors="black", linewidths=0.4)
    ax.set(title=name, xlim=(-3, 3), ylim=(-3, 3))
