"""Classes that a linear combination of columns takes apart: without a penalty there is no minimum.

Separation is complete where the model gives every row's class the largest logit, and no other as
large. It is incomplete where a direction raises the margins of some rows and lowers none; a linear
program finds one if there is one. Its tolerance hides rows that are small beside others, so it is
not asked where the residuals of the model prove that there is none. Where it is too large, a Newton
step near the infimum is such a direction, since a loss that falls as an exponential does is worth a
step of one unit however little is left.

References
----------
A. Albert, J. A. Anderson (1984), On the existence of maximum likelihood estimates in logistic
regression models, Biometrika 71. K. Konis (2007), Linear programming algorithms for detecting
separated data in binary logistic regression models, University of Oxford.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from .._core.design import Design
from . import formed_hessian
from .orthonormal import OrthonormalColumns

# A step along which classes come apart changes a margin by about 1, at least by this ...
_MIN_CHANGE = 0.3
# ... and lowers none by more than this part of it: what is left of the way to the minimum.
_MAX_LOSS = 1e-2
# A row gains where its margin grows by this part of the largest change.
_GAIN = 0.1
# Where a fit ends, all rows that come apart together have a loss of less than this: ten times what
# it may end above the infimum.
_LEFT = 1e-5
# Probabilities of other classes than a row's own may shrink by this part of them in a proof that
# nothing comes apart: where it does, some become 0 or negative. Below the second number they are
# left out of it.
_MOST_SHRUNK, _NO_RESIDUAL = 0.7, 1e-30
# Most Newton steps of a proof, and multiply-adds that they may take.
_MAX_PROOFS, _MAX_PRODUCTS = 40, 1e8
# Eigenvalues of a scaled Hessian that are below this many times its size are rounding.
_ROUNDING = 1e-14
# Most numbers of the matrix of a linear program (16 MB).
_MAX_NUMBERS = 1 << 21
# Logits are found in blocks of this many numbers (512 kB).
_BLOCK_NUMBERS = 1 << 16


class Rows(NamedTuple):
    """Classes of rows, (n,), and their weights, (n,) or (1,): those without weight do not count."""

    target: np.ndarray
    weights: np.ndarray

    @property
    def count(self) -> np.ndarray:
        """Whether each row counts, (n,)."""
        return np.broadcast_to(self.weights > 0.0, len(self.target))


def logits_of(design: Design, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """Return the logits (n, K) of a design's rows."""
    n, K = design.shape[0], len(coef)
    table, result = np.ascontiguousarray(coef.T), np.empty((n, K))
    intercept = np.ascontiguousarray(intercept)
    step = max(1, _BLOCK_NUMBERS // K)
    for first in range(0, n, step):
        last = min(n, first + step)
        design.forward(first, last, table, intercept, result[first:last])
    return result


def margins(logits: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return how far the logit of each row's class is ahead of each other one, (n, K - 1)."""
    n, K = logits.shape
    if K == 1:
        return np.where(target[:, np.newaxis] == 1, logits, -logits)
    own = logits[np.arange(n), target][:, np.newaxis]
    others = np.arange(K) != target[:, np.newaxis]
    return (own - logits)[others].reshape(n, K - 1)


def completely_separated(rows: Rows, logits: np.ndarray) -> list[int]:
    """Return the classes with weight if the logits tell them all apart, or nothing."""
    counts = rows.count
    classes = np.unique(rows.target[counts])
    if classes.size < 2 or not np.all(margins(logits, rows.target)[counts] > 0.0):
        return []
    return [int(k) for k in classes]


def may_be_separated(rows: Rows, logits: np.ndarray) -> bool:
    """Tell whether some row is so sure that it is not of some class that they may come apart."""
    ahead = margins(logits, rows.target).max(initial=0.0)
    return bool(ahead > -np.log(min(0.5, _LEFT * len(logits))))


def is_held(rows: Rows, columns: OrthonormalColumns, logits: np.ndarray) -> bool:
    """Tell whether probabilities, of logits (n, K) at first, prove that nothing comes apart.

    No direction takes classes apart if every row's probabilities can be replaced by positive ones
    of which the gradient is 0 (Stiemke's lemma). To first order, those after a Newton step are
    that. A few steps are taken, where the first ones still shrink some row's too far.
    """
    n, K = logits.shape
    cost = n * ((columns.rank + columns.centre) * K) ** 2
    if not formed_hessian.is_small(n, (columns.rank + columns.centre) * K) or not columns.has_all:
        return False
    is_own = rows.target[:, np.newaxis] == (np.arange(K) if K > 1 else 1)
    for _ in range(min(_MAX_PROOFS, 1 + int(_MAX_PRODUCTS // cost))):
        is_proof, change = _newton_step(rows, columns, logits, is_own)
        if is_proof or change is None:
            return is_proof
        logits = logits + change
    return False


def _newton_step(
    rows: Rows, columns: OrthonormalColumns, logits: np.ndarray, is_own: np.ndarray
) -> tuple[bool, np.ndarray | None]:
    """Return whether probabilities stay positive, and how the logits change, if that can be told.

    The step is taken by columns that are orthonormal in the rows that curve the loss, however close
    together these are beside others.
    """
    p, rest = formed_hessian.both_tails(logits)
    K = p.shape[1]
    if rest is None:
        others = np.where(is_own, 0.0, p)
        rest = np.column_stack([np.delete(p, k, axis=1).sum(axis=1) for k in range(K)])
    else:
        others = np.where(is_own, rest, p)
    # What others balance without may be as small a positive number as it has to be.
    counts = (others >= _NO_RESIDUAL) & rows.count[:, np.newaxis]
    weights = np.where(counts.any(axis=1), rows.weights, 0.0)
    curvatures = weights * (p * rest).sum(axis=1)
    total = float(curvatures.sum())
    if not total > 0.0:
        return False, None
    own = OrthonormalColumns(columns.design, curvatures / total, 0.0, centre=columns.centre)
    if own.rank < columns.rank or not own.has_all:
        return False, None
    basis, P = own.basis, own.rank + own.centre
    block = formed_hessian.Block(basis, p, rest if K == 1 else None, weights)
    H = formed_hessian.form([block], P, K, np.zeros((0, 0)))
    values, vectors, scale = formed_hessian.scaled(H)
    if not values[0] > _ROUNDING * P * K:
        return False, None
    grad = basis.T @ (weights[:, np.newaxis] * np.where(is_own, -rest, p))
    step = scale * (vectors @ (vectors.T @ (scale * grad.ravel()) / -values))
    change = basis @ step.reshape(P, K)
    if K == 1:
        growth = change * np.where(is_own, -p, rest)
    else:
        growth = change - (p * change).sum(axis=1, keepdims=True)
    return bool(np.all(growth[counts] > -_MOST_SHRUNK)), change


def direction(rows: Rows, columns: OrthonormalColumns, K: int) -> np.ndarray | None:
    """Return changes of the logits (n, K) that lower no margin and raise as many as they can.

    They are those of coefficients of orthonormal columns, each row's divided by its own size, since
    a small row counts as much as a large one. None where the program that finds them is too large.
    """
    target, n, P = rows.target, len(rows.target), columns.rank + columns.centre
    if n * max(1, K - 1) * P * K > _MAX_NUMBERS:
        return None
    counts, basis = rows.count, columns.basis
    sizes = np.abs(basis).max(axis=1, initial=0.0)
    basis = basis / np.where(sizes > 0.0, sizes, 1.0)[:, np.newaxis]
    changes = np.zeros((K, P, n, K))  # of the logits, by each coefficient
    for k in range(K):
        changes[k, :, :, k] = basis.T
    by_coef = [margins(c, target)[counts].ravel() for c in changes.reshape(K * P, n, K)]
    A = np.column_stack(by_coef)
    bounds = np.concatenate([np.ones(len(A)), np.zeros(len(A))])
    found = linprog(-A.sum(axis=0), np.vstack([A, -A]), bounds, bounds=(None, None))
    if found.x is None:
        return None
    return np.asarray(basis @ found.x.reshape(K, P).T)


def separated_along(rows: Rows, step: np.ndarray) -> list[int]:
    """Return the classes that a change of the logits (n, K) takes apart from others, or nothing."""
    counts = rows.count
    target = rows.target[counts]
    change = margins(step, rows.target)[counts]
    largest = float(np.abs(change).max(initial=0.0))
    if not largest >= _MIN_CHANGE or change.min() < -_MAX_LOSS * largest:
        return []
    of_rows = change.min(axis=1)
    if not np.any(of_rows > _GAIN * largest):  # two groups of classes
        of_rows = change.max(axis=1)
    return [int(k) for k in np.unique(target[of_rows > _GAIN * largest])]
