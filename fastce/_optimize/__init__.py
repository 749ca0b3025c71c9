"""Minimisers of smooth functions: they know an objective, but no loss, data or estimator."""

# What `minimise` takes, and the estimator with it.
SOLVERS = ("auto", "lbfgs", "newton-cg", "newton-cholesky")
