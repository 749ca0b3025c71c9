"""Problems that are hard in float64 and easy in the coordinates that they are made from.

A few integer columns B (n, r), and a matrix M (r, p) of dyadic rationals: ``X = B M + offset`` is
exact in float64. With coefficients ``u = M coef`` of B the logits are the same, and the smallest
``||coef||^2`` for a given u is ``u^T (M M^T)^-1 u``, a matrix that is found in rational arithmetic.
So the minimum over coef is a minimum over r small coefficients of small integers.
"""

from fractions import Fraction
from typing import NamedTuple

import mpmath
import numpy as np
from scipy import sparse

SOLVERS = ("auto", "auto", "auto", "lbfgs", "newton-cg", "newton-cholesky")
# A fit may end above the minimum by this part of it, or of the null model's objective.
TOLERANCE = 1e-6
# Numbers of X are integers below this, times a power of two.
_MAX_INTEGER = 1 << 53
# Float64 is trusted with a Hessian up to this condition; mpmath with this many digits with any.
_MAX_CONDITION = 1e10
_DIGITS = 100


class Hard(NamedTuple):
    """A problem: data and parameters of a fit, and the base that it is made from."""

    X: np.ndarray
    y: np.ndarray
    C: float
    fit_intercept: bool
    solver: str
    is_sparse: bool
    base: np.ndarray  # (n, r) of integers
    gram: list  # (r, r): M M^T
    kind: str

    def data(self):
        """Return X as the fit is given it."""
        return sparse.csr_matrix(self.X) if self.is_sparse else self.X

    def parameters(self):
        """Return the parameters of the classifier."""
        return {"C": self.C, "fit_intercept": self.fit_intercept, "solver": self.solver}


def of(X, y, C=1.0, fit_intercept=True, solver="auto"):
    """Return the problem of a fit of X itself, whose minimum is found with many digits."""
    X, labels = np.asarray(X, dtype=float), np.unique(y, return_inverse=True)[1]
    identity = [[Fraction(int(i == j)) for j in range(X.shape[1])] for i in range(X.shape[1])]
    return Hard(X, labels, C, fit_intercept, solver, False, X, identity, "given")


def make(seed):
    """Return the problem with this number."""
    rng = np.random.default_rng([14, seed])
    while True:
        problem = _make(rng)
        if problem is not None:
            return problem


def _make(rng):
    r, n_classes = int(rng.integers(1, 4)), int(rng.choice([2, 2, 3, 4]))
    n = int(rng.integers(6 + 4 * r, 60))
    base = rng.integers(-8, 9, (n, r))
    labels, C = str(rng.choice(["noisy", "random", "rare", "separable"])), np.inf
    y = _labels(rng, base, n_classes, labels)
    if labels == "separable" or rng.random() < 0.6:
        C = float(10.0 ** rng.integers(-2, 7))
    else:
        # each class in the same rows: no direction takes them apart
        overlap = np.repeat(base[: 2 * r + 2], n_classes, axis=0)
        base = np.vstack([base, overlap])
        y = np.concatenate([y, np.tile(np.arange(n_classes), 2 * r + 2)])
    fit_intercept = bool(rng.random() < 0.75)
    mixing, kind = mixing_of(rng, r)
    offsets = [Fraction(0)] * len(mixing)
    if fit_intercept and rng.random() < 0.4:
        offsets = [Fraction(int(rng.integers(-(2**12), 2**12)) << int(rng.integers(0, 20)))] * len(
            mixing
        )
        kind += ", offset"
    units = [Fraction(1)] * len(mixing)
    if rng.random() < 0.6:
        units = [Fraction(2) ** int(rng.integers(-60, 61)) for _ in mixing]
        kind += ", units"
    if np.linalg.matrix_rank(np.column_stack([np.ones(len(base)), base])) <= r:
        return None
    X = _exact_columns(base, mixing, offsets, units)
    if X is None or np.unique(y).size < n_classes:
        return None
    scaled = [[unit * m for m in column] for column, unit in zip(mixing, units, strict=True)]
    gram = [[sum(c[i] * c[j] for c in scaled) for j in range(r)] for i in range(r)]
    solver = str(rng.choice(SOLVERS))
    is_sparse = bool(rng.random() < 0.25)
    return Hard(X, y, C, fit_intercept, solver, is_sparse, base, gram, f"{labels}, {kind}")


def _labels(rng, base, n_classes, kind):
    n, r = base.shape
    scores = base @ rng.normal(size=(r, n_classes)) + 2.0 * rng.normal(size=n_classes)
    if kind == "separable":
        return scores.argmax(axis=1)
    if kind == "random":
        return rng.integers(0, n_classes, n)
    if kind == "rare":
        y = rng.integers(0, n_classes - 1, n) if n_classes > 2 else np.zeros(n, int)
        y[rng.choice(n, int(rng.integers(1, 3)), replace=False)] = n_classes - 1
        return y
    return (scores + 4.0 * rng.gumbel(size=(n, n_classes))).argmax(axis=1)


def mixing_of(rng, r, n_combinations=None):
    """Return the columns of M, each r rationals, and what kind they are."""
    columns = [[Fraction(int(i == j)) for i in range(r)] for j in range(r)]
    kind = str(rng.choice(["plain", "combinations", "near", "near and combinations"]))
    if "near" in kind:
        q = int(rng.integers(8, 49))
        kind += f" 2^-{q}"
        first = columns[0]
        tail = columns[1:] if r > 1 else [[Fraction(0)] * r]
        near = [[a + b / 2**q for a, b in zip(first, column, strict=True)] for column in tail]
        columns = [first, *near]
    if "combinations" in kind:
        number = int(rng.integers(1, 4)) if n_combinations is None else n_combinations
        for _ in range(number):
            factors = rng.integers(-3, 4, len(columns))
            columns.append(
                [
                    sum(int(f) * column[i] for f, column in zip(factors, columns, strict=True))
                    for i in range(r)
                ]
            )
    order = rng.permutation(len(columns))
    return [columns[i] for i in order], kind


def _exact_columns(base, mixing, offsets, units):
    """Return X, or None where float64 does not hold it exactly."""
    X = np.empty((len(base), len(mixing)))
    rows = base.tolist()
    for j, (column, offset, unit) in enumerate(zip(mixing, offsets, units, strict=True)):
        for i, row in enumerate(rows):
            number = (sum(b * m for b, m in zip(row, column, strict=True)) + offset) * unit
            X[i, j] = float(number)
            if Fraction(X[i, j]) != number:
                return None
    return X


def exact_objective(problem, coef, intercept):
    """Return the mean objective at stored coefficients: logits and penalty in exact arithmetic."""
    columns = [[Fraction(x) for x in column] for column in problem.X.T.tolist()]
    logits = np.zeros((len(problem.X), len(coef)))
    for k, (own, b) in enumerate(zip(coef.tolist(), intercept.tolist(), strict=True)):
        factors = [Fraction(c) for c in own]
        for i in range(len(problem.X)):
            logits[i, k] = float(
                sum(c * column[i] for c, column in zip(factors, columns, strict=True)) + Fraction(b)
            )
    square = float(sum(Fraction(c) ** 2 for c in coef.ravel().tolist()))
    penalty = 0.0 if problem.C == np.inf else 1.0 / (problem.C * len(problem.y))
    return mean_loss(logits, problem.y) + 0.5 * penalty * square


def mean_loss(logits, y):
    """Return the mean cross-entropy; one column of logits is that of the second of two classes."""
    if logits.shape[1] == 1:
        return float(np.logaddexp(0.0, np.where(y == 1, -logits[:, 0], logits[:, 0])).mean())
    own = logits[np.arange(len(y)), y]
    others = logits - own[:, np.newaxis]
    others[np.arange(len(y)), y] = -np.inf
    return float(np.log1p(np.exp(np.minimum(others, 700.0)).sum(axis=1)).mean())


def null_objective(problem):
    """Return the mean objective of the null model."""
    counts = np.bincount(problem.y)
    if not problem.fit_intercept:
        return float(np.log(counts.size))
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum())


def least_objective(problem):
    """Return the least mean objective: Newton's method in the coordinates of the base."""
    with mpmath.workdps(_DIGITS):
        return _Base(problem).least()


class _Base:
    """The problem in coordinates in which it is easy: coefficients (P, K) of columns B (n, P).

    With ``M M^T = L L^T`` these are ``base @ L``, in which the penalty is the identity, each in a
    unit of its own, and a column of ones for the intercept.
    """

    def __init__(self, problem):
        self.y, n, r = problem.y, len(problem.y), problem.base.shape[1]
        n_classes = int(problem.y.max()) + 1
        self.K = 1 if n_classes == 2 else n_classes
        one_hot = np.eye(n_classes, dtype=int)[self.y]
        self.targets = one_hot[:, 1:] if self.K == 1 else one_hot
        L = mpmath.eye(r)
        if problem.C < np.inf:
            L = mpmath.cholesky(
                mpmath.matrix(
                    [[mpmath.mpf(x.numerator) / x.denominator for x in row] for row in problem.gram]
                )
            )
        B = problem.base.astype(object) @ np.array(L.tolist(), dtype=object).reshape(r, r)
        if problem.fit_intercept:
            B = np.column_stack([B, np.full(n, mpmath.mpf(1))])
        unit = np.array([1 / mpmath.norm(column.tolist()) for column in B.T], dtype=object)
        self.B, self.penalty = B * unit, 0 * unit
        self.negligible = 1e-4 * TOLERANCE * null_objective(problem)
        if problem.C < np.inf:
            self.penalty[:r] = unit[:r] ** 2 / (mpmath.mpf(problem.C) * n)

    def least(self):
        value, is_sure = self._newton(np.float64)
        return float(value if is_sure else self._newton(object)[0])

    def _newton(self, dtype):
        """Return the least value in float64 or in mpmath's numbers, and whether to trust it."""
        self.own_B, self.own_penalty = self.B.astype(dtype), self.penalty.astype(dtype)
        c = np.zeros((self.B.shape[1], self.K), dtype)
        value, is_sure = self._value(c), True
        for _ in range(300):
            step, decrement, condition = self._step(c)
            is_sure = condition < _MAX_CONDITION
            t = 1.0
            new_value = self._value(c - step)
            while t > 1e-6 and not new_value <= value - 1e-4 * t * decrement:
                t *= 0.5
                new_value = self._value(c - t * step)
            if new_value < value:
                c, value = c - t * step, new_value
            ends = decrement <= 1e-10 * value or value <= self.negligible or t <= 1e-6
            if ends or not (is_sure or dtype is object):
                break
        return value, is_sure

    def _value(self, c):
        logits = self.own_B @ c
        square = 0.5 * (c * c * self.own_penalty[:, np.newaxis]).sum()
        if logits.dtype != object:
            return mean_loss(logits, self.y) + square
        total = mpmath.mpf(0)
        for row, k in zip(logits.tolist(), self.y.tolist(), strict=True):
            row, k = ([mpmath.mpf(0), *row], k) if self.K == 1 else (row, k)
            total += mpmath.log1p(sum(mpmath.exp(z - row[k]) for j, z in enumerate(row) if j != k))
        return total / len(self.y) + square

    def _step(self, c):
        """Return the Newton step, its decrement, and the condition of the Hessian."""
        B, (P, K), n = self.own_B, c.shape, len(self.y)
        logits = B @ c
        exp = np.exp if B.dtype != object else np.frompyfunc(mpmath.exp, 1, 1)
        if K == 1:
            logits = np.hstack([0 * logits, logits])
        e = exp(logits - logits.max(axis=1, keepdims=True))
        p = (e / e.sum(axis=1, keepdims=True))[:, -K:]
        complement = ((e.sum(axis=1, keepdims=True) - e) / e.sum(axis=1, keepdims=True))[:, -K:]
        grad = B.T @ np.where(self.targets == 1, -complement, p) / n
        grad = grad + self.own_penalty[:, np.newaxis] * c
        hessian = np.zeros((P, K, P, K), dtype=B.dtype)
        for k in range(K):
            for j in range(K):
                curvature = p[:, k] * (complement[:, k] if j == k else -p[:, j])
                hessian[:, k, :, j] = B.T @ (B * curvature[:, np.newaxis]) / n
            hessian[range(P), k, range(P), k] += self.own_penalty
        if K > 1:  # what all classes have in common changes nothing: its gradient is 0
            for i in range(P):
                hessian[i, :, i, :] += hessian[i, 0, i, 0]
        return _solve(hessian.reshape(P * K, P * K), grad)


def _solve(hessian, grad):
    """Return a Newton step, its decrement, and the condition, in a unit for each parameter."""
    shape, grad = grad.shape, grad.ravel()
    if hessian.dtype == object:
        step = mpmath.lu_solve(mpmath.matrix(hessian.tolist()), mpmath.matrix(grad.tolist()))
        step = np.array(step.T.tolist()[0], dtype=object)
        return step.reshape(shape), (step * grad).sum(), 1.0
    scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    scaled = hessian * scale * scale[:, np.newaxis]
    eigenvalues = np.linalg.eigvalsh(scaled)
    condition = eigenvalues[-1] / max(eigenvalues[0], 1e-300)
    step = scale * np.linalg.lstsq(scaled, scale * grad, rcond=1e-15)[0]
    return step.reshape(shape), float(step @ grad), condition


def is_above(problem, value, least):
    """Tell whether a value is further above the least one than a fit may end without a warning."""
    null = null_objective(problem)
    scale = least if least >= TOLERANCE * null else null
    return not value <= least + TOLERANCE * scale
