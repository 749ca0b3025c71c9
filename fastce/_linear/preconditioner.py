"""Second moments of columns, row block by row block, and inverse Hessians of linear models made from them.

The Hessian of a mean loss of ``X coef.T + intercept`` is a sum over rows of (a K x K matrix of the
row) times [x 1][x 1]^T. Approximations of it that can be inverted cost one p x p Cholesky factor
for a class, or a diagonal:

`null_model`
    exact where coef = 0: the rows' matrices are all C = diag(pi) - pi pi^T, pi the shares of the
    classes, so the Hessian is the Kronecker product of C and the Gram matrix. Eigenvectors of C
    take the classes apart.
`class_blocks`
    near the minimum, where rows differ: for each class the Gram matrix weighted with p_k (1 - p_k),
    from a sample of rows, between two projections onto coefficients that sum to zero over the
    classes.
`scaled_columns`
    only the diagonal, there or elsewhere, for columns too many to factor. Its logarithm is pulled
    halfway to its median, up to a limit: pure column scaling hurts on text, but columns of other
    units need it.

`InverseHessian` chooses by the shape of X. All are computed in columns centred by their mean,
exactly: with coef unchanged, the intercept moves by mean . coef. Factors are scaled to unit
diagonal first, so the unit of a column does not matter. In the binary case (one logit) K is 1.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .._core import threads as _threads
from .curvature import least_curvatures, mean_curvatures
from .factors import JITTER, Diagonal, Factored, invert_factor
from .hessian import column_moments, hessian, weighted_grams
from .row_blocks import Source, is_full

# A p x p factor pays up to so many columns; where X is sparse, if p^3 is not more than so many
# times the entries stored, and the pairs of entries in a row are not, either.
_MAX_COLUMNS, _FACTOR_PAYS, _PAIRS_PAY = 2048, 1000, 64
# Rows are converted to float64 so many numbers at a time (512 kB).
_MEAN_NUMBERS = 1 << 16
# One factor a class, while they all fit in this many numbers. From _LARGE on they are kept as
# float32 (at most 32 MB), which halves what a product reads, and are made from a few Gram matrices
# at a time (16 MB, or one a thread).
_MAX_NUMBERS, _LARGE, _GROUP_NUMBERS = 1 << 23, 1 << 18, 1 << 21
# Rows that class blocks are estimated from: so many, at least so many a column, and more while that
# costs no more than so many passes.
_MIN_ROWS, _MAX_ROWS, _ROWS_A_COLUMN, _NEAR_ROWS_A_COLUMN, _PASSES = 1 << 12, 1 << 14, 16, 32, 2.5
# Curvatures of columns with one unit are no more than so many times their median, nor less than
# that part of it.
_ALIKE = 1000.0
_BLEND = 1e-6
# Classes without weight are treated as if they had this much.
_TINY_SHARE = 1e-9


def _pays(X: Any) -> bool:
    # whether second moments of the columns of X cost no more than some passes over X, with their
    # factor
    p = X.shape[1]
    if p > _MAX_COLUMNS:
        return False
    if is_full(X):
        return True
    entries, rows = int(X.indptr[-1]), np.diff(X.indptr).astype(np.float64)
    return p**3 <= _FACTOR_PAYS * entries and float(rows @ rows) <= _PAIRS_PAY * entries


def mean_of(X: Any, weights: np.ndarray) -> np.ndarray:
    """Return the mean (p,) of the rows of X with weights (n,) or (1,) that sum to one."""
    n, p = X.shape
    if hasattr(X, "indptr"):
        return np.asarray(X.T @ np.broadcast_to(weights, (n,)), dtype=np.float64)
    if weights.size == 1:
        return X.mean(axis=0, dtype=np.float64)
    step = max(1, _MEAN_NUMBERS // p)
    mean = np.zeros(p)
    for first in range(0, n, step):
        mean += weights[first : first + step] @ X[first : first + step]
    return mean


def check_squares(squares: np.ndarray, each: str = "column") -> None:
    """Check that sums of squares of the columns (or rows) of X are finite."""
    bad = np.flatnonzero(~np.isfinite(squares))
    if bad.size:
        raise ValueError(
            f"X must have squares whose sums are finite; got numbers too large for that in {each} {bad[0]}"
        )


def _class_curvature(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    # eigenvalues and eigenvectors of C; its null vector (all classes alike) never meets a gradient:
    # any number serves there
    if shares.size == 2:
        return np.array([max(shares[0] * shares[1], _TINY_SHARE)]), None
    values, vectors = np.linalg.eigh(np.diag(shares) - np.outer(shares, shares))
    return np.maximum(values, max(values[1], _TINY_SHARE)), vectors


def _projection(n_classes: int) -> np.ndarray | None:
    """Return the matrix that takes the mean over the classes out."""
    return np.eye(n_classes) - 1.0 / n_classes if n_classes > 1 else None


def null_model(
    gram: np.ndarray, mean: np.ndarray, shares: np.ndarray, penalty: float, max_numbers: int
) -> Factored:
    """Return the inverse Hessian at coef = 0: one factor a class, but one for all where those would have over `max_numbers` entries."""
    curvature, rotation = _class_curvature(shares)
    has_intercept = len(gram) > mean.size
    if curvature.size * gram.size <= max_numbers:
        factors, scales = _tables(curvature.size, len(gram))
        for k, c in enumerate(curvature):
            block = c * gram
            scales[k] = invert_factor(block, mean, penalty)
            factors[k] = block
        return Factored(factors, scales, mean, has_intercept, rotation)
    factor = gram.copy()
    scale = invert_factor(factor, mean, penalty / float(curvature.mean()))
    return Factored(factor[np.newaxis], scale[np.newaxis], mean, has_intercept, rotation, curvature)


def _tables(n: int, P: int) -> tuple[np.ndarray, np.ndarray]:
    # room for n factors and their scales
    return np.empty((n, P, P), np.float32 if n * P * P >= _LARGE else np.float64), np.empty((n, P))


def class_blocks(
    grams: Iterable[np.ndarray],
    n_classes: int,
    base: np.ndarray,
    blend: float,
    mean: np.ndarray,
    penalty: float,
    old: Any = None,
) -> Factored:
    """Return the inverse of the class blocks (p + 1, p + 1) of the Hessian in columns less their mean; they are overwritten.

    Where they come from a sample of rows, some of the Gram matrix `base` is added, for the columns
    that the sample does not know well. Factors of an `old` inverse are overwritten if there are as
    many, of float32: scales have become a part of others.
    """
    p, size = mean.size, base.shape[0]
    if (
        isinstance(old, Factored)
        and old.scales is not None
        and old.factors.shape == (n_classes, size, size)
    ):
        factors, scales = old.factors, old.scales
    else:
        factors, scales = _tables(n_classes, size)
    following = iter(grams)
    for k in range(n_classes):
        gram = next(following)
        if blend:
            gram[:p, :p] += (blend * gram[p, p]) * base[:p, :p]
        block = gram[:size, :size]
        scales[k] = invert_factor(block, mean, penalty)
        factors[k] = block
        del gram, block  # so that their group is let go of before the next one is made
    return Factored(factors, scales, mean, size > p, _projection(n_classes))


def scaled_columns(
    mean: np.ndarray,
    squares: np.ndarray,
    masses: np.ndarray,
    penalty: float,
    *,
    centre: bool,
) -> Diagonal:
    """Return the inverse of the diagonal of the Hessian, halfway between column scaling and none.

    It is made from the means of the columns (p,) and of their squares (p,), rows weighted by their
    mean curvature, and from the curvatures of the classes, masses (K,).
    """
    if centre:
        squares = np.maximum(squares - mean**2, 0.0)
    else:
        mean = np.zeros_like(mean)
    # One diagonal for all classes keeps their sum at zero and, with masses this unequal, loses
    # nothing that pays.
    diagonal = float(masses.mean()) * squares + penalty
    diagonal = np.maximum(
        diagonal, JITTER * max(float(diagonal.max(initial=0.0)), np.finfo(np.float64).tiny)
    )
    # Halfway among columns alike; what is further away has a unit of its own, and is taken all the
    # way.
    diagonal /= np.sqrt(np.clip(diagonal / np.median(diagonal), 1.0 / _ALIKE, _ALIKE))
    return Diagonal(diagonal, mean, masses)


def _row_cost(n_outputs: int) -> float:
    # of a row's share of the Gram matrices of all classes, in multiples of p / n passes: with few
    # classes a pass only waits for memory
    return min(n_outputs / 28.0, 0.25)


def _sample(shape: tuple[int, int], n_outputs: int, near: bool) -> int:
    """Return how many rows class blocks are made from."""
    n, p = shape
    affordable = int(_PASSES * n / ((p + 32) * _row_cost(n_outputs)))
    return max(
        _MIN_ROWS, (_NEAR_ROWS_A_COLUMN if near else _ROWS_A_COLUMN) * p, min(_MAX_ROWS, affordable)
    )


class InverseHessian:
    """The inverse Hessian that the shape of X calls for: at coef = 0 first, at another point after `refresh`.

    The rows' weights (n,) or (1,) sum to one, as do the classes' shares (n_classes,); `centre`
    tells whether there is an intercept.
    """

    def __init__(
        self,
        X: Any,
        source: Source,
        weights: np.ndarray,
        shares: np.ndarray,
        penalty: float,
        *,
        centre: bool,
    ) -> None:
        self.X, self.weights, self.penalty, self.centre = X, weights, penalty, centre
        (n, p), self.n_outputs = X.shape, 1 if shares.size == 2 else shares.size
        self.gram: np.ndarray | None = None
        self.current: Factored | Diagonal
        if _pays(X):
            self.mean = mean_of(X, weights) if centre else np.zeros(p)
            self.gram = weighted_grams(source, n, weights, self.mean)[0]
            check_squares(self.gram.diagonal()[:p])
            if centre:
                # What rounding left of the mean is in the last row: without it, constant columns
                # are known as such.
                off = self.gram[p, :p] / self.gram[p, p]
                self.mean += off
                self.gram[:p, :p] -= self.gram[p, p] * np.outer(off, off)
                self.gram[p, :p] = 0.0
            else:
                self.gram = self.gram[:p, :p]
            self.current = null_model(self.gram, self.mean, shares, penalty, _MAX_NUMBERS)
        else:
            mean, squares = self._moments(source, weights)
            check_squares(squares)
            masses = shares[:1] * shares[1:] if shares.size == 2 else shares * (1.0 - shares)
            self.current = scaled_columns(mean, squares, masses, penalty, centre=centre)

    @property
    def refresh_cost(self) -> float:
        """Return what a refresh near the minimum costs in passes over X."""
        n, p = self.X.shape
        if self.gram is None:
            return 0.5 + 3.0 / self.n_outputs
        return 1.0 + min(n, _sample((n, p), self.n_outputs, True)) * p / n * _row_cost(
            self.n_outputs
        )

    @property
    def exact_cost(self) -> float:
        """Return what the Hessian and its factor cost in passes over X; infinite where they are too large."""
        (n, p), size = self.X.shape, self.n_outputs * (self.X.shape[1] + 1)
        if self.gram is None or size * size > _MAX_NUMBERS // 2:
            return np.inf
        return (size + p) / 4.0 + size**2 / (12.0 * n)

    def factor(self, source: Source) -> None:
        """Replace the inverse by that of the Hessian itself, at the coefficients of the source."""
        if self.gram is None:
            raise ValueError(
                "solver 'newton-cholesky' needs X with few columns for its rows or entries; use 'auto'"
            )
        n, p = self.X.shape
        matrix = hessian(source, n, self.weights, self.mean)
        if not self.centre:
            keep = np.flatnonzero(np.arange(len(matrix)) % (p + 1) < p)
            matrix = np.ascontiguousarray(matrix[np.ix_(keep, keep)])
        scale = invert_factor(matrix, self.mean, self.penalty, self.n_outputs).reshape(
            self.n_outputs, -1
        )
        self.current = Factored(
            matrix[np.newaxis], scale, self.mean, self.centre, _projection(self.n_outputs)
        )

    def solve(self, table: np.ndarray, out: np.ndarray) -> None:
        """Write the inverse Hessian times a packed table to `out`: see `_inverses`."""
        self.current.solve(table, out)

    def refresh(
        self, source: Source, coef: np.ndarray, intercept: np.ndarray | None, near: bool = False
    ) -> bool:
        """Replace the inverse by that of the class blocks, or of the diagonal; tell whether, since the blocks may be too many.

        They are those at the coefficients of the source, which are coef (p, K) and intercept (K,)
        or None.
        """
        n, p = self.X.shape
        if self.gram is None:
            of_rows, masses = mean_curvatures(self.X, coef, intercept, self.weights)
            total = float(of_rows.sum())
            if not np.finfo(np.float64).tiny < total < np.inf:  # no row curves the loss here
                return False
            moments = self._moments(source, of_rows / total)
            self.current = scaled_columns(
                *moments,
                np.maximum(masses, _TINY_SHARE),
                self.penalty,
                centre=self.centre,
            )
            return True
        if self.n_outputs * p * p > _MAX_NUMBERS:
            return False
        n_rows = _sample((n, p), self.n_outputs, near)
        least = least_curvatures(self.X, coef, intercept, n_rows)
        # Where all rows are used there is nothing to make up for.
        blend = 0.0 if not least.any() else _BLEND if near else min(0.5, 2.0 * p / n_rows)
        grams = self._grams(source, least)
        self.current = class_blocks(
            grams, self.n_outputs, self.gram, blend, self.mean, self.penalty, self.current
        )
        return True

    def _moments(self, source: Source, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_entries = int(self.X.indptr[-1]) if hasattr(self.X, "indptr") else self.X.size
        return column_moments(source, self.X.shape[0], n_entries, weights)

    def _grams(self, source: Source, least: np.ndarray) -> Iterator[np.ndarray]:
        # the Gram matrices of the classes, a few at a time so that they need little memory
        n, p = self.X.shape
        K, step = self.n_outputs, max(1, _GROUP_NUMBERS // (p + 1) ** 2)
        n_threads = _threads.current_num_threads()
        step = max(step // n_threads, 1) * n_threads
        for first in range(0, K, step):
            classes = range(first, min(K, first + step))
            yield from weighted_grams(source, n, self.weights, self.mean, least, classes)
