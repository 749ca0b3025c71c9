"""
Boosted trees with a loss of your choice
========================================

Boosting libraries take gradient and Hessian diagonal of any loss. ``fastce.boosting`` makes such
objectives for XGBoost and LightGBM; here forty lines of scikit-learn's trees stand for both, which
call an objective in the same way, with labels and scores.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.tree import DecisionTreeRegressor

import fastce
from fastce.boosting import xgboost

# %%
# A fifth of the training labels is wrong, those of the test rows are right.

X, y = make_classification(
    4000, 10, n_informative=8, n_classes=4, flip_y=0.0, class_sep=1.2, random_state=0
)
rng = np.random.default_rng(0)
train, test = np.arange(4000) < 1500, np.arange(4000) >= 1500
noisy = np.where(rng.random(4000) < 0.2, rng.integers(0, 4, 4000), y)


def boost(objective, n_rounds=40, rate=0.3):
    """Return the scores of all rows after each round: a Newton step of one tree a class."""
    scores, history = np.zeros((len(X), 4)), []
    for _ in range(n_rounds):
        grad, hess = objective(noisy[train], scores[train])
        for k in range(4):
            tree = DecisionTreeRegressor(max_depth=3, random_state=0)
            tree.fit(X[train], -grad[:, k] / (hess[:, k] + 1e-3), hess[:, k] + 1e-3)
            scores[:, k] += rate * tree.predict(X).clip(-4, 4)
        history.append(scores.copy())
    return history


# %%
# Three losses, the same trees. Label smoothing believes no label altogether, and focal loss leaves
# rows alone that are nearly right.

objectives = {
    "softmax": xgboost("softmax"),
    "label smoothing 0.2": xgboost("softmax", label_smoothing=0.2),
    "focal, gamma 2": xgboost("focal", gamma=2),
}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, objective in objectives.items():
    history = boost(objective)
    wrong = [(scores[test].argmax(axis=1) != y[test]).mean() for scores in history]
    loss = [fastce.cross_entropy(scores[test], y[test]) for scores in history]
    axes[0].plot(wrong, label=name)
    axes[1].plot(loss, label=name)
    print(f"{name:20} error {wrong[-1]:.3f}, log-loss {loss[-1]:.3f}")
axes[0].set(title="error on clean test rows", xlabel="rounds")
axes[1].set(title="log-loss on clean test rows", xlabel="rounds")
axes[0].legend()

# %%
# With the libraries the objective is the same object: ``XGBClassifier(objective=objective)``, or
# ``fastce.boosting.lightgbm`` for ``LGBMClassifier``. For a plain softmax their own is faster.
