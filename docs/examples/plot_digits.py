"""
Probabilities of digits
=======================

A classifier says how sure it is. The digits of which it is least sure are those that people would
look at twice, too.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fastce
from fastce.linear_model import LogisticRegression

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

# %%
# ``C`` is small because the columns, grey values from 0 to 16, are large.

model = LogisticRegression(C=1e-2).fit(X, y)
probabilities = model.predict_proba(X_test)
losses = fastce.nll_loss(model.predict_log_proba(X_test), y_test, reduction="none")
print(f"accuracy {model.score(X_test, y_test):.3f}, cross-entropy {losses.mean():.3f}")

# %%
# The six rows whose largest probability is smallest, with the true digit above.

doubtful = probabilities.max(axis=1).argsort()[:6]
figure, axes = plt.subplots(
    3, 4, figsize=(7, 5), layout="constrained", width_ratios=[1, 1.6, 1, 1.6]
)
for row, (picture, bars) in zip(doubtful, axes.reshape(6, 2), strict=True):
    picture.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
    picture.set(xticks=[], yticks=[], title=f"a {y_test[row]}")
    colors = np.where(np.arange(10) == y_test[row], "C0", "0.7")
    bars.bar(np.arange(10), probabilities[row], color=colors)
    bars.set(xticks=range(10), ylim=(0, 1))
    bars.spines[["top", "right"]].set_visible(False)

# %%
# Digits that got a probability above 99 % are right nearly always: a program may read those, and
# leave the others to people.

sure = probabilities.max(axis=1) > 0.99
right = probabilities.argmax(axis=1) == y_test
print(f"above 99 %: {sure.mean():.0%} of the digits, {right[sure].mean():.1%} of them right")
print(f"the others: {(~sure).mean():.0%} of the digits, {right[~sure].mean():.1%} of them right")
