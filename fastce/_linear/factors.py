"""Approximate inverse Hessians of linear models: factors, and their products with a gradient.

Both kinds, `Factored` and `Diagonal`, are inverses in columns centred by their mean, exactly: with
coef unchanged, the intercept moves by mean . coef. They are multiplied with tables as `LinearLoss`
packs them, C-contiguous: (P, K) with P = p, or P = p + 1 where the last row is the intercept's.
"""

from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from .._core import threads
from .._core.jit import driver, reduction
from .._core.threads import NUMBERS_A_STEP

# What a diagonal of ones gains for each column, so that a matrix that is positive but for rounding
# (2e-16 an entry, some hundred times) can be factored; and the factor it grows by where that fails.
JITTER, _JITTER_GROWTH = 1e-13, 100.0
# Columns whose standard deviation is below this part of their mean are constant: what is left is
# rounding.
CONSTANT = 1e-14
# Long vectors are divided in blocks of this many numbers (32 kB).
_BLOCK_NUMBERS = 1 << 12


def invert_factor(
    matrix: np.ndarray, mean: np.ndarray, penalty: float, n_blocks: int = 1
) -> np.ndarray:
    """Turn a matrix H into L, in place, and return s (P,) with (H + penalty)^-1 = (L s)^T (L s).

    H is (P, P), or (K P, K P) of K blocks; its lower half is read. The penalty is on the first p
    rows of every block, those of columns whose mean was `mean` (p,); a last row is an intercept's.
    What is not positive is made so.
    """
    p = mean.size
    diagonal = matrix.diagonal().copy()
    blocks = diagonal.reshape(n_blocks, -1)
    of_columns = blocks[:, :p]
    of_intercept = blocks[:, p:].sum(axis=1, keepdims=True)
    of_columns[of_columns <= of_intercept * (CONSTANT * mean) ** 2] = 0.0
    of_columns += penalty
    scale = np.zeros_like(diagonal)
    np.divide(1.0, np.sqrt(diagonal), out=scale, where=diagonal > 0.0)
    matrix *= scale
    matrix *= scale[:, np.newaxis]
    jitter = JITTER * max(1, diagonal.size)
    while True:
        np.fill_diagonal(matrix, 1.0 + jitter)
        # matrix^T is in Fortran's order, and its upper half is what is valid
        upper, info = dpotrf(matrix.T, lower=0, clean=1)
        if info == 0:
            break
        jitter *= _JITTER_GROWTH
    inverse, _ = dtrtri(upper, lower=0, overwrite_c=1)
    matrix[:] = inverse.T
    return scale


class Factored:
    """Inverse Hessian from one factor a class (or one for all).

    Parameters
    ----------
    factors : ndarray (K, P, P), or (1, P, P) for all classes, or (1, K P, K P), which couples them
        See `invert_factor`. Kept.
    scales : ndarray (K, P) or (1, P), or None
        None where they are a part of the factors: see `make_factored`.
    mean : ndarray (p,)
        Of the columns.
    has_intercept : bool
    rotation : ndarray (K, K) or None
        The product is taken in this basis of the classes, or between two projections.
    eigenvalues : ndarray (K,) or None
        What the inverse is divided by, where one factor serves several classes.
    """

    def __init__(
        self,
        factors: np.ndarray,
        scales: np.ndarray | None,
        mean: np.ndarray,
        has_intercept: bool,
        rotation: np.ndarray | None,
        eigenvalues: np.ndarray | None = None,
    ) -> None:
        self.factors = factors
        self.scales = scales
        self.mean = mean
        self.has_intercept = has_intercept
        self.rotation = rotation
        self.eigenvalues = eigenvalues

    def apply(self, table: np.ndarray, out: np.ndarray) -> None:
        """Write the inverse Hessian times a table (P, K) to `out`, which may be the table."""
        rows = table.T if self.rotation is None else self.rotation.T @ table.T
        rows = (
            self._product(rows) if self.scales is None else self._scaled_product(rows, self.scales)
        )
        if self.eigenvalues is not None:
            rows /= self.eigenvalues[:, np.newaxis]
        out[...] = rows.T if self.rotation is None else (self.rotation @ rows).T

    def _product(self, rows: np.ndarray) -> np.ndarray:
        # the factors and their transposes times rows (K, P), of the factors' dtype
        factors = self.factors
        if factors.shape[1] == rows.size:
            return (factors[0].T @ (factors[0] @ rows.ravel())).reshape(rows.shape)
        if len(factors) == 1:
            return (rows @ factors[0].T) @ factors[0]
        return (factors.transpose(0, 2, 1) @ (factors @ rows[:, :, np.newaxis]))[:, :, 0]

    def _scaled_product(self, rows: np.ndarray, scales: np.ndarray) -> np.ndarray:
        p = self.mean.size
        rows = rows.copy()
        if self.has_intercept:
            rows[:, :p] -= rows[:, p:] * self.mean
        rows *= scales
        # Products in float32 are those of a vector that neither overflows nor vanishes there.
        size = float(np.max(np.abs(rows), initial=0.0))
        rows /= size if 0.0 < size < np.inf else 1.0
        rows = self._product(rows.astype(np.float32)) * (size * scales)
        if self.has_intercept:
            rows[:, p] -= rows[:, :p] @ self.mean
        return rows


def make_factored(
    factors: np.ndarray,
    scales: np.ndarray,
    mean: np.ndarray,
    has_intercept: bool,
    rotation: np.ndarray | None,
    eigenvalues: np.ndarray | None = None,
) -> Factored:
    """Return the inverse made of factors and scales; `factors` is overwritten if it is float64.

    Scales and the mean become a part of float64 factors, which saves their products later. In
    float32 the factors could overflow.
    """
    kept: Any = scales
    if factors.dtype == np.float64:
        multiply_into(factors, scales, mean if has_intercept else None)
        kept = None
    return Factored(factors, kept, mean, has_intercept, rotation, eigenvalues)


def multiply_into(factors: np.ndarray, scales: np.ndarray, mean: np.ndarray | None) -> None:
    """Multiply factors by their scales, and by the centring by a mean, if any, in place."""
    of_columns = factors.reshape(*factors.shape[:2], -1, scales.shape[1])
    of_columns *= scales.reshape(factors.shape[0], 1, -1, scales.shape[1])
    if mean is not None:
        of_columns[..., -1] -= of_columns[..., :-1] @ mean


class Diagonal:
    """Inverse Hessian that is diagonal in centred columns.

    Parameters
    ----------
    diagonal : ndarray (p,)
        Of the Hessian, for every class.
    mean : ndarray (p,)
        Of the columns, 0 without an intercept.
    masses : ndarray (K,)
        The Hessian's entries for the intercepts.
    """

    def __init__(self, diagonal: np.ndarray, mean: np.ndarray, masses: np.ndarray) -> None:
        self.diagonal, self.mean, self.masses = diagonal, mean, masses

    def apply(self, table: np.ndarray, out: np.ndarray) -> None:
        """Write the inverse Hessian times a table (P, K) to `out`, which may be the table."""
        p, K = self.mean.size, table.shape[1]
        grad_intercept = table[p].copy() if len(table) > p else np.zeros(K)
        rows = max(1, _BLOCK_NUMBERS // K)
        parts = np.zeros((-(-p // rows), K))
        arguments = (table[:p], self.diagonal, self.mean, grad_intercept, rows, out[:p], parts)
        threads.run(_divide, 2 * p * K // NUMBERS_A_STEP, len(parts), *arguments)
        if len(table) > p:
            out[p] = grad_intercept / self.masses - parts.sum(axis=0)


@reduction
def _divide_one(grad, diagonal, mean, grad_intercept, coef):
    total = 0.0
    for j in range(mean.size):
        coef[j] = (grad[j] - mean[j] * grad_intercept) / diagonal[j]
        total += mean[j] * coef[j]
    return total


@driver
def _divide(b, grad, diagonal, mean, grad_intercept, rows, coef, parts):
    # coef (p, K) <- (grad (p, K) - mean (p,) grad_intercept (K,)) / diagonal (p,); parts (blocks,
    # K) += the blocks' sums of mean times coef
    part, i, stop = parts[b], b * rows, min(mean.size, (b + 1) * rows)
    if part.size == 1:
        # by vectors
        one, other = grad.reshape(grad.size), coef.reshape(coef.size)
        part[0] = _divide_one(
            one[i:stop], diagonal[i:stop], mean[i:stop], grad_intercept[0], other[i:stop]
        )
        return
    for j in range(i, stop):
        of_grad, of_coef, m, d = grad[j], coef[j], mean[j], diagonal[j]
        for k in range(part.size):
            of_coef[k] = (of_grad[k] - m * grad_intercept[k]) / d
        for k in range(part.size):
            part[k] += m * of_coef[k]
