"""Linear classifiers with scikit-learn's interface."""

from ._logistic import LogisticRegression
from ._separation_warning import SeparationWarning

__all__ = ["LogisticRegression", "SeparationWarning"]
