"""
A loss inside your own compiled loop
====================================

Functions that Numba compiles may call fastce's losses. Here stochastic gradient descent, with
batches of 32 rows, is written by hand, and a ``prange`` runs it for many step sizes at once: from
Python, every step of every run would pay for three calls.
"""

import time

import matplotlib.pyplot as plt
import numba
import numpy as np
from sklearn.datasets import load_digits

import fastce

X, y = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(y.size)
X, y = X[order] / 16, y[order]


@numba.njit
def descend(X, y, step_size, n_epochs):
    """Return coefficients of a softmax regression after some passes over the rows, and the loss."""
    W = np.zeros((X.shape[1], 10))
    for _ in range(n_epochs):
        for i in range(0, y.size, 32):
            rows, labels = X[i : i + 32], y[i : i + 32]
            _, grad = fastce.cross_entropy_value_and_grad(rows @ W, labels)
            W -= step_size * (rows.T @ grad)
    return W, fastce.cross_entropy(X @ W, y)


@numba.njit(parallel=True)
def losses_of(X, y, step_sizes, n_epochs):
    """Return the loss that is left, for each step size."""
    losses = np.empty(step_sizes.size)
    for j in numba.prange(step_sizes.size):
        losses[j] = descend(X, y, step_sizes[j], n_epochs)[1]
    return losses


# %%
# A call inside has the bits of the same call from Python, so the compiled function and the function
# that it was made of differ by the rounding of their matrix products at most.

descend(X, y, 0.1, 1)
descend.py_func(X, y, 0.1, 1)  # the first calls compile
start = time.perf_counter()
W, loss = descend(X, y, 0.1, 5)
middle = time.perf_counter()
same, same_loss = descend.py_func(X, y, 0.1, 5)
end = time.perf_counter()
print(f"compiled {middle - start:.4f} s, from Python {end - middle:.4f} s")
print(f"differences: coefficients {abs(W - same).max():.1e}, loss {abs(loss - same_loss):.1e}")

# %%
# Forty runs of ten epochs. Too small a step leaves most of the loss, too large a step leaps about.

step_sizes = np.geomspace(1e-3, 10, 40)
losses = losses_of(X, y, step_sizes, 10)

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.loglog(step_sizes, losses, "o-")
ax.set(xlabel="step size", ylabel="cross-entropy after 10 epochs")
ax.grid(alpha=0.3)
