"""Standard errors, tests and confidence intervals of a fitted model's coefficients."""

from ._summary import summary
from ._table import CoefficientTable

__all__ = ["CoefficientTable", "summary"]
