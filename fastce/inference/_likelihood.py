"""The optimum of a fitted model to the last digits, and the covariance of its coefficients there.

Coefficients of K classes are known up to a vector that is added to all of them: their differences
from a reference class are estimated, its own being 0. Columns are centred by their mean, so that
offsets of the columns cost no digits. A vector of these parameters has a row for each class but the
reference, k of them: the columns' coefficients, and the intercept last where there is one, q in
all. (Two classes have one logit, and it is that of the second against the first.)

This file loads Numba.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from .._core.triangular import solve_triangular
from .._linear.curvature import probabilities
from .._linear.hessian import hessian
from .._linear.moments import CURVATURE_FLOOR
from .._linear.shard import Shard
from ..linear_model._validation import Problem

# A Newton step changes no logit by more than this at the optimum: standard errors are right to as
# many digits, and the coefficients after the step to twice as many.
_SMALL_CHANGE = 1e-7
# Where rounding keeps the steps larger, they end when they no longer fall by half, below this.
_ROUNDED_CHANGE = 1e-4
# Where classes are all but separable a step moves logits by 1.
_MAX_STEPS, _MAX_HALVINGS = 60, 30
# Rounding error of a value that may rise in a step, as a part of it.
_ROUNDING = 1e-14
# Columns are taken to be linear combinations of others where less than this part of the variance is
# left: rounding, 1e-15 of it, leaves four digits of the standard errors there.
_MIN_LEFT = 1e-11
# Where rows weighted by p (1 - p) leave less than that, the columns are the reason if the rows
# themselves leave less than this.
_MIN_LEFT_EXPLAINED = 1e-9
# A column takes part in a linear combination whose largest scaled coefficient is this many times as
# large.
_SMALL_PART = 1e-6
# A column is constant where its deviation from the mean is not more than this part of it: rounding.
_CONSTANT = 1e-13
# A variance this many times as large as if every row had p (1 - p) = 1 comes from rows that are
# predicted with certainty: the classes can be separated along this coefficient.
_LARGEST_INFLATION = 1e10
# Rows are read in blocks of this many numbers (8 MB).
_BLOCK_NUMBERS = 1 << 20


class Optimum(NamedTuple):
    """Where the objective is least.

    Packed coefficients as `Shard` has them; the objective there, and how far it fell on the way
    from the model's; the inverse Hessian of the mean objective, (k q, k q).
    """

    theta: np.ndarray
    value: float
    fall: float
    inverse: np.ndarray


class Likelihood:
    """The mean objective of a problem, with its Hessian, for contrasts with a reference class.

    Parameters
    ----------
    problem : Problem
    reference : int
        Index of the class; for two classes it is the first whatever it says.

    Attributes
    ----------
    mean : ndarray (p,)
        Of the columns; 0 without an intercept.
    gram : ndarray (q, q)
        Gram matrix of the centred columns, and a 1 where there is an intercept.
    """

    def __init__(self, problem: Problem, reference: int) -> None:
        self.penalty = problem.penalty
        self.shard = Shard(
            problem.X,
            problem.target,
            problem.n_classes,
            weights=problem.weights,
            fit_intercept=problem.fit_intercept,
            label_smoothing=problem.label_smoothing,
        )
        n, self.p = self.shard.design.shape
        K = self.shard.n_outputs
        self.q = self.p + problem.fit_intercept
        self.reference = reference
        self.kept = np.array([0] if K == 1 else [k for k in range(K) if k != reference])
        centred = problem.fit_intercept
        self.mean = self.shard.design.mean(problem.weights) if centred else np.zeros(self.p)
        self.gram = _mirrored(self.shard.gram(None, self.mean)[0][: self.q, : self.q])
        self.step = max(1, min(n, _BLOCK_NUMBERS // (self.q * K)))

    def pack(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return packed coefficients, their mean over the classes 0, where the penalty is least."""
        table = np.hstack([coef, np.reshape(intercept, (-1, 1))])[:, : self.q]
        return (table - table.mean(axis=0) if len(table) > 1 else table).T.ravel()

    def move(self, theta: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Return packed coefficients after a change of the contrasts, (k q,)."""
        coef, intercept = self._expand(change)
        return theta + self.pack(coef.T, intercept)

    def contrasts(self, theta: np.ndarray) -> np.ndarray:
        """Return the contrasts of packed coefficients, of the columns as they are: (k, q)."""
        table = theta.reshape(self.q, -1).T
        if len(table) == 1:
            return table
        return table[self.kept] - table[self.reference]

    def value_and_grad(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean objective and its gradient by the contrasts, (k q,)."""
        value, grad = self.shard.value_and_grad(theta, self.penalty)
        table = grad.reshape(self.q, -1).T[self.kept]
        if self.q > self.p:
            table[:, : self.p] -= table[:, self.p :] * self.mean
        return value, table.ravel()

    def mean_loss(self, theta: np.ndarray) -> float:
        """Return the mean objective without its penalty."""
        return self.shard.value_and_grad(theta)[0]

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        """Return the Hessian of the mean objective by the contrasts, (k q, k q).

        The penalty is that of the coefficients whose mean over the classes is 0, a function of the
        contrasts: where d has their columns, penalty / 2 times the sum of squares of d, less that
        of the sum of d over the classes divided by K.
        """
        shard, k, q = self.shard, self.kept.size, self.q
        n, K = shard.design.shape[0], shard.n_outputs
        matrix = _mirrored(hessian(shard.blocks_at(theta), n, shard.weights, self.mean))
        matrix = matrix.reshape(K, self.p + 1, K, self.p + 1)[self.kept][:, :q][:, :, self.kept]
        matrix = np.ascontiguousarray(matrix[..., :q])
        # Curvatures have a floor, which would count where classes are all but separable.
        for i in range(k):
            matrix[i, :, i] -= CURVATURE_FLOOR * self.gram
        coupling = np.eye(k) - (1.0 / K if K > 1 else 0.0)
        for j in range(self.p):
            matrix[:, j, :, j] += self.penalty * coupling
        return matrix.reshape(k * q, k * q)

    def largest_change(self, change: np.ndarray) -> float:
        """Return the largest change of a contrast of logits when the contrasts change, (k q,)."""
        coef, intercept = self._expand(change)
        design, largest = self.shard.design, 0.0
        for first in range(0, design.shape[0], self.step):
            last = min(design.shape[0], first + self.step)
            out = np.empty((last - first, coef.shape[1]))
            logits = design.forward(first, last, coef, intercept, out)
            largest = max(largest, float(np.abs(logits).max()))
        return largest

    def score_products(self, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the sum over the rows of weight times score score^T, (k q, k q).

        A row's score is the gradient of its loss, without weight and penalty; the weights are (n,).
        """
        design, size = self.shard.design, self.kept.size * self.q
        total = np.zeros((size, size))
        for first in range(0, design.shape[0], self.step):
            last = min(design.shape[0], first + self.step)
            rows = np.ones((last - first, self.q))
            rows[:, : self.p] = design.rows(first, last).columns(0, self.p) - self.mean
            residuals = self._residuals(theta, first, last)[:, self.kept]
            residuals *= np.sqrt(weights[first:last, np.newaxis])
            scores = (residuals[:, :, np.newaxis] * rows[:, np.newaxis, :]).reshape(-1, size)
            total += scores.T @ scores
        return total

    def uncentred(self, covariance: np.ndarray) -> np.ndarray:
        """Return a covariance (k q, k q) for the columns as they are, with the intercept first."""
        k, p, q = self.kept.size, self.p, self.q
        if q == p:
            return covariance
        table = covariance.reshape(k, q, k, q).copy()
        table[:, p] -= np.tensordot(table[:, :p], self.mean, (1, 0))
        table[:, :, :, p] -= table[..., :p] @ self.mean
        return np.roll(table, 1, axis=(1, 3)).reshape(covariance.shape)

    def _expand(self, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # contrasts (k q,) of centred columns -> coef (p, K) and intercept (K,) of the columns
        table = np.zeros((self.shard.n_outputs, self.q))
        table[self.kept] = change.reshape(-1, self.q)
        coef = np.ascontiguousarray(table[:, : self.p].T)
        if self.q == self.p:
            return coef, np.zeros(len(table))
        return coef, table[:, self.p] - self.mean @ coef

    def _residuals(self, theta: np.ndarray, first: int, last: int) -> np.ndarray:
        # probabilities less targets of rows from first to last, (rows, K)
        shard = self.shard
        coef, intercept = shard.tables(theta)
        out = np.empty((last - first, coef.shape[1]))
        Z = probabilities(shard.design.forward(first, last, coef, intercept, out))
        targets = shard.target_probabilities(first, last)
        return Z - (targets[:, 1:] if coef.shape[1] == 1 else targets)


def find_optimum(likelihood: Likelihood, coef: np.ndarray, intercept: np.ndarray) -> Optimum:
    """Return the optimum, from the coefficients (K, p) and intercept (K,) of a model near it.

    Raises
    ------
    NoOptimum
        If columns of X are linearly dependent or classes separable, so that there is none.
    """
    theta = likelihood.pack(coef, intercept)
    value, grad = likelihood.value_and_grad(theta)
    first_value, previous = value, np.inf
    uncurved = None
    if not likelihood.penalty:
        _check_columns(likelihood, _MIN_LEFT)
        uncurved = _invert(likelihood.gram)
    for _ in range(_MAX_STEPS):
        inverse = _invert(likelihood.hessian(theta))
        if inverse is None:
            _check_columns(likelihood, _MIN_LEFT_EXPLAINED)
            raise NoOptimum(separable=not likelihood.penalty)
        if uncurved is not None:
            _check_overlap(inverse, uncurved)
        step = -inverse @ grad
        change = likelihood.largest_change(step)
        if change <= _SMALL_CHANGE or 0.5 * previous <= change <= _ROUNDED_CHANGE:
            return Optimum(likelihood.move(theta, step), value, first_value - value, inverse)
        theta, value, grad = _descend(likelihood, theta, value, step)
        previous = change
    raise NoOptimum()


class NoOptimum(Exception):
    """There is no single optimum that float64 can tell; or none was found, where nothing is said.

    Attributes
    ----------
    column, others : int or None, list of int
        A column that is a linear combination of others.
    separable : bool
        Whether classes can be separated.
    place : tuple of int or None
        Index of the class, and of its parameter, that grows most.
    """

    def __init__(
        self,
        column: int | None = None,
        others: Sequence[int] = (),
        separable: bool = False,
        place: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.column, self.others = column, others
        self.separable, self.place = separable, place


def _descend(
    likelihood: Likelihood, theta: np.ndarray, value: float, step: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    # the point after a step, halved until the objective does not rise; its value and gradient
    for _ in range(_MAX_HALVINGS):
        moved = likelihood.move(theta, step)
        new_value, grad = likelihood.value_and_grad(moved)
        if new_value <= value + _ROUNDING * abs(value):
            break
        step = 0.5 * step
    return moved, new_value, grad


def _mirrored(lower: np.ndarray) -> np.ndarray:
    # the symmetric matrix whose lower half this is
    return np.tril(lower) + np.tril(lower, -1).T


def _factor(matrix: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray, int | None]:
    """Return the Cholesky factor of a matrix that is scaled to a diagonal of ones, and the scale.

    Third comes the index of the first row that those before it explain but for a part below
    `least`, or None.
    """
    diagonal = matrix.diagonal()
    scale = np.ones(len(matrix))
    np.divide(1.0, np.sqrt(np.abs(diagonal)), out=scale, where=diagonal > 0.0)
    factor, info = dpotrf(matrix * scale * scale[:, np.newaxis], lower=1, clean=1)
    is_explained = factor.diagonal() ** 2 < least
    is_explained[info - 1 if info else len(matrix) :] = True
    return factor, scale, int(is_explained.argmax()) if is_explained.any() else None


def _invert(matrix: np.ndarray) -> np.ndarray | None:
    """Return the inverse of a positive definite matrix, or None where rounding says it is not."""
    factor, scale, explained = _factor(matrix, _MIN_LEFT)
    if explained is not None:
        return None
    inverse, _ = dpotri(factor, lower=1)
    return np.asarray(_mirrored(inverse) * scale * scale[:, np.newaxis])


def _check_columns(likelihood: Likelihood, least: float) -> None:
    """Check that each column has this part of its variance to itself."""
    gram, p = likelihood.gram, likelihood.p
    total = gram[p, p] if likelihood.q > p else 0.0
    is_constant = gram.diagonal()[:p] <= total * (_CONSTANT * likelihood.mean) ** 2
    if is_constant.any():
        raise NoOptimum(column=int(is_constant.argmax()))
    factor, _, j = _factor(gram, least)
    if j is not None:
        parts = solve_triangular(factor[:j, :j], factor[j, :j], lower=True, trans=1)
        others = np.flatnonzero(np.abs(parts) > _SMALL_PART * np.abs(parts).max(initial=0.0))
        raise NoOptimum(column=j, others=others.tolist())


def _check_overlap(inverse: np.ndarray, uncurved: np.ndarray) -> None:
    # raises where a variance (k q, k q) is far above that of rows with p (1 - p) = 1, (q, q)
    inflation = inverse.diagonal().reshape(-1, len(uncurved)) / uncurved.diagonal()
    if inflation.max() > _LARGEST_INFLATION:
        row, column = np.unravel_index(inflation.argmax(), inflation.shape)
        raise NoOptimum(separable=True, place=(int(row), int(column)))
