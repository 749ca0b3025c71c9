"""Few rows with many columns, in coordinates of their row space: as many columns as rows, and the same minimum.

The best coefficients are combinations of the rows of X (less their mean, where there is an
intercept), since the penalty is least there. With an orthonormal basis Q (r, p) of the rows, r <=
n, ``X - mean = Y Q``: a fit of Y (n, r) gives coefficients C with ``coef = C Q`` and ``||coef|| =
||C||``. Y is a pivoted Cholesky factor of the rows' products, ``(X - mean)(X - mean)^T = Y Y^T``,
and Q is never formed.
"""

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpstrf

from .preconditioner import check_squares, mean_of
from .row_blocks import is_full

# The factor takes n^3 / 3 steps and n^2 numbers (32 MB); it pays where columns are so many times
# the rows.
_MAX_ROWS, _PAYS = 2048, 2
# Columns are converted to float64 so many numbers at a time (2 MB).
_BLOCK_NUMBERS = 1 << 18


def pays(X: Any) -> bool:
    """Tell whether the shape of X (n, p) calls for coordinates of its rows."""
    n, p = X.shape
    return n <= _MAX_ROWS and p > _PAYS * n and is_full(X)


class RowSpace:
    """The row space of X (n, p), less the mean of the columns with `centre`; `Y` (n, r) are the rows in it."""

    def __init__(self, X: Any, *, centre: bool) -> None:
        n, p = X.shape
        self.X, self.mean = X, mean_of(X, np.full(1, 1.0 / n)) if centre else np.zeros(p)
        products = np.zeros((n, n), order="F")
        for columns in self._columns():
            products = dsyrk(
                1.0, self._block(columns), beta=1.0, c=products, lower=1, overwrite_c=1
            )
        check_squares(products.diagonal(), "row")
        factor, pivots, rank, _ = dpstrf(products, lower=1, overwrite_a=1)
        self.Y, self.pivots = np.zeros((n, rank)), pivots[:rank] - 1
        self.Y[pivots - 1] = np.tril(factor)[:, :rank]

    @property
    def largest_stretch(self) -> float:
        """Return how much larger an entry of the gradient for X can be than the largest one for Y."""
        return float(np.sqrt(max(1, self.pivots.size)) + np.abs(self.mean).max(initial=0.0))

    def _columns(self) -> list[slice]:
        n, p = self.X.shape
        step = max(16, _BLOCK_NUMBERS // n)
        return [slice(start, min(p, start + step)) for start in range(0, p, step)]

    def _block(self, columns: slice) -> np.ndarray:
        block = self.X[:, columns]
        return (
            np.asarray(block.toarray() if hasattr(block, "toarray") else block, dtype=np.float64)
            - self.mean[columns]
        )

    def expand(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, p) and intercept (K,) for X from those for Y, (K, r) and (K,)."""
        table = solve_triangular(self.Y[self.pivots], coef.T, lower=True, trans=1).T
        result = np.empty((coef.shape[0], self.X.shape[1]))
        for columns in self._columns():
            result[:, columns] = table @ self._block(columns)[self.pivots]
        return result, intercept - result @ self.mean

    def reduce(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, r) and intercept (K,) for Y from those for X; what lies outside the row space is lost."""
        table = np.zeros((self.pivots.size, coef.shape[0]))
        for columns in self._columns():
            table += self._block(columns)[self.pivots] @ coef[:, columns].T
        return solve_triangular(
            self.Y[self.pivots], table, lower=True
        ).T, intercept + coef @ self.mean
