"""Columns of X made orthonormal: what second moments in float64 no longer hold, a QR factor does.

The Gram matrix of the columns has the square of their condition: columns that differ by 1e-9 of
their size are the same to it. A QR factor of the columns themselves, less their mean and each in a
unit that is a power of two, holds them apart down to 1e-15. The penalty has rows of its own in it.
Only the triangular factor is kept, which takes in blocks of rows one after the other, so that no
copy of X exists.

References
----------
J. Demmel, L. Grigori, M. Hoemmen, J. Langou (2012), Communication-optimal parallel and sequential
QR and LU factorizations, SIAM J. Scientific Computing 34.
"""

from collections.abc import Iterator

import numpy as np
from scipy.linalg import qr
from scipy.linalg.lapack import dgeqrf

from .._core.design import Design
from .._core.triangular import solve_triangular
from . import exact

# Columns whose distance from the span of others is below this part of their size are taken for
# combinations of them: rounding is some 1e-16 of it.
_MIN_DISTANCE = 4e-15
# A constant column leaves this part of its mean or less when the mean is subtracted twice.
_CONSTANT = 1e-20
# A number that is this part of the largest one in its column is lost beside it.
_HIDDEN = 1e-14
# The median itself may have as many neighbours that are all but the same.
_FEW = 2
# From this distance on, rounding of products with the inverse factor is too small to matter; below,
# the orthonormal columns are computed with twice the digits, where that pays.
_SAFE_DISTANCE = 1e-8
# Products with twice the digits take about as long as this many plain ones.
_EXACT_COST = 25
# Most multiply-adds of exact products, and those that a factor may always take.
_MAX_PRODUCTS = 4e9
# Rows are taken in blocks of this many numbers (256 kB), or of this many rows for each column, so
# that the triangle above them costs little more.
_BLOCK_NUMBERS, _ROWS_A_COLUMN = 1 << 15, 2
# Columns of at most this many numbers (512 kB) are kept rather than made anew for each product.
_KEPT_NUMBERS = 1 << 16
# Columns that a factor of p^2 numbers is made of.
_MAX_COLUMNS = 2048
# LAPACK's block size.
_LAPACK_BLOCK = 32


def fits(design: Design, most: float = 0.0) -> bool:
    """Tell whether a factor takes few multiply-adds: at most `most`, if that is not very few."""
    n, p = design.shape
    return p <= _MAX_COLUMNS and 2.0 * (n + p) * p * p <= max(_MAX_PRODUCTS, most)


class OrthonormalColumns:
    """Columns Z (n, r) with ``X T = Z`` but for their mean: about orthonormal, with the penalty.

    Parameters
    ----------
    design : Design (n, p)
    weights : ndarray (n,) or (1,)
        They sum to one over the rows.
    penalty : float
        Of the squares of the coefficients, beside the mean square of logits.
    centre : bool
        Whether there is an intercept.

    Attributes
    ----------
    weights : ndarray (n,)
    T : ndarray (p, r)
        Coefficients of Z are multiplied with it to be those of X.
    mean : ndarray (p,)
        Of the columns of X, 0 without an intercept.
    rank : int
        r.
    distance : float
        The least one of a column from the span of those before.
    """

    def __init__(self, design: Design, weights: np.ndarray, penalty: float, *, centre: bool):
        n, p = design.shape
        self.design, self.centre = design, centre
        self._step = max(_BLOCK_NUMBERS // p, _ROWS_A_COLUMN * p)
        self.weights = np.broadcast_to(weights, n) if weights.size > 1 else np.full(n, weights[0])
        self._has_no_weight = bool(np.any(self.weights == 0.0))
        # The unit of a column: a power of two, which rounds nothing.
        largest = np.zeros(p)
        for rows in self.slices():
            np.maximum(largest, np.abs(self.rows(rows)).max(axis=0, initial=0.0), out=largest)
        self._unit = np.frexp(largest)[1]
        self._means: list[np.ndarray] = []
        for _ in range(2 if centre else 0):
            mean = np.zeros(p)
            for rows in self.slices():
                mean += self.weights[rows] @ self._centred(rows)
            self._means.append(mean)
        self.mean = np.ldexp(sum(self._means, np.zeros(p)), self._unit)
        R, deviations = self._triangle()
        # what rounding leaves of a constant column
        R[:, deviations <= _CONSTANT * np.ldexp(np.abs(self.mean), -self._unit)] = 0.0
        ridge = np.ldexp(np.full(p, np.sqrt(penalty)), -self._unit)
        sizes = np.hypot(np.sqrt((R * R).sum(axis=0)), ridge)
        more = np.frexp(sizes)[1]
        R, ridge, exponents = np.ldexp(R, -more), np.ldexp(ridge, -more), self._unit + more
        rows_of_penalty = R if penalty == 0.0 else np.vstack([R, np.diag(ridge)])
        R, order = qr(rows_of_penalty, mode="r", pivoting=True, check_finite=False)
        distances = np.abs(np.diag(R))
        # without centring, as with it: a constant column is nothing but rounding after it
        rank = int(np.count_nonzero(distances > _MIN_DISTANCE * np.sqrt(p)))
        self._R, self._order, self._exponents = R[:rank].copy(), order, exponents
        self.T = np.zeros((p, rank))
        inverse = solve_triangular(R[:rank, :rank], np.eye(rank))
        self.T[order[:rank]] = np.ldexp(inverse, -exponents[order[:rank], np.newaxis])
        # the same for columns in their units, so that no product overflows
        self._scaled_T = np.zeros((p, rank))
        self._scaled_T[order[:rank]] = np.ldexp(inverse, -more[order[:rank], np.newaxis])
        self.rank, self.distance = rank, float(distances[:rank].min(initial=1.0))
        self._Z: np.ndarray | None = None
        self._has_all: bool | None = True if rank == p else None
        if self.distance < _SAFE_DISTANCE and self._exact_pays(rank):
            Z = self._product(self.T, -(self.mean @ self.T))
            Z -= self.weights @ Z if centre else 0.0
            Z[self.weights == 0.0] = 0.0
            self._Z = Z
        elif n * p <= _KEPT_NUMBERS:
            self.keep()

    def slices(self) -> Iterator[slice]:
        """Yield the blocks of rows."""
        n, step = self.design.shape[0], self._step
        return (slice(first, min(n, first + step)) for first in range(0, n, step))

    def rows(self, rows: slice) -> np.ndarray:
        """Return rows of X, those without weight as zeros."""
        part = self.design.rows(rows.start, rows.stop).columns(0, self.design.shape[1])
        if self._has_no_weight:
            part = np.where(self.weights[rows, np.newaxis] == 0.0, 0.0, part)
        return part

    def _centred(self, rows: slice) -> np.ndarray:
        # rows of X, each column in its unit, less what is known of the means
        # (two factors, neither of which overflows, take less time than `ldexp`)
        half = self._unit // 2
        A = self.rows(rows) * np.ldexp(1.0, -half)
        A *= np.ldexp(1.0, half - self._unit)
        for mean in self._means:
            A -= mean
        return np.asarray(A)

    def _triangle(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the triangular factor of the centred columns, and their largest deviations."""
        p = self.design.shape[1]
        R, deviations = np.zeros((0, p)), np.zeros(p)
        for rows in self.slices():
            A = self._centred(rows)
            np.maximum(deviations, np.abs(A).max(axis=0, initial=0.0), out=deviations)
            table = np.empty((len(R) + len(A), p), order="F")
            table[: len(R)] = R
            np.multiply(A, np.sqrt(self.weights[rows])[:, np.newaxis], out=table[len(R) :])
            factor = dgeqrf(table, lwork=_LAPACK_BLOCK * p, overwrite_a=1)[0]
            R = np.triu(factor[: min(table.shape)])
        return R, deviations

    def _exact_pays(self, n_products: int) -> bool:
        n, p = self.design.shape
        return _EXACT_COST * n * p * max(1, n_products) <= _MAX_PRODUCTS

    def _product(self, table: np.ndarray, start: np.ndarray) -> np.ndarray:
        # start + X table with twice the digits
        result = np.empty((self.design.shape[0], table.shape[1]))
        for rows in self.slices():
            result[rows] = exact.product(self.rows(rows), table, start)
        return result

    @property
    def Z(self) -> np.ndarray:
        """The columns themselves, (n, r), which are kept from here on."""
        self.keep()
        return np.asarray(self._Z)

    def keep(self) -> None:
        """Keep the columns themselves, for many products with them."""
        if self._Z is None:
            Z = np.empty((self.design.shape[0], self.rank))
            for rows in self.slices():
                Z[rows] = self.columns_of(rows)
            self._Z = Z

    def columns_of(self, rows: slice) -> np.ndarray:
        """Return rows of the columns Z."""
        if self._Z is not None:
            return self._Z[rows]
        Z = self._centred(rows) @ self._scaled_T
        Z[self.weights[rows] == 0.0] = 0.0
        return Z

    def basis_of(self, rows: slice) -> np.ndarray:
        """Return rows of the columns Z, and of one of ones where there is an intercept."""
        Z = self.columns_of(rows)
        return np.column_stack([Z, np.ones(len(Z))]) if self.centre else Z

    @property
    def basis(self) -> np.ndarray:
        """All rows of the columns Z, and of one of ones where there is an intercept."""
        return np.concatenate([self.basis_of(rows) for rows in self.slices()])

    @property
    def hides_rows(self) -> bool:
        """Whether some column has a number so large that others are the same beside it."""
        has_weight = self.weights > 0.0
        for j in range(self.design.shape[1]):
            column = np.where(has_weight, self.design.columns(j, j + 1)[:, 0], 0.0)
            distances = np.abs(column - np.median(column))
            largest = distances.max(initial=0.0)
            is_hidden = (distances > 0.0) & (distances < _HIDDEN * largest)
            if np.count_nonzero(is_hidden) > _FEW:
                return True
        return False

    @property
    def has_all(self) -> bool:
        """Whether no direction of X is missing.

        Columns that were left out are combinations of the others exactly then, not only as far as
        float64 can tell.
        """
        if self._has_all is None:
            self._has_all = (
                exact.rank(map(self._weighted, self.slices())) <= self.rank + self.centre
            )
        return self._has_all

    def _weighted(self, rows: slice) -> np.ndarray:
        # rows of X that have a weight, with a 1 where there is an intercept
        part = self.rows(rows)[self.weights[rows] > 0.0]
        return np.column_stack([part, np.ones(len(part))]) if self.centre else part

    def expand(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, p) and intercept (K,) for X from those for Z, (K, r) and (K,)."""
        own = np.ascontiguousarray((self.T @ coef.T).T)
        if not self.centre:
            return own, np.zeros(len(own))
        logits, rest = self.Z @ coef.T + intercept, self.logits(own, np.zeros(len(own)))
        return own, self.weights @ (logits - rest)

    def reduce(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, r) and intercept (K,) for Z from those for X."""
        own = np.ldexp(coef.T, self._exponents[:, np.newaxis])[self._order]
        return (self._R @ own).T, intercept + coef @ self.mean

    def moved(
        self, coef: np.ndarray, intercept: np.ndarray, step: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, p) and intercept (K,) after a step (r, K) by Z, or (r + 1, K)."""
        coef = coef + (self.T @ step[: self.rank]).T
        if not self.centre:
            return coef, intercept
        return coef, intercept + step[self.rank] - step[: self.rank].T @ (self.T.T @ self.mean)

    def logits(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the logits (n, K) of coefficients of X, with twice the digits where that pays."""
        table = coef.T
        if self._exact_pays(len(coef)):
            return self._product(table, intercept)
        parts = [self.rows(rows) @ table + intercept for rows in self.slices()]
        return np.concatenate(parts)
