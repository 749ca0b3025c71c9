"""Columns of X made orthonormal: what second moments in float64 no longer hold, a QR factor does.

The Gram matrix of the columns has the square of their condition: columns that differ by 1e-9 of
their size are the same to it. A QR factor of the columns themselves, less their mean and each in a
unit that is a power of two, holds them apart down to 1e-15. The penalty has rows of its own in it.
"""

import numpy as np
from scipy.linalg import qr, solve_triangular

from .._core.design import Design
from . import exact

# Columns whose distance from the span of others is below this part of their size are taken for
# combinations of them: rounding is some 1e-16 of it.
_MIN_DISTANCE = 4e-15
# A constant column leaves this part of its mean or less when the mean is subtracted twice.
_CONSTANT = 1e-20
# A number that is this part of the largest one in its column is lost beside it.
_HIDDEN = 1e-14
# From this distance on, rounding of the factor is too small to matter; below, the orthonormal
# columns are computed once more, from X.
_SAFE_DISTANCE = 1e-8
# Products with twice the digits take about as long as this many plain ones.
_EXACT_COST = 25
# Most numbers of a copy of X (64 MB), and most multiply-adds of a factor or of exact products.
_MAX_NUMBERS, _MAX_PRODUCTS = 1 << 23, 4e9


def fits(design: Design) -> bool:
    """Tell whether a design is small enough for this."""
    n, p = design.shape
    return (n + p) * p <= _MAX_NUMBERS and 2.0 * (n + p) * p * p <= _MAX_PRODUCTS


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
    X : ndarray (n, p)
        Rows that have a weight; zeros in the others.
    weights : ndarray (n,)
    Z : ndarray (n, r)
    T : ndarray (p, r)
        Coefficients of Z are multiplied with it to be those of X.
    mean : ndarray (p,)
        Of the columns of X, 0 without an intercept.
    has_all : bool
        Whether no direction of X is missing: columns that were left out are combinations of the
        others exactly, not only as far as float64 can tell.
    """

    def __init__(self, design: Design, weights: np.ndarray, penalty: float, *, centre: bool):
        n, p = design.shape
        self.weights = np.broadcast_to(weights, n) if weights.size > 1 else np.full(n, weights[0])
        self.X = np.array(design.columns(0, p))
        self.X[self.weights == 0.0] = 0.0
        self.centre = centre
        # The unit of a column: a power of two, which rounds nothing.
        exponents = np.frexp(np.abs(self.X).max(axis=0, initial=0.0))[1]
        self.mean = np.zeros(p)
        A = np.ldexp(self.X, -exponents)
        for _ in range(2 if centre else 0):
            of_rest = self.weights @ A
            A -= of_rest
            self.mean += np.ldexp(of_rest, exponents)
        # what rounding leaves of a constant column
        of_mean = _CONSTANT * np.ldexp(np.abs(self.mean), -exponents)
        A[:, np.abs(A).max(axis=0, initial=0.0) <= of_mean] = 0.0
        root = np.sqrt(self.weights)
        A *= root[:, np.newaxis]
        ridge = np.ldexp(np.full(p, np.sqrt(penalty)), -exponents)
        sizes = np.hypot(np.sqrt((A * A).sum(axis=0)), ridge)
        more = np.frexp(sizes)[1]
        A, ridge, exponents = np.ldexp(A, -more), np.ldexp(ridge, -more), exponents + more
        rows = A if penalty == 0.0 else np.vstack([A, np.diag(ridge)])
        Q, R, order = qr(rows, mode="economic", pivoting=True, overwrite_a=True, check_finite=False)
        distances = np.abs(np.diag(R))
        # without centring, as with it: a constant column is nothing but rounding after it
        rank = int(np.count_nonzero(distances > _MIN_DISTANCE * np.sqrt(p)))
        self._R, self._order, self._exponents = R[:rank], order, exponents
        self.T = np.zeros((p, rank))
        inverse = solve_triangular(R[:rank, :rank], np.eye(rank))
        self.T[order[:rank]] = np.ldexp(inverse, -exponents[order[:rank], np.newaxis])
        self.distance = float(distances[:rank].min(initial=1.0))
        self.is_exact = _EXACT_COST * n * p * max(1, rank) <= _MAX_PRODUCTS
        if self.distance < _SAFE_DISTANCE and self.is_exact:
            self.Z = exact.product(self.X, self.T, -(self.mean @ self.T))
            self.Z -= self.weights @ self.Z if centre else 0.0
        else:
            self.Z = np.divide(
                Q[:n, :rank],
                root[:, np.newaxis],
                out=np.zeros((n, rank)),
                where=root[:, None] > 0.0,
            )
        self.Z[self.weights == 0.0] = 0.0
        self.rank = rank
        self._has_all: bool | None = True if rank == p else None

    @property
    def hides_rows(self) -> bool:
        """Whether some column has a number so large that others are the same beside it."""
        distances = np.abs(self.X - np.median(self.X, axis=0))
        largest = distances.max(axis=0, initial=0.0)
        return bool(np.any((distances > 0.0) & (distances < _HIDDEN * largest)))

    @property
    def basis(self) -> np.ndarray:
        """The columns Z, and one of ones where there is an intercept."""
        return np.column_stack([self.Z, np.ones(len(self.Z))]) if self.centre else self.Z

    @property
    def has_all(self) -> bool:
        if self._has_all is None:
            rows = self.X[self.weights > 0.0]
            if self.centre:
                rows = np.column_stack([rows, np.ones(len(rows))])
            self._has_all = exact.rank(rows) <= self.rank + self.centre
        return self._has_all

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

    def logits(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the logits (n, K) of coefficients of X, with twice the digits where that pays."""
        if self.is_exact:
            return exact.product(self.X, coef.T, intercept)
        return np.asarray(self.X @ coef.T + intercept)
