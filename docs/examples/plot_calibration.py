"""
Calibration
===========

Of all cases that a model calls 80 % likely, about 80 % should come true. A logistic regression at
its minimum comes close by itself: with an intercept, the mean of its probabilities is the share of
the class in the data it was fitted to.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

import fastce
from fastce.linear_model import LogisticRegression

# %%
# Twenty columns that measure the same three quantities, with errors.

rng = np.random.default_rng(0)
y = (rng.random(20_000) < 0.4).astype(int)
quantities = rng.normal(0.7 * y[:, np.newaxis], 1, (20_000, 3))
X = quantities @ rng.normal(0, 1, (3, 20)) + rng.normal(0, 0.5, (20_000, 20))
X, X_test, y, y_test = train_test_split(X, y, train_size=2_000, random_state=0)

models = {
    "logistic regression": LogisticRegression(),
    "naive Bayes": GaussianNB(),
}
figure, ax = plt.subplots(figsize=(5.5, 5.5), layout="constrained")
for name, model in models.items():
    model.fit(X, y)
    probability = model.predict_proba(X_test)
    loss = fastce.binary_cross_entropy(probability[:, 1].clip(1e-15, 1 - 1e-15), y_test)
    CalibrationDisplay.from_predictions(
        y_test, probability[:, 1], n_bins=15, name=f"{name}, loss {loss:.2f}", ax=ax
    )
ax.set(xlabel="probability that the model gave", ylabel="share that came true", aspect="equal")
ax.legend(loc="upper left")

# %%
# Naive Bayes takes columns that measure the same for so many witnesses, and is far too sure.
#
# The mean of the probabilities and the share of the class, on the rows of the fit:

model = models["logistic regression"]
print(f"{model.predict_proba(X)[:, 1].mean():.6f}, {y.mean():.6f}")

# %%
# `fastce.linear_model.LogisticRegression` goes into `sklearn.calibration.CalibratedClassifierCV`
# like any other classifier, where it is needed all the same: after ``class_weight="balanced"``, for
# example, which changes the shares.
