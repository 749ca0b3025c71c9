"""Standard errors, tests and confidence intervals of a fitted model's coefficients."""

from ._coefficient_table import CoefficientTable
from ._summary import summary

__all__ = ["CoefficientTable", "summary"]
