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
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky
from scipy.linalg.blas import dsyrk

# A p x p factor pays up to so many columns, and where X is stored sparse, if that part of its entries is not zero.
_MAX_COLUMNS, _MIN_DENSITY = 2048, 0.1
# Beyond, an n x n factor pays up to so many rows.
_MAX_ROWS = 2048
# One factor a class, while they all fit in this many numbers (64 MB).
_MAX_NUMBERS = 1 << 23
# Rows that class blocks are estimated from; their probabilities take at most so many numbers.
_SAMPLE_ROWS, _SAMPLE_ROWS_A_COLUMN, _SAMPLE_NUMBERS = 4096, 16, 1 << 22
# Rows are converted to float64 so many numbers at a time (2 MB).
_BLOCK_NUMBERS = 1 << 18
_JITTER = 1e-13
# Classes without weight are treated as if they had this much.
_TINY_SHARE = 1e-9
# Columns whose spread is below this part of their mean are constant: what is left is rounding.
_CONSTANT = 1e-14


def row_blocks(X: Any, rows: np.ndarray | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield X (n, p), or the given rows of it, as float64 blocks and the slices they stand for; nothing larger than a block is copied."""
    n, p = X.shape
    n = n if rows is None else rows.size
    step = max(16, _BLOCK_NUMBERS // max(1, p))
    for start in range(0, n, step):
        here = slice(start, min(n, start + step))
        block = X[here] if rows is None else X[rows[here]]
        yield here, np.array(block.toarray() if hasattr(block, "toarray") else block, dtype=np.float64, order="C")


class Moments(NamedTuple):
    """Weighted mean (p,) and centred Gram matrix (p, p, upper half valid in Fortran order) of columns; weights sum to one."""

    mean: np.ndarray
    gram: np.ndarray


def moments(X: Any, weights: np.ndarray, centre: bool) -> Moments:
    """Return the moments of all rows of X (n, p) with weights (n,) or (1,)."""
    (n, p), mean = X.shape, np.zeros(X.shape[1])
    gram, weights = np.zeros((p, p), order="F"), np.broadcast_to(weights, (n,))
    if centre:
        for here, block in row_blocks(X):
            mean += weights[here] @ block
    for here, block in row_blocks(X):
        block -= mean
        block *= np.sqrt(weights[here])[:, np.newaxis]
        gram = dsyrk(1.0, block.T, beta=1.0, c=gram, overwrite_c=True)
    return Moments(mean, gram)


class _Factor(NamedTuple):
    # (scale (L L^T)^-1 scale) is the inverse for coef in centred columns, 1 / mass the one for the intercept
    lower: np.ndarray
    scale: np.ndarray
    mean: np.ndarray
    mass: float

    def solve(self, grad: np.ndarray, grad_intercept: float) -> tuple[np.ndarray, float]:
        step = self.scale * cho_solve((self.lower, True), self.scale * (grad - self.mean * grad_intercept), check_finite=False)
        return step, grad_intercept / self.mass - float(self.mean @ step)


def _factor(upper: np.ndarray, mean: np.ndarray, mass: float, penalty: float) -> _Factor:
    # upper (p, p) is overwritten
    diagonal = upper.diagonal().copy()
    diagonal[diagonal <= mass * (_CONSTANT * mean) ** 2] = 0.0
    diagonal += penalty
    scale = np.zeros_like(diagonal)
    np.divide(1.0, np.sqrt(diagonal), out=scale, where=diagonal > 0.0)
    upper *= scale
    upper *= scale[:, np.newaxis]
    jitter = _JITTER * max(1, diagonal.size)
    while True:
        np.fill_diagonal(upper, 1.0 + jitter)
        try:
            return _Factor(cholesky(upper.T, lower=True, check_finite=False), scale, mean, mass)
        except LinAlgError:
            jitter *= 100.0


class Factored:
    """Inverse Hessian from one factor a class (or one for all), in a rotated basis of the classes or between projections."""

    def __init__(self, factors: list[_Factor], rotation: np.ndarray | None, shares: np.ndarray) -> None:
        self.factors = factors
        self.rotation = rotation
        self.shares = shares  # (K,): what a factor's inverse is divided by, where one factor serves several classes

    def solve(self, grad: np.ndarray, grad_intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Hessian times a gradient: coef (K, p) and intercept (K,)."""
        turn = self.rotation
        if turn is not None:
            grad, grad_intercept = turn.T @ grad, turn.T @ grad_intercept
        step, step_intercept = np.empty(grad.shape), np.empty(grad_intercept.shape)
        for k, share in enumerate(self.shares):
            step[k], step_intercept[k] = self.factors[k % len(self.factors)].solve(grad[k] / share, grad_intercept[k] / share)
        if turn is not None:
            step, step_intercept = turn @ step, turn @ step_intercept
        return step, step_intercept


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


def null_model(moment: Moments, shares: np.ndarray, penalty: float, max_numbers: int) -> Factored:
    """Return the inverse Hessian at coef = 0: one factor a class, but one for all where those would have over `max_numbers` entries."""
    curvature, rotation = _class_curvature(shares)
    if curvature.size * moment.gram.size <= max_numbers:
        factors = [_factor(c * moment.gram, moment.mean, c, penalty) for c in curvature]
        return Factored(factors, rotation, np.ones(curvature.size))
    factor = _factor(moment.gram.copy(order="F"), moment.mean, 1.0, penalty / float(curvature.mean()))
    return Factored([factor], rotation, curvature)


def class_blocks(
    X: Any, rows: np.ndarray | None, weights: np.ndarray, base: Moments, point: tuple[np.ndarray, np.ndarray], penalty: float, centre: bool
) -> Factored:
    """Return the inverse of the class blocks of the Hessian at (coef, intercept), from the given rows with weights (m,) that sum to one.

    Where the rows are a sample, some of `base` is added for the columns that the sample does not know well.
    """
    coef, intercept = point
    n_classes, p = coef.shape
    mass, first = np.zeros(n_classes), np.zeros((n_classes, p))
    grams = [np.zeros((p, p), order="F") for _ in range(n_classes)]
    for here, block in row_blocks(X, rows):
        curvature = _row_curvature(block @ coef.T + intercept, weights[here])
        block -= base.mean
        for k, w in enumerate(curvature.T):
            mass[k] += w.sum()
            first[k] += w @ block
            grams[k] = dsyrk(1.0, (block * np.sqrt(w)[:, np.newaxis]).T, beta=1.0, c=grams[k], overwrite_c=True)
    n_rows = weights.size
    blend = 0.0 if rows is None else min(0.5, 2.0 * p / n_rows)
    factors = []
    for k in range(n_classes):
        mean = base.mean
        if centre:
            shift = first[k] / mass[k]
            grams[k] -= np.outer(shift, mass[k] * shift)
            mean = mean + shift
        grams[k] += (blend * mass[k]) * base.gram
        factors.append(_factor(grams[k], mean, mass[k], penalty))
    return Factored(factors, _projection(n_classes), np.ones(n_classes))


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

    def __init__(self, X: Any, weights: np.ndarray, shares: np.ndarray, penalty: float, *, centre: bool) -> None:
        self.X, self.weights, self.penalty, self.centre = X, weights, penalty, centre
        (n, p), self.n_outputs = X.shape, 1 if shares.size == 2 else shares.size
        self.moments: Moments | None = None
        self.products: np.ndarray | None = None
        self.current: Factored | Wide | Diagonal
        is_full = not hasattr(X, "indptr") or X.indptr[-1] >= _MIN_DENSITY * n * p
        if is_full and p <= _MAX_COLUMNS:
            self.moments = moments(X, weights, centre)
            self.current = null_model(self.moments, shares, penalty, _MAX_NUMBERS)
        elif is_full and n <= _MAX_ROWS and self.n_outputs * n * n <= _MAX_NUMBERS:
            of_rows = np.broadcast_to(weights, (n,))
            self.mean = _times_back(X, np.zeros(p), of_rows[:, np.newaxis])[0] if centre else np.zeros(p)
            self.products = np.hstack([_times(X, self.mean, block - self.mean) for _, block in row_blocks(X)])
            curvature, rotation = _class_curvature(shares)
            self.current = Wide(X, self.mean, self.products, np.outer(of_rows, curvature), rotation, penalty, centre)
        else:
            self.current = scaled_columns(X, weights, shares, penalty, centre=centre)

    def solve(self, grad: np.ndarray, grad_intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Hessian times a gradient: coef (K, p) and intercept (K,)."""
        return self.current.solve(grad, grad_intercept)

    def refresh(self, coef: np.ndarray, intercept: np.ndarray) -> bool:
        """Replace the inverse by that of the class blocks at a point, where they can be factored; tell whether it was."""
        n, p = self.X.shape
        if self.products is not None:
            logits = _times(self.X, self.mean, coef) + (intercept + coef @ self.mean)
            curvature = _row_curvature(logits, np.broadcast_to(self.weights, (n,)))
            self.current = Wide(self.X, self.mean, self.products, curvature, _projection(self.n_outputs), self.penalty, self.centre)
            return True
        if self.moments is None or self.n_outputs * p * p > _MAX_NUMBERS:
            return False
        n_rows = min(n, max(_SAMPLE_ROWS, _SAMPLE_ROWS_A_COLUMN * p), max(1, _SAMPLE_NUMBERS // self.n_outputs))
        # A fixed seed: a fit is the same each time. Sorted, so that X is read in one direction.
        rows = None if n_rows == n else np.sort(np.random.default_rng(0).choice(n, n_rows, replace=False))
        weights = np.ones(n_rows) if self.weights.size == 1 else self.weights if rows is None else self.weights[rows]
        total = float(weights.sum())
        if total == 0.0:
            return False
        self.current = class_blocks(self.X, rows, weights / total, self.moments, (coef, intercept), self.penalty, self.centre)
        return True
