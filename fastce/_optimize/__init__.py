"""Minimisers of smooth functions: they know an objective's protocol, and no loss, data or estimator."""
