"""
Distillation
============

A small model learns from a large one: not from labels, but from the probabilities that the large
one gives. ``kl_divergence`` has the temperature that goes with it.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

import fastce

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)

# %%
# The teacher sees all labels. The student, a linear model, sees sixty rows: with labels, or with
# what the teacher says of them.

teacher = SVC().fit(X, y)
rows = np.random.default_rng(0).choice(len(X), 60, replace=False)
X_few, y_few = X[rows], y[rows]
teacher_logits = teacher.decision_function(X_few)


def learn(loss, target, penalty=1e-3, **options):
    """Return the coefficients (10, 64) that minimise a loss."""

    def objective(w):
        W = w.reshape(10, 64)
        value, grad = loss(X_few @ W.T, target, **options)
        return value + penalty / 2 * w @ w, (grad.T @ X_few).ravel() + penalty * w

    return minimize(objective, np.zeros(640), jac=True, method="L-BFGS-B").x.reshape(10, 64)


def accuracy(W):
    """Return the share of test rows that coefficients get right."""
    return np.mean((X_test @ W.T).argmax(axis=1) == y_test)


from_labels = accuracy(learn(fastce.cross_entropy_value_and_grad, y_few))

# %%
# A high temperature makes the teacher's second and third choices visible.

temperatures = np.array([0.25, 0.5, 1, 2, 4, 8])
from_teacher = [
    accuracy(
        learn(
            fastce.kl_divergence_value_and_grad,
            fastce.softmax(teacher_logits / T),
            temperature=T,
        )
    )
    for T in temperatures
]

figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
ax.plot(temperatures, from_teacher, "o-", label="student, from the teacher's probabilities")
ax.axhline(from_labels, color="0.4", ls="--", label="student, from labels")
ax.axhline(teacher.score(X_test, y_test), color="C1", ls=":", label="teacher")
ax.set(xscale="log", xlabel="temperature", ylabel="accuracy on test rows")
ax.set_xticks(temperatures, [f"{T:g}" for T in temperatures], minor=False)
ax.minorticks_off()
ax.legend()
