"""liblinear's objective: the intercept is a penalised coefficient of a constant column."""

from typing import Any

import numpy as np
from scipy import sparse


def append_column(X: Any, value: float) -> Any:
    """Return a copy of X (n, p), dense or CSR, with one more column that holds `value`."""
    n, p = X.shape
    if sparse.issparse(X):
        column = sparse.csr_matrix(np.full((n, 1), value, dtype=X.dtype))
        return sparse.hstack([X, column], format="csr")
    result = np.empty((n, p + 1), dtype=X.dtype, order="F" if X.flags.f_contiguous else "C")
    result[:, :p] = X
    result[:, p] = value
    return result


def join(coef: np.ndarray, intercept: np.ndarray, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients of the columns with the constant one's, and an intercept of zero."""
    return np.column_stack([coef, intercept / value]), np.zeros_like(intercept)


def split(coef: np.ndarray, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and intercept: the opposite of `join`."""
    return np.ascontiguousarray(coef[:, :-1]), coef[:, -1] * value
