"""Second moments of columns, row block by row block, and inverse Hessians of linear models made from them.

The Hessian of a mean loss of ``X coef.T + intercept`` is a sum over rows of (a K x K matrix of the row) times [x 1][x 1]^T.
Approximations of it that can be inverted cost one p x p Cholesky factor for a class, or a diagonal:

`null_model`
    exact where coef = 0: the rows' matrices are all C = diag(pi) - pi pi^T, pi the shares of the classes, so the Hessian is the Kronecker
    product of C and the Gram matrix. Eigenvectors of C take the classes apart.
`class_blocks`
    near the minimum, where rows differ: for each class the Gram matrix weighted with p_k (1 - p_k), from a sample of rows, between two
    projections onto coefficients that sum to zero over the classes.
`wide`
    either of both, where dense columns outnumber the rows by far: through the n x n matrix of the rows' products (Woodbury).
`scaled_columns`
    only the diagonal, for columns too many to factor. Its logarithm is pulled halfway to its mean: pure column scaling hurts on text.

`InverseHessian` chooses by the shape of X. All are computed in columns centred by their mean, exactly: with coef unchanged, the
intercept moves by mean . coef. Factors are scaled to unit diagonal first, so the unit of a column does not matter. In the binary case
(one logit) K is 1.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, cholesky
from scipy.linalg.lapack import dpotrf, dtrtri

from ._linear_hessian import weighted_grams
from ._walk import Source

# A p x p factor pays up to so many columns, and where X is stored sparse, if that part of its entries is not zero.
_MAX_COLUMNS, _MIN_DENSITY = 2048, 0.1
# Beyond, an n x n factor pays up to so many rows.
_MAX_ROWS = 2048
# One factor a class, while they all fit in this many numbers (64 MB).
_MAX_NUMBERS = 1 << 23
# Rows that class blocks are estimated from; their probabilities take at most so many numbers.
_SAMPLE_ROWS, _SAMPLE_ROWS_A_COLUMN, _NEAR_ROWS_A_COLUMN = 4096, 16, 32
_BLEND = 1e-6
# Rows are converted to float64 so many numbers at a time (2 MB).
_BLOCK_NUMBERS = 1 << 18
_JITTER = 1e-13
# Classes without weight are treated as if they had this much.
_TINY_SHARE = 1e-9
# Columns whose spread is below this part of their mean are constant: what is left is rounding.
_CONSTANT = 1e-14


def row_blocks(X: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield X (n, p) as float64 blocks and the slices they stand for; nothing larger than a block is copied."""
    n, p = X.shape
    step = max(16, _BLOCK_NUMBERS // max(1, p))
    for start in range(0, n, step):
        here = slice(start, min(n, start + step))
        block = X[here]
        yield here, np.array(block.toarray() if hasattr(block, "toarray") else block, dtype=np.float64, order="C")


def mean_of(X: Any, weights: np.ndarray) -> np.ndarray:
    """Return the mean (p,) of the rows of X with weights (n,) or (1,) that sum to one."""
    n = X.shape[0]
    if weights.size == 1 and not hasattr(X, "indptr"):
        return X.mean(axis=0, dtype=np.float64)
    return np.asarray(X.T @ np.broadcast_to(weights, (n,)), dtype=np.float64)


def invert_factor(matrix: np.ndarray, mean: np.ndarray, penalty: float) -> np.ndarray:
    """Turn a matrix H (P, P), its lower half, into L with H + penalty = (L^T L)^-1, in place, and return it.

    The penalty is on the first p rows, those of columns whose mean was `mean` (p,). What is not positive is made so.
    """
    p = mean.size
    diagonal = matrix.diagonal().copy()
    of_columns = diagonal[:p]
    of_columns[of_columns <= diagonal[p:].sum() * (_CONSTANT * mean) ** 2] = 0.0
    of_columns += penalty
    scale = np.zeros_like(diagonal)
    np.divide(1.0, np.sqrt(diagonal), out=scale, where=diagonal > 0.0)
    matrix *= scale
    matrix *= scale[:, np.newaxis]
    jitter = _JITTER * max(1, diagonal.size)
    while True:
        np.fill_diagonal(matrix, 1.0 + jitter)
        # matrix^T is in Fortran's order, and its upper half is what is valid
        upper, info = dpotrf(matrix.T, lower=0, clean=1, overwrite_a=jitter > 1.0)
        if info == 0:
            break
        jitter *= 100.0
    inverse, _ = dtrtri(upper, lower=0, overwrite_c=1)
    np.multiply(inverse.T, scale, out=matrix)
    return matrix


class Factored:
    """Inverse Hessian from one factor a class (or one for all), in a rotated basis of the classes or between projections."""

    def __init__(self, factors: np.ndarray, mean: np.ndarray, rotation: np.ndarray | None, shares: np.ndarray | None = None) -> None:
        self.factors = factors  # (K, P, P) or (1, P, P): see `invert_factor`; P = p, or p + 1 with an intercept
        self.mean = mean
        self.rotation = rotation
        self.shares = shares  # (K,): what the inverse is divided by, where one factor serves several classes

    def solve(self, grad: np.ndarray, grad_intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Hessian times a gradient: coef (K, p) and intercept (K,)."""
        turn, p = self.rotation, self.mean.size
        has_intercept = self.factors.shape[1] > p
        table = np.empty((grad.shape[0], self.factors.shape[1]))
        table[:, :p] = grad
        if has_intercept:
            table[:, :p] -= grad_intercept[:, np.newaxis] * self.mean
            table[:, p] = grad_intercept
        if turn is not None:
            table = turn.T @ table
        if self.factors.shape[0] == 1:
            factor = self.factors[0]
            table = (table @ factor.T) @ factor
        else:
            table = np.matmul(self.factors, table[:, :, np.newaxis])
            table = np.matmul(self.factors.transpose(0, 2, 1), table)[:, :, 0]
        if self.shares is not None:
            table /= self.shares[:, np.newaxis]
        if turn is not None:
            table = turn @ table
        step = table[:, :p]
        return step, table[:, p] - step @ self.mean if has_intercept else np.zeros_like(grad_intercept)


class Diagonal:
    """Inverse Hessian that is diagonal in centred columns."""

    def __init__(self, diagonal: np.ndarray, mean: np.ndarray, masses: np.ndarray) -> None:
        self.diagonal, self.mean, self.masses = diagonal, mean, masses

    def solve(self, grad: np.ndarray, grad_intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Hessian times a gradient: coef (K, p) and intercept (K,)."""
        # The outer product by columns first, as the gradient of a sparse X lies in memory.
        step = (grad - np.multiply.outer(self.mean, grad_intercept).T) / self.diagonal
        return step, grad_intercept / self.masses - step @ self.mean


def _class_curvature(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    # eigenvalues and eigenvectors of C; its null vector (all classes alike) never meets a gradient: any number serves there
    if shares.size == 2:
        return np.array([max(shares[0] * shares[1], _TINY_SHARE)]), None
    values, vectors = np.linalg.eigh(np.diag(shares) - np.outer(shares, shares))
    return np.maximum(values, max(values[1], _TINY_SHARE)), vectors


def _row_curvature(logits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weight p (1 - p) of rows (n,) and classes, (n, K), from logits (n, K)."""
    if logits.shape[1] == 1:
        tail = np.exp(-np.abs(logits))
        spread = tail / (1.0 + tail) ** 2
    else:
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        spread = shares * (1.0 - shares)
    # What is left of a confident row keeps the factor positive; it is far below what any other row brings.
    return (spread + 1e-9) * weights[:, np.newaxis]


def _projection(n_classes: int) -> np.ndarray | None:
    """Return the matrix that takes the mean over the classes out."""
    return np.eye(n_classes) - 1.0 / n_classes if n_classes > 1 else None


def null_model(gram: np.ndarray, mean: np.ndarray, shares: np.ndarray, penalty: float, max_numbers: int) -> Factored:
    """Return the inverse Hessian at coef = 0: one factor a class, but one for all where those would have over `max_numbers` entries."""
    curvature, rotation = _class_curvature(shares)
    if curvature.size * gram.size <= max_numbers:
        return Factored(np.array([invert_factor(c * gram, mean, penalty) for c in curvature]), mean, rotation)
    factor = invert_factor(gram.copy(), mean, penalty / float(curvature.mean()))
    return Factored(factor[np.newaxis], mean, rotation, curvature)


def class_blocks(grams: np.ndarray, base: np.ndarray, blend: float, mean: np.ndarray, penalty: float) -> Factored:
    """Return the inverse of the class blocks (K, p + 1, p + 1) of the Hessian in columns less their mean; they are overwritten.

    Where they come from a sample of rows, some of the Gram matrix `base` is added, for the columns that the sample does not know well.
    """
    n_classes, p, size = len(grams), mean.size, base.shape[0]
    if blend:
        for gram in grams:
            gram[:p, :p] += (blend * gram[p, p]) * base[:p, :p]
    for gram in grams:
        invert_factor(gram[:size, :size], mean, penalty)
    return Factored(grams[:, :size, :size], mean, _projection(n_classes))


def scaled_columns(X: Any, weights: np.ndarray, shares: np.ndarray, penalty: float, *, centre: bool) -> Diagonal:
    """Return the inverse of the diagonal of the Hessian at coef = 0, halfway between column scaling and none."""
    squares, mean = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    weights = np.broadcast_to(weights, X.shape[:1])
    for start in range(0, X.shape[0], 4096):
        block, w = X[start : start + 4096], weights[start : start + 4096]
        squares += (block.multiply(block) if hasattr(block, "multiply") else np.square(block, dtype=np.float64)).T @ w
        mean += block.T @ w
    if centre:
        squares = np.maximum(squares - mean**2, 0.0)
    else:
        mean = np.zeros_like(mean)
    masses = shares[:1] * shares[1:] if shares.size == 2 else shares * (1.0 - shares)
    # One diagonal for all classes keeps their sum at zero and, with masses this unequal, loses nothing that pays.
    diagonal = float(masses.mean()) * squares + penalty
    diagonal = np.maximum(diagonal, _JITTER * max(float(diagonal.max(initial=0.0)), np.finfo(np.float64).tiny))
    logarithm = np.log(diagonal)
    diagonal = np.exp(0.5 * (logarithm + logarithm.mean()))
    return Diagonal(diagonal[np.newaxis], mean, masses)


def _times(X: Any, mean: np.ndarray, table: np.ndarray) -> np.ndarray:
    # (X - mean) table^T, (n, K)
    return np.vstack([(block - mean) @ table.T for _, block in row_blocks(X)])


def _times_back(X: Any, mean: np.ndarray, table: np.ndarray) -> np.ndarray:
    # table^T (X - mean), (K, p)
    return sum(table[here].T @ (block - mean) for here, block in row_blocks(X))


class Wide:
    """Inverse Hessian of class blocks X_c^T diag(curvature_k) X_c + penalty for few rows, many columns; X_c is X centred with curvature_k.

    With A = sqrt(curvature_k) X_c it is (I - A^T (penalty + A A^T)^-1 A) / penalty, and A A^T comes from the rows' products.
    """

    def __init__(
        self, X: Any, mean: np.ndarray, products: np.ndarray, curvature: np.ndarray, rotation: Any, penalty: float, centre: bool
    ) -> None:
        self.X, self.mean, self.rotation, self.centre = X, mean, rotation, centre
        self.masses = curvature.sum(axis=0)
        self.centres = curvature / self.masses if centre else np.zeros_like(curvature)
        self.roots = np.sqrt(curvature)
        largest = float((products.diagonal() @ curvature).max())
        # Without a penalty the inverse would divide by zero; rounding allows no less than this.
        self.penalty = max(penalty, 1e-9 * largest, np.finfo(np.float64).tiny)
        self.means = mean + _times_back(X, mean, self.centres)
        self.factors = []
        for centre_k, root in zip(self.centres.T, self.roots.T, strict=True):
            half = products - np.outer(np.ones(root.size), centre_k @ products)
            matrix = half - np.outer(half @ centre_k, np.ones(root.size))
            matrix *= root
            matrix *= root[:, np.newaxis]
            matrix[np.diag_indices_from(matrix)] += self.penalty
            self.factors.append(cholesky(matrix, lower=True, check_finite=False))

    def solve(self, grad: np.ndarray, grad_intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Hessian times a gradient: coef (K, p) and intercept (K,)."""
        if self.rotation is not None:
            grad, grad_intercept = self.rotation.T @ grad, self.rotation.T @ grad_intercept
        grad = grad - self.means * grad_intercept[:, np.newaxis]
        rows = _times(self.X, self.mean, grad)
        rows = self.roots * (rows - (self.centres * rows).sum(axis=0))
        for factor, row in zip(self.factors, rows.T, strict=True):
            row[:] = cho_solve((factor, True), row, check_finite=False)
        rows *= self.roots
        rows -= self.centres * rows.sum(axis=0)
        step = (grad - _times_back(self.X, self.mean, rows)) / self.penalty
        step_intercept = grad_intercept / self.masses - (self.means * step).sum(axis=1)
        return (step, step_intercept) if self.rotation is None else (self.rotation @ step, self.rotation @ step_intercept)


class InverseHessian:
    """The inverse Hessian that the shape of X calls for: at coef = 0 first, at another point after `refresh`.

    The rows' weights (n,) or (1,) sum to one, as do the classes' shares (n_classes,); `centre` tells whether there is an intercept.
    """

    def __init__(
        self, X: Any, source: Source, weights: np.ndarray, shares: np.ndarray, penalty: float, *, centre: bool, n_threads: int | None = None
    ) -> None:
        self.X, self.source, self.weights, self.penalty, self.centre, self.n_threads = X, source, weights, penalty, centre, n_threads
        (n, p), self.n_outputs = X.shape, 1 if shares.size == 2 else shares.size
        self.gram: np.ndarray | None = None
        self.products: np.ndarray | None = None
        self.is_exact = False
        self.current: Factored | Wide | Diagonal
        is_full = not hasattr(X, "indptr") or X.indptr[-1] >= _MIN_DENSITY * n * p
        if is_full and p <= _MAX_COLUMNS:
            self.mean = mean_of(X, weights) if centre else np.zeros(p)
            self.gram = weighted_grams(source, n, weights, self.mean, n_threads=n_threads)[0]
            if not centre:
                self.gram = self.gram[:p, :p]
            self.current = null_model(self.gram, self.mean, shares, penalty, _MAX_NUMBERS)
        elif is_full and n <= _MAX_ROWS and self.n_outputs * n * n <= _MAX_NUMBERS:
            of_rows = np.broadcast_to(weights, (n,))
            self.mean = mean_of(X, weights) if centre else np.zeros(p)
            self.products = np.hstack([_times(X, self.mean, block - self.mean) for _, block in row_blocks(X)])
            curvature, rotation = _class_curvature(shares)
            self.current = Wide(X, self.mean, self.products, np.outer(of_rows, curvature), rotation, penalty, centre)
        else:
            self.current = scaled_columns(X, weights, shares, penalty, centre=centre)

    def solve(self, grad: np.ndarray, grad_intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Hessian times a gradient: coef (K, p) and intercept (K,)."""
        return self.current.solve(grad, grad_intercept)

    def refresh(self, coef: np.ndarray, intercept: np.ndarray, near: bool = False) -> bool:
        """Replace the inverse by that of the class blocks at a point, where they can be factored; tell whether it was."""
        n, p = self.X.shape
        if self.products is not None:
            logits = _times(self.X, self.mean, coef) + (intercept + coef @ self.mean)
            curvature = _row_curvature(logits, np.broadcast_to(self.weights, (n,)))
            self.current = Wide(self.X, self.mean, self.products, curvature, _projection(self.n_outputs), self.penalty, self.centre)
            return True
        if self.gram is None or self.n_outputs * p * p > _MAX_NUMBERS:
            return False
        n_rows = max(_SAMPLE_ROWS, (_NEAR_ROWS_A_COLUMN if near else _SAMPLE_ROWS_A_COLUMN) * p)
        point = coef, intercept + coef @ self.mean
        grams = weighted_grams(self.source, n, self.weights, self.mean, point, n_rows, n_threads=self.n_threads)
        self.current = class_blocks(
            grams, self.gram, 0.0 if n_rows >= n else _BLEND if near else min(0.5, 2.0 * p / n_rows), self.mean, self.penalty
        )
        return True
