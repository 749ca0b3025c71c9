"""
Other winners of a grid search
==============================

A search over ``C`` compares fits. Where these stop before their minimum, the search compares how
far they came instead.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import sklearn.linear_model
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from fastce.linear_model import LogisticRegression

X, y = load_breast_cancer(return_X_y=True)
grid = {"C": 10.0 ** np.arange(-4, 5)}

# %%
# The same folds, the same columns as they are in the data set, the same score: log-likelihood of
# held-out rows.

searches = {}
for name, model in (
    ("fastce", LogisticRegression()),
    ("scikit-learn, lbfgs", sklearn.linear_model.LogisticRegression()),
):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=5).fit(X, y)
    searches[name] = search
    print(
        f"{name}: best C {search.best_params_['C']:g}, log-loss {-search.best_score_:.3f}, "
        f"{len(caught)} of 46 fits warned"
    )

# %%
# Among fits that end, the penalty does its work: too much of it and too little of it are both
# worse. Among fits that stop after 100 iterations the largest ``C`` looks as good as any, because
# the iterations, not ``C``, keep the coefficients small.

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for (name, search), style in zip(searches.items(), ("o-", "s--"), strict=True):
    scores = -search.cv_results_["mean_test_score"]
    (line,) = ax.plot(grid["C"], scores, style, label=name)
    best = scores.argmin()
    ax.plot(grid["C"][best], scores[best], "o", ms=14, mfc="none", mew=2, color=line.get_color())
ax.set(xscale="log", xlabel="C", ylabel="log-loss of held-out rows (mean of 5 folds)")
ax.legend(title="a ring is the winner")
