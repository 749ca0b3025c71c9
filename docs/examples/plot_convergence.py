"""
Convergence on raw columns
==========================

How far from the minimum is a fit after so many iterations? Thirteen measurements of wines, from 0.1
to 1680, as they are in the data set.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import sklearn.linear_model
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning

import fastce
from fastce.linear_model import LogisticRegression

X, y = load_wine(return_X_y=True)


def objective(model, C=1.0):
    """Return what both libraries minimise, divided by the number of rows."""
    loss = fastce.cross_entropy(model.decision_function(X), y)
    return loss + (model.coef_**2).sum() / (2 * C * len(y))


# %%
# The minimum, from a fit with a tolerance near the precision of float64.

minimum = objective(LogisticRegression(tol=1e-12).fit(X, y))

# %%
# fastce notes the objective after each iteration. scikit-learn does not, so it is fitted again and
# again with more iterations.

history = LogisticRegression().fit(X, y).loss_history_

curves = {}
for solver, budgets in (
    ("lbfgs", [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]),
    ("newton-cg", [1, 2, 5, 10, 20, 50, 100]),
    ("saga", [1, 10, 100, 1000]),
):
    curves[solver] = []
    for max_iter in budgets:
        model = sklearn.linear_model.LogisticRegression(solver=solver, max_iter=max_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", UserWarning)  # of line searches
            model.fit(X, y)
        curves[solver].append((max_iter, objective(model) / minimum - 1))

# %%

figure, ax = plt.subplots(figsize=(6.4, 4.5), layout="constrained")
gap = np.maximum(history / minimum - 1, 1e-12)
ax.plot(np.arange(1, len(gap)), gap[1:], "o-", ms=4, label="fastce, default")
for (solver, points), style in zip(curves.items(), ("s--", "^--", "v--"), strict=True):
    ax.plot(*np.transpose(points), style, ms=4, alpha=0.8, label=f"scikit-learn, {solver}")
ax.axhline(1e-6, color="0.8", zorder=0)
ax.axvline(100, color="0.8", zorder=0)
ax.text(110, 1e-9, "max_iter of scikit-learn", color="0.4")
ax.set(
    xscale="log",
    yscale="log",
    xlabel="iterations",
    ylabel="objective / minimum - 1",
    ylim=(2e-10, 100),
)
ax.legend(loc="center right", bbox_to_anchor=(1, 0.4))

# %%
# A fit that stopped early is not only unfinished. Its probabilities are those of another model, one
# with a penalty that nobody chose:

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    unfinished = sklearn.linear_model.LogisticRegression().fit(X, y)
finished = LogisticRegression().fit(X, y)
difference = np.abs(unfinished.predict_proba(X) - finished.predict_proba(X)).max(axis=1)
print(f"largest difference of a probability: {difference.max():.2f}")
print(f"wines with a difference above 0.05:  {(difference > 0.05).sum()} of {len(y)}")
