"""
A logistic classifier and its cross-entropy
===========================================

The two pictures of every textbook: a line between two groups of points, with the probabilities
that belong to it, and the loss of each point.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastce
from fastce.linear_model import LogisticRegression

# %%
# Two groups of points that overlap, and a fit.

rng = np.random.default_rng(3)
X = np.concatenate([rng.normal((-1, -0.5), 0.9, (40, 2)), rng.normal((1, 0.7), 0.9, (40, 2))])
y = np.repeat([0, 1], 40)
model = LogisticRegression().fit(X, y)

# %%
# The logit of a point is a linear function of its coordinates; a sigmoid makes a probability of it.
# Where the logit is 0, both classes are equally likely. Parallel to that line run those of all
# other probabilities.

grid = np.linspace(-3.5, 3.5, 200)
points = np.stack(np.meshgrid(grid, grid), axis=-1)
probability = model.predict_proba(points.reshape(-1, 2))[:, 1].reshape(200, 200)

figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
filled = ax.contourf(grid, grid, probability, np.linspace(0, 1, 11), cmap="RdBu", alpha=0.6)
ax.contour(grid, grid, probability, [0.5], colors="black", linewidths=2)
for label, color, marker in ((0, "darkred", "o"), (1, "darkblue", "^")):
    ax.scatter(*X[y == label].T, c=color, marker=marker, edgecolors="white", label=f"class {label}")
ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
ax.legend(loc="lower right")
figure.colorbar(filled, label="probability of class 1")

# %%
# The cross-entropy of a point is minus the logarithm of the probability that its class was given:
# next to nothing on the right side of the line, and growing in proportion to the distance on the
# wrong one. One function returns it, and its slope.

logits = np.linspace(-5, 5, 201)
losses = fastce.binary_cross_entropy_with_logits(model.decision_function(X), y, reduction="none")

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for label, color, marker in ((0, "darkred", "o"), (1, "darkblue", "^")):
    target = np.full(201, label)
    curve = fastce.binary_cross_entropy_with_logits(logits, target, reduction="none")
    ax.plot(logits, curve, color=color, label=f"$-\\log\\,p$(class {label})")
    chosen = y == label
    ax.scatter(
        model.decision_function(X)[chosen], losses[chosen], c=color, marker=marker, alpha=0.5
    )
ax.axvline(0, color="0.8", zorder=0)
ax.set(xlabel="logit", ylabel="cross-entropy", xlim=(-5, 5), ylim=(-0.1, 5))
ax.legend()

# %%
# Their mean is what the fit made small.

print(f"mean cross-entropy {losses.mean():.3f}, without the columns {np.log(2):.3f}")
