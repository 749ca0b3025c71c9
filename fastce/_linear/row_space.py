"""Few rows with many columns, in coordinates of their row space: the same minimum, few columns.

The best coefficients are combinations of the rows of X (less their mean, where there is an
intercept), since the penalty is least there. With an orthonormal basis Q (r, p) of the rows, r <=
n, ``X - mean = Y Q``: a fit of Y (n, r) gives coefficients C with ``coef = C Q`` and ``||coef|| =
||C||``. Y is a pivoted Cholesky factor of the rows' products, ``(X - mean)(X - mean)^T = Y Y^T``,
and Q is never formed.
"""

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpstrf

from .._core.design import Design
from .approximations import check_squares

# Most rows: their products take n^2 numbers (32 MB), and the factor n^3 / 3 multiply-adds.
_MAX_ROWS = 2048
# Columns for each row from which on the factor costs less than the passes over X that it saves.
_MIN_RATIO = 2
# Columns are converted to float64 in blocks of this many numbers (2 MB).
_BLOCK_NUMBERS = 1 << 18


def pays(design: Design) -> bool:
    """Tell whether the shape of a design (n, p) calls for its row space."""
    n, p = design.shape
    return n <= _MAX_ROWS and p > _MIN_RATIO * n and design.is_nearly_dense


class RowSpace:
    """The row space of X (n, p), less the mean of the columns with `centre`.

    Parameters
    ----------
    design : DenseDesign or CsrDesign (n, p)
    centre : bool

    Attributes
    ----------
    Y : ndarray (n, r)
        The rows in its coordinates.
    mean : ndarray (p,)
    pivots : ndarray (r,)
        The rows that span it.
    """

    def __init__(self, design: Design, *, centre: bool) -> None:
        self.design = design
        n, p = design.shape
        self.mean = design.mean(np.full(1, 1.0 / n)) if centre else np.zeros(p)
        products = np.zeros((n, n), order="F")
        for first, last in self._blocks():
            products = dsyrk(
                1.0, self._block(first, last), beta=1.0, c=products, lower=1, overwrite_c=1
            )
        check_squares(products.diagonal(), "row")
        factor, pivots, rank, _ = dpstrf(products, lower=1, overwrite_a=1)
        self.Y, self.pivots = np.zeros((n, rank)), pivots[:rank] - 1
        self.Y[pivots - 1] = np.tril(factor)[:, :rank]

    @property
    def largest_stretch(self) -> float:
        """How much larger an entry of the gradient for X can be than the largest one for Y."""
        return float(np.sqrt(max(1, self.pivots.size)) + np.abs(self.mean).max(initial=0.0))

    def _blocks(self) -> list[tuple[int, int]]:
        n, p = self.design.shape
        step = max(16, _BLOCK_NUMBERS // n)
        return [(first, min(p, first + step)) for first in range(0, p, step)]

    def _block(self, first: int, last: int) -> np.ndarray:
        return self.design.columns(first, last) - self.mean[first:last]

    def expand(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, p) and intercept (K,) for X from those for Y, (K, r) and (K,)."""
        table = solve_triangular(self.Y[self.pivots], coef.T, lower=True, trans=1).T
        result = np.empty((coef.shape[0], self.design.shape[1]))
        for first, last in self._blocks():
            result[:, first:last] = table @ self._block(first, last)[self.pivots]
        return result, intercept - result @ self.mean

    def reduce(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, r) and intercept (K,) for Y from those for X.

        What lies outside the row space is lost.
        """
        table = np.zeros((self.pivots.size, coef.shape[0]))
        for first, last in self._blocks():
            table += self._block(first, last)[self.pivots] @ coef[:, first:last].T
        table = solve_triangular(self.Y[self.pivots], table, lower=True)
        return table.T, intercept + coef @ self.mean
