"""Approximations of the Hessian of a linear model that can be inverted.

The Hessian of a mean loss of ``X coef.T + intercept`` is a sum over rows of (a K x K matrix of the
row) times [x 1][x 1]^T. Approximations of it cost one p x p Cholesky factor for a class, or a
diagonal:

`null_model`
    exact where coef = 0: the rows' matrices are all C = diag(pi) - pi pi^T, pi the prior
    probabilities of the classes, so the Hessian is the Kronecker product of C and the Gram matrix.
    Eigenvectors of C take the classes apart.
`class_blocks`
    near the minimum, where rows differ: for each class the Gram matrix weighted with p_k (1 - p_k),
    from a sample of rows, between two projections onto coefficients that sum to zero over the
    classes.
`scaled_columns`
    only the diagonal, there or elsewhere, for columns too many to factor. Its logarithm is pulled
    halfway to its median, up to a limit: pure column scaling hurts on text, but columns of other
    units need it.

All are computed in columns centred by their mean, exactly: with coef unchanged, the intercept moves
by mean . coef. Factors are scaled to unit diagonal first, so the unit of a column does not matter.
In the binary case (one logit) K is 1.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .factors import JITTER, Diagonal, Factored, invert_factor, make_factored

# From this many numbers on (1 MB as float32), factors are kept as float32, which halves what a
# product reads.
LARGE = 1 << 18
# Curvatures of columns with one unit are at most this many times their median, or this part of it.
_MAX_RATIO = 1000.0
# The probability of classes without weight.
TINY_PRIOR = 1e-9


def check_squares(squares: np.ndarray, each: str = "column") -> None:
    """Check that sums of squares of the columns (or rows) of X are finite."""
    bad = np.flatnonzero(~np.isfinite(squares))
    if bad.size:
        raise ValueError(
            "X must have squares whose sums are finite; got numbers too large for that in "
            f"{each} {bad[0]}"
        )


def class_eigenvalues(class_priors: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return eigenvalues and eigenvectors of C; one number and None for two classes.

    The null vector of C (all classes alike) never meets a gradient: any number serves there.
    """
    if class_priors.size == 2:
        return np.array([max(class_priors[0] * class_priors[1], TINY_PRIOR)]), None
    covariance = np.diag(class_priors) - np.outer(class_priors, class_priors)
    values, vectors = np.linalg.eigh(covariance)
    return np.maximum(values, max(values[1], TINY_PRIOR)), vectors


def projection(n_classes: int) -> np.ndarray | None:
    """Return the matrix that takes the mean over the classes out."""
    return np.eye(n_classes) - 1.0 / n_classes if n_classes > 1 else None


def null_model(
    gram: np.ndarray, mean: np.ndarray, class_priors: np.ndarray, penalty: float, max_numbers: int
) -> Factored:
    """Return the inverse Hessian at coef = 0.

    It has one factor a class, but one for all where those would have over `max_numbers` entries.
    """
    eigenvalues, rotation = class_eigenvalues(class_priors)
    has_intercept = len(gram) > mean.size
    if eigenvalues.size * gram.size <= max_numbers:
        factors, scales = _new_factors(eigenvalues.size, len(gram))
        for k, c in enumerate(eigenvalues):
            block = c * gram
            scales[k] = invert_factor(block, mean, penalty)
            factors[k] = block
        return make_factored(factors, scales, mean, has_intercept, rotation)
    factor = gram.copy()
    scale = invert_factor(factor, mean, penalty / float(eigenvalues.mean()))
    return make_factored(
        factor[np.newaxis], scale[np.newaxis], mean, has_intercept, rotation, eigenvalues
    )


def _new_factors(n: int, P: int) -> tuple[np.ndarray, np.ndarray]:
    # room for n factors and their scales
    return np.empty((n, P, P), np.float32 if n * P * P >= LARGE else np.float64), np.empty((n, P))


def class_blocks(
    grams: Iterable[np.ndarray],
    n_classes: int,
    base: np.ndarray,
    blend: float,
    mean: np.ndarray,
    penalty: float,
    old: Any = None,
) -> Factored:
    """Return the inverse of the class blocks of the Hessian, in columns less their mean.

    Parameters
    ----------
    grams : iterable of ndarray (p + 1, p + 1)
        The blocks, one a class; overwritten.
    n_classes : int
    base : ndarray (p + 1, p + 1), or (p, p) without an intercept
        The Gram matrix of all rows.
    blend : float
        How much of it is added, where blocks come from a sample of rows: for the columns that the
        sample does not know well.
    mean : ndarray (p,)
    penalty : float
    old : object
        An inverse that is not needed any more: its factors are overwritten if they have the same
        shape and are float32 (scales have become a part of float64 ones).
    """
    p, size = mean.size, base.shape[0]
    if (
        isinstance(old, Factored)
        and old.scales is not None
        and old.factors.shape == (n_classes, size, size)
    ):
        factors, scales = old.factors, old.scales
    else:
        factors, scales = _new_factors(n_classes, size)
    following = iter(grams)
    for k in range(n_classes):
        gram = next(following)
        if blend:
            gram[:p, :p] += (blend * gram[p, p]) * base[:p, :p]
        block = gram[:size, :size]
        scales[k] = invert_factor(block, mean, penalty)
        factors[k] = block
        del gram, block  # so that their group is freed before the next one is made
    return make_factored(factors, scales, mean, size > p, projection(n_classes))


def scaled_columns(
    mean: np.ndarray,
    squares: np.ndarray,
    masses: np.ndarray,
    penalty: float,
    *,
    centre: bool,
    is_halfway: bool = True,
) -> Diagonal:
    """Return the inverse of the diagonal of the Hessian, halfway between column scaling and none.

    Without `is_halfway`, that of the diagonal itself.

    It is made from the means of the columns (p,) and of their squares (p,), rows weighted by their
    mean curvature, and from the curvatures of the classes, masses (K,).
    """
    mass, rounding = float(masses.mean()), JITTER * squares
    if centre:
        # what rounding leaves of a constant column is a part of its own square, and of no other's
        squares = np.maximum(squares - mean**2, rounding)
    else:
        mean = np.zeros_like(mean)
    # One diagonal for all classes keeps their sum at zero and, with masses this unequal, loses
    # nothing that pays.
    diagonal = np.maximum(mass * squares + penalty, np.finfo(np.float64).tiny)
    # Halfway among columns alike; what is further away has a unit of its own, and is taken all the
    # way.
    if is_halfway:
        diagonal /= np.sqrt(np.clip(diagonal / np.median(diagonal), 1.0 / _MAX_RATIO, _MAX_RATIO))
    return Diagonal(diagonal, mean, masses)
