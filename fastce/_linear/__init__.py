"""The objective of a linear model: the loss of ``X @ coef.T + intercept``, its derivatives, a preconditioner.

Everything here goes through X one block of rows at a time.
"""
