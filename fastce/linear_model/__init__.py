"""Linear classifiers with scikit-learn's interface."""

from ._logistic import LogisticRegression

__all__ = ["LogisticRegression"]
