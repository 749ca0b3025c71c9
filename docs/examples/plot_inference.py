"""
Coefficients with confidence intervals
======================================

Which measurements tell that diabetes will progress? A coefficient without its error does not answer
that. ``fastce.inference.summary`` gives both.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from fastce.inference import summary
from fastce.linear_model import LogisticRegression

# %%
# Ten measurements of 442 patients, in units of their standard deviations, and whether the disease
# progressed more than in half of them. Maximum likelihood is ``C=np.inf``: a penalty would pull the
# coefficients towards zero, and the intervals with them.

data = load_diabetes(scaled=False)
X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
y = (data.target > np.median(data.target)).astype(int)
model = LogisticRegression(C=np.inf).fit(X, y)
table = summary(model, X, y)
print(table)

# %%
# The same numbers as statsmodels' ``Logit`` has. ``cov_type="HC0"`` does not rely on the model
# being true.

robust = summary(model, X, y, cov_type="HC0")

figure, ax = plt.subplots(figsize=(6.4, 5), layout="constrained")
names = ["age", "sex", "body mass", "blood pressure", "cholesterol", "LDL", "HDL", "ratio"]
names += ["triglycerides", "blood sugar"]
for found, shift, label in ((table, 0.12, "from the Hessian"), (robust, -0.12, "robust (HC0)")):
    coef, half = found.coef[0, 1:], np.ptp(found.conf_int[0, 1:], axis=1) / 2
    ax.errorbar(coef, np.arange(10) + shift, xerr=half, fmt="o", ms=5, capsize=3, label=label)
ax.axvline(0, color="0.8", zorder=0)
ax.set_yticks(range(10), names)
ax.invert_yaxis()
ax.set(xlabel="coefficient for one standard deviation, 95 % confidence")
ax.legend()

# %%
# Cholesterol, LDL, HDL and their ratio go together, so that the data hardly tell them apart: their
# intervals are wide. These four leave zero outside:

outside = table.p_value[0, 1:] < 0.05
print(", ".join(name for name, far in zip(names, outside, strict=True) if far))
