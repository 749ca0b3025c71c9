"""
Losses that reshape cross-entropy
=================================

Focal loss plays down rows that are nearly right; the poly-1 loss changes the first term of
cross-entropy's series. Both are drawn here, and one is put to use on a rare class.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score

import fastce

# %%
# The loss of a row against the probability that its class was given.

p = np.linspace(0.02, 0.999, 300)
logits = np.stack([np.zeros_like(p), np.log(p) - np.log1p(-p)], axis=1)
target = np.ones(300, int)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for gamma in (0, 0.5, 1, 2, 5):
    curve = fastce.focal_loss(logits, target, gamma=gamma, reduction="none")
    left.plot(p, curve, label=f"gamma {gamma}")
for epsilon in (0, -1, 1, 2):
    curve = fastce.poly_loss(logits, target, epsilon=epsilon, reduction="none")
    right.plot(p, curve, label=f"epsilon {epsilon}")
left.set(title="focal_loss", xlabel="probability of the class", ylabel="loss")
right.set(title="poly_loss", xlabel="probability of the class", ylim=(0, 5))
for ax in (left, right):
    ax.legend()

# %%
# gamma 0 and epsilon 0 are cross-entropy.
#
# One row in fifty is of the rare class here. The model is linear, and its value and gradient come
# from the loss that is given to it.

X, y = make_classification(20_000, 10, weights=[0.98], class_sep=0.7, flip_y=0.01, random_state=1)
y = y.astype(float)


def fit(loss, **options):
    """Return the coefficients and the intercept that minimise a loss of logits and labels."""

    def objective(w):
        value, grad = loss(X @ w[:-1] + w[-1], y, **options)
        return value, np.append(grad @ X, grad.sum())

    return minimize(objective, np.zeros(11), jac=True).x


fits = {
    "cross-entropy": fit(fastce.binary_cross_entropy_with_logits_value_and_grad),
    "focal, gamma 2": fit(fastce.sigmoid_focal_loss_value_and_grad, reduction="mean"),
}

# %%
# Focal loss spends less on rows that are decided, and its probabilities are less sure. They are no
# longer those of the data: where probabilities are wanted, cross-entropy is right, and focal loss
# only where the order of the rows is.

figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
for name, w in fits.items():
    probability = fastce.sigmoid(X @ w[:-1] + w[-1])
    precision = average_precision_score(y, probability)
    print(f"{name:15} average precision {precision:.3f}, mean probability {probability.mean():.3f}")
    ax.hist(probability, np.linspace(0, 1, 41), histtype="step", lw=2, label=name)
print(f"share of the rare class {y.mean():.3f}")
ax.set(yscale="log", xlabel="probability of the rare class", ylabel="rows")
ax.legend()
