"""liblinear's objective: the intercept is a penalised coefficient of a constant column."""

import numpy as np


def join(coef: np.ndarray, intercept: np.ndarray, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients of the columns with the constant one's, and an intercept of zero."""
    return np.column_stack([coef, intercept / value]), np.zeros_like(intercept)


def split(coef: np.ndarray, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and intercept: the opposite of `join`."""
    return np.ascontiguousarray(coef[:, :-1]), coef[:, -1] * value
