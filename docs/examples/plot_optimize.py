"""
A loss in scipy.optimize
========================

Value and gradient in one call are what ``scipy.optimize.minimize`` asks for, so a model that no
estimator offers is a few lines: here a classifier of digits whose coefficients may not be negative.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fastce

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)

# %%
# The gradient at the logits, (rows, 10), times X is the gradient at the coefficients.


def objective(w, penalty=1e-3):
    """Return cross-entropy and ridge penalty, and their gradient."""
    W = w.reshape(10, 64)
    value, grad = fastce.cross_entropy_value_and_grad(X @ W.T, y)
    return value + penalty / 2 * w @ w, (grad.T @ X).ravel() + penalty * w


# %%
# With bounds the classes can only collect ink, and not forbid it.

results = {
    "free": minimize(objective, np.zeros(640), jac=True, method="L-BFGS-B"),
    "not negative": minimize(
        objective, np.zeros(640), jac=True, method="L-BFGS-B", bounds=[(0, None)] * 640
    ),
}
for name, result in results.items():
    accuracy = np.mean((X_test @ result.x.reshape(10, 64).T).argmax(axis=1) == y_test)
    print(f"{name:13} objective {result.fun:.3f}, accuracy {accuracy:.3f}, {result.nfev} calls")

# %%
# Coefficients that are not negative look like what they recognise, and pay for it in accuracy.

figure, axes = plt.subplots(4, 5, figsize=(6, 5.4), layout="constrained")
for (name, result), rows in zip(results.items(), (axes[:2], axes[2:]), strict=True):
    W = result.x.reshape(10, 8, 8)
    for digit, ax in enumerate(rows.flat):
        ax.imshow(W[digit], cmap="RdBu_r", vmin=-abs(W).max(), vmax=abs(W).max())
        ax.set(xticks=[], yticks=[])
    rows[0, 2].set_title(name)
