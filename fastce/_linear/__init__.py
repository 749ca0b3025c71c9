"""The objective of a linear model: loss of ``X @ coef.T + intercept``, derivatives, preconditioner.

Everything here goes through X one block of rows at a time.
"""
