"""Minimisers of smooth functions: they know an objective, but no loss, data or estimator."""
