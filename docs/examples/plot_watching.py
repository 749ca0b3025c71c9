"""
Watching a fit
==============

Objective and gradient fall at different speeds, and a score that a user sees settles long before
either. A display draws the first two, a callback of scikit-learn notes the third.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from fastce.display import ConvergenceDisplay
from fastce.linear_model import LogisticRegression

# %%
# Images of digits, eight by eight pixels. A third of them is held out. The minimum comes from a
# fit with a small tolerance.

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=1 / 3, random_state=0)
minimum = LogisticRegression(tol=1e-10).fit(X, y).loss_history_.min()

# %%
# Each solver gets to the same minimum. Newton's method takes fewer iterations, each of which costs
# several passes over the data. The first fit of a solver compiles what it needs, so the second one
# is drawn.

solvers = ("auto", "newton-cg", "newton-cholesky")
fits = {solver: LogisticRegression(solver=solver).fit(X, y).fit(X, y) for solver in solvers}
figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), layout="constrained", sharey="row")
for row, quantity in zip(axes, ("objective", "gradient"), strict=True):
    for ax, against in zip(row, ("iterations", "seconds"), strict=True):
        ConvergenceDisplay.from_estimators(
            fits, minimum=minimum, ax=ax, quantity=quantity, against=against
        )
        ax.label_outer()


# %%
# ``ScoringMonitor`` asks for a fitted model after each iteration. A scorer of one's own sees the
# rows that were held out.


def held_out(model, X, y):
    """Return what the model makes of rows that the fit does not see."""
    return {"accuracy": model.score(X_test, y_test)}


monitor = ScoringMonitor(scoring=held_out)
model = LogisticRegression().set_callbacks(monitor).fit(X, y)
scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "iter"]

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
ax.plot(np.arange(1, len(scores) + 1), scores, "o-", ms=4)
ax.set(xlabel="iterations", ylabel="accuracy on held-out digits")
print(f"after {len(scores)} iterations {scores[-1]:.3f}, best {max(scores):.3f}")
