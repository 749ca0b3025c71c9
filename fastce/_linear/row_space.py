"""Few rows with many columns, in coordinates of their row space: the same minimum, few columns.

The best coefficients are combinations of the rows of X (less their mean, where there is an
intercept), since the penalty is least there. With an orthonormal basis Q (r, p) of the rows, r <=
n, ``X - mean = Y Q``: a fit of Y (n, r) gives coefficients C with ``coef = C Q`` and ``||coef|| =
||C||``. Y is a pivoted Cholesky factor of the rows' products, ``(X - mean)(X - mean)^T = Y Y^T``,
and Q is never formed. Where products lose what tells rows apart, Y is the triangular factor of the
rows themselves.
"""

from collections.abc import Callable
from itertools import chain

import numpy as np
from scipy.linalg import qr
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dgeqrf, dpstrf

from .._core.design import Design
from .._core.triangular import solve_triangular
from . import exact
from .approximations import check_squares

# Most rows: their products take n^2 numbers (32 MB), and the factor n^3 / 3 multiply-adds.
_MAX_ROWS = 2048
# Columns for each row from which on the factor costs less than the passes over X that it saves.
_MIN_RATIO = 2
# Columns are converted to float64 in blocks of this many numbers (2 MB).
_BLOCK_NUMBERS = 1 << 18
# Rows whose distance from the span of others is below this part of their size have lost half of
# their digits in products; in a factor of the rows themselves, all below the second.
_SAFE_DISTANCE, _MIN_DISTANCE = 1e-5, 4e-15
# LAPACK's block size.
_LAPACK_BLOCK = 32


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
    has_close_rows : bool
        Whether some rows all but lie in the span of others.
    """

    def __init__(self, design: Design, *, centre: bool) -> None:
        self.design, self.centre = design, centre
        n, p = design.shape
        self.mean = design.mean(np.full(1, 1.0 / n)) if centre else np.zeros(p)
        products = np.zeros((n, n), order="F")
        for first, last in self._blocks():
            products = dsyrk(
                1.0, self._block(first, last), beta=1.0, c=products, lower=1, overwrite_c=1
            )
        check_squares(products.diagonal(), "row")
        sizes = np.sqrt(products.diagonal())
        factor, pivots, rank, _ = dpstrf(products, lower=1, overwrite_a=1)
        pivots -= 1
        distances = factor.diagonal()[:rank]
        self.has_close_rows = bool(
            rank < n - centre or np.any(distances < _SAFE_DISTANCE * sizes[pivots[:rank]])
        )
        if self.has_close_rows:
            factor, pivots, rank = self._factor_rows(sizes)
        self.Y, self.pivots = np.zeros((n, rank)), pivots[:rank]
        self.Y[pivots] = np.tril(factor)[:, :rank]

    def _factor_rows(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the lower triangular factor of the rows, in the order of its pivots, and its rank.

        Each row has its own unit there, a power of two, so that none hides others. The basis that a
        first factor leads to is orthonormal but for rounding, which that factor's condition has
        multiplied; a second factor, of this basis, mends it.
        """
        n = len(sizes)
        self._exponents = np.frexp(sizes)[1][:, np.newaxis]
        if self.centre:
            self._rest = np.zeros(self.mean.size)
            for first, last in self._blocks():
                self._rest[first:last] = self._block(first, last).mean(axis=0)
        R, pivots = qr(
            self._triangle(self._scaled_block), mode="r", pivoting=True, check_finite=False
        )
        rank = int(np.count_nonzero(np.abs(np.diag(R)) > _MIN_DISTANCE * np.sqrt(n)))
        R = R[:rank]
        self._first, self.pivots = R[:, :rank].T, pivots[:rank]
        self._second = self._triangle(self._basis)
        return np.ldexp((self._second @ R).T, self._exponents[pivots]), pivots, rank

    def _triangle(self, block: Callable[[int, int], np.ndarray]) -> np.ndarray:
        """Return the triangular factor of the transpose of a matrix that is made of blocks."""
        R = None
        for first, last in self._blocks():
            columns = block(first, last).T
            table = np.asfortranarray(columns if R is None else np.vstack([R, columns]))
            factor = dgeqrf(table, lwork=_LAPACK_BLOCK * table.shape[1], overwrite_a=1)[0]
            R = np.triu(factor[: min(table.shape)])
        assert R is not None
        return R

    def _scaled_block(self, first: int, last: int) -> np.ndarray:
        block = self._block(first, last)
        if self.centre:
            block -= self._rest[first:last]
        return np.ldexp(block, -self._exponents)

    def _basis(self, first: int, last: int) -> np.ndarray:
        # of the row space, by the first factor: (r, columns)
        rows = self._scaled_block(first, last)[self.pivots]
        return solve_triangular(self._first, rows, lower=True)

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
        result = np.empty((coef.shape[0], self.design.shape[1]))
        if not self.has_close_rows:
            table = solve_triangular(self.Y[self.pivots], coef.T, lower=True, trans=1).T
            for first, last in self._blocks():
                result[:, first:last] = table @ self._block(first, last)[self.pivots]
            return result, intercept - result @ self.mean
        table = solve_triangular(self._second, coef.T).T
        for first, last in self._blocks():
            result[:, first:last] = table @ self._basis(first, last)
        if not self.centre:
            return result, intercept
        rest = self.Y @ coef.T - self.logits(result, np.zeros(len(coef)))
        return result, intercept + rest.mean(axis=0)

    def logits(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the logits (n, K) of coefficients (K, p) of X, with twice the digits."""
        total = np.broadcast_to(intercept, (len(self.Y), len(coef)))
        for first, last in self._blocks():
            columns = self.design.columns(first, last)
            total = exact.product(columns, coef[:, first:last].T, total)
        return total

    @property
    def has_all(self) -> bool:
        """Whether rows outside of the space are combinations of others exactly."""
        n, rank = len(self.Y), self.pivots.size
        if rank >= n - self.centre:
            return True
        blocks = (self.design.columns(*block).T for block in self._blocks())
        ones = [np.ones((1, n))] if self.centre else []
        return exact.rank(chain(ones, blocks)) <= rank + self.centre

    def product_back(self, table: np.ndarray) -> np.ndarray:
        """Return the transpose of X times a table (n, K), with twice the digits: (p, K)."""
        result, zero = np.empty((self.design.shape[1], table.shape[1])), np.zeros(table.shape[1])
        for first, last in self._blocks():
            columns = self.design.columns(first, last)
            result[first:last] = exact.product(columns.T, table, zero)
        return result

    def reduce(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, r) and intercept (K,) for Y from those for X.

        What lies outside the row space is lost.
        """
        table = np.zeros((self.pivots.size, coef.shape[0]))
        for first, last in self._blocks():
            rows = (
                self._basis(first, last)
                if self.has_close_rows
                else self._block(first, last)[self.pivots]
            )
            table += rows @ coef[:, first:last].T
        if self.has_close_rows:
            table = solve_triangular(self._second, table, trans=1)
        else:
            table = solve_triangular(self.Y[self.pivots], table, lower=True)
        return table.T, intercept + coef @ self.mean
