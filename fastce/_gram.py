"""Second moments of columns, row block by row block, and inverse Hessians of linear models made from them.

The Hessian of a mean loss of ``X coef.T + intercept`` is a sum over rows of (a K x K matrix of the row) times [x 1][x 1]^T. Approximations of
it that can be inverted cost one p x p Cholesky factor for a class, or a diagonal:

`null_model`
    exact where coef = 0: the rows' matrices are all C = diag(pi) - pi pi^T, pi the shares of the classes, so the Hessian is the Kronecker
    product of C and the Gram matrix. Eigenvectors of C take the classes apart.
`class_blocks`
    near the minimum, where rows differ: for each class the Gram matrix weighted with p_k (1 - p_k), from a sample of rows, between two
    projections onto coefficients that sum to zero over the classes.
`scaled_columns`
    only the diagonal, for columns too many to factor. Its logarithm is pulled halfway to its mean: pure column scaling hurts on text.

All are computed in columns centred by their mean, exactly: with coef unchanged, the intercept moves by mean . coef. Factors are scaled to
unit diagonal first, so the unit of a column does not matter. In the binary case (one logit) K is 1.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky
from scipy.linalg.blas import dsyrk

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
    p = X.shape[1]
    mean, gram = np.zeros(p), np.zeros((p, p), order="F")
    if centre:
        for here, block in row_blocks(X):
            w = weights[here] if weights.size > 1 else np.full(block.shape[0], weights[0])
            mean += w @ block
    for here, block in row_blocks(X):
        block -= mean
        block *= np.sqrt(weights[here] if weights.size > 1 else weights)[:, np.newaxis]
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
        for k in range(grad.shape[0]):
            factor = self.factors[k % len(self.factors)]
            step[k], step_intercept[k] = factor.solve(grad[k] / self.shares[k], grad_intercept[k] / self.shares[k])
        if turn is not None:
            step, step_intercept = turn @ step, turn @ step_intercept
        return step, step_intercept


class Diagonal:
    """Inverse Hessian that is diagonal in centred columns."""

    def __init__(self, diagonal: np.ndarray, mean: np.ndarray, masses: np.ndarray) -> None:
        self.diagonal, self.mean, self.masses = diagonal, mean, masses

    def solve(self, grad: np.ndarray, grad_intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the inverse Hessian times a gradient: coef (K, p) and intercept (K,)."""
        step = (grad - np.outer(grad_intercept, self.mean)) / self.diagonal
        return step, grad_intercept / self.masses - step @ self.mean


def _class_curvature(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    # eigenvalues and eigenvectors of C; its null vector (all classes alike) never meets a gradient, any positive number serves there
    if shares.size == 2:
        return np.array([max(shares[0] * shares[1], _TINY_SHARE)]), None
    values, vectors = np.linalg.eigh(np.diag(shares) - np.outer(shares, shares))
    return np.maximum(values, max(values[1], _TINY_SHARE)), vectors


def null_model(moment: Moments, shares: np.ndarray, penalty: float, max_numbers: int) -> Factored:
    """Return the inverse of the Hessian at coef = 0 for classes with the given shares.

    One factor a class, since the penalty weighs differently in each; one for all when those would have more than `max_numbers` entries.
    """
    curvature, rotation = _class_curvature(shares)
    p = moment.mean.size
    if curvature.size * p * p <= max_numbers:
        factors = [_factor(c * moment.gram, moment.mean, c, penalty) for c in curvature]
        return Factored(factors, rotation, np.ones(curvature.size))
    factors = [_factor(moment.gram.copy(order="F"), moment.mean, 1.0, penalty / float(curvature.mean()))]
    return Factored(factors, rotation, curvature)


def class_blocks(
    X: Any, rows: np.ndarray | None, weights: np.ndarray, base: Moments, coef: np.ndarray, intercept: np.ndarray, penalty: float, *, centre: bool
) -> Factored:
    """Return the inverse of the class blocks of the Hessian at (coef, intercept), from the given rows with weights (m,) that sum to one.

    Where the rows are a sample, some of `base` is added for the columns that the sample does not know well.
    """
    n_classes, p = coef.shape
    mass, first = np.zeros(n_classes), np.zeros((n_classes, p))
    grams = [np.zeros((p, p), order="F") for _ in range(n_classes)]
    for here, block in row_blocks(X, rows):
        logits = block @ coef.T + intercept
        if n_classes == 1:
            logits = np.hstack([np.zeros_like(logits), logits])
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        shares /= shares.sum(axis=1, keepdims=True)
        # What is left of a confident row keeps the factor positive; it is far below what any other row brings.
        curvature = (shares * (1.0 - shares) + 1e-9) * weights[here, np.newaxis]
        block -= base.mean
        for k in range(n_classes):
            w = curvature[:, -1 - k]
            mass[-1 - k] += w.sum()
            first[-1 - k] += w @ block
            grams[-1 - k] = dsyrk(1.0, (block * np.sqrt(w)[:, np.newaxis]).T, beta=1.0, c=grams[-1 - k], overwrite_c=True)
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
    # The mean over the classes is taken out before and after.
    projection = np.eye(n_classes) - 1.0 / n_classes if n_classes > 1 else None
    return Factored(factors, projection, np.ones(n_classes))


def scaled_columns(X: Any, weights: np.ndarray, shares: np.ndarray, penalty: float, *, centre: bool) -> Diagonal:
    """Return the inverse of the diagonal of the Hessian at coef = 0, halfway between column scaling and none."""
    squares, mean = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for start in range(0, X.shape[0], 4096):
        block = X[start : start + 4096]
        w = weights[start : start + 4096] if weights.size > 1 else np.full(block.shape[0], weights[0])
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
