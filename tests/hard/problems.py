"""Problems that are hard in float64 and easy in the coordinates that they are made from.

A few integer columns B (n, r), and a matrix M (r, p) of dyadic rationals: ``X = B M + offset`` is
exact in float64. With coefficients ``u = M coef`` of B the logits are the same, and the smallest
``||coef||^2`` for a given u is ``u^T (M M^T)^-1 u``, a matrix that is found in rational arithmetic.
So the minimum over coef is a minimum over r small coefficients of small integers. Of few rows with
columns of any kind, ``X = I X`` is such a product, too.
"""

from fractions import Fraction
from typing import Any, NamedTuple

import mpmath
import numpy as np
from scipy import sparse

SOLVERS = ("auto", "auto", "auto", "lbfgs", "newton-cg", "newton-cholesky")
# A fit may end above the minimum by this part of it, or of the null model's objective.
TOLERANCE = 1e-6
_PART_OF_TOL = 1e-2
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
    soft: Any = None  # (n, n_classes): probabilities in place of y
    sample_weight: Any = None
    class_weight: Any = None
    tol: float = 1e-4

    def data(self):
        """Return X as the fit is given it."""
        return sparse.csr_matrix(self.X) if self.is_sparse else self.X

    def parameters(self):
        """Return the parameters of the classifier."""
        return {
            "C": self.C,
            "fit_intercept": self.fit_intercept,
            "solver": self.solver,
            "class_weight": self.class_weight,
            "tol": self.tol,
        }

    @property
    def labels(self):
        """What the fit is given as y."""
        return self.y if self.soft is None else self.soft

    @property
    def targets(self):
        """The classes' probabilities in each row, (n, n_classes)."""
        return np.eye(int(self.y.max()) + 1)[self.y] if self.soft is None else self.soft

    @property
    def weights(self):
        """The rows' weights, (n,)."""
        own = np.ones(len(self.y)) if self.sample_weight is None else self.sample_weight
        if self.class_weight is None:
            return own
        return own * np.array([self.class_weight[k] for k in self.y.tolist()])


def of(X, y, C=1.0, fit_intercept=True, solver="auto"):
    """Return the problem of a fit of X itself, whose minimum is found with many digits."""
    X, labels = np.asarray(X, dtype=float), np.unique(y, return_inverse=True)[1]
    identity = [[Fraction(int(i == j)) for j in range(X.shape[1])] for i in range(X.shape[1])]
    return Hard(X, labels, C, fit_intercept, solver, False, X, identity, "given")


def make(seed):
    """Return the problem with this number.

    Every fifth has few rows, sparse columns or heavy tails; of the others half have weights, soft
    labels, or another tolerance.
    """
    rng = np.random.default_rng([14, seed])
    of_options = np.random.default_rng([1415, seed])
    shape = _make
    if seed % 5 == 4:
        shape = (_wide, _low_rank, _sparse, _heavy_tails)[seed // 5 % 4]
    while True:
        problem = shape(rng)
        if problem is not None:
            break
    return _with_options(of_options, problem) if of_options.random() < 0.5 else problem


def _with_options(rng, problem):
    n, n_classes = len(problem.y), int(problem.y.max()) + 1
    kind, options = problem.kind, {}
    if rng.random() < 0.6:
        least = 0 if problem.C < np.inf else 1
        weights = rng.integers(least, 6, n) * 2.0 ** rng.integers(-6, 7, n)
        if np.all(np.bincount(problem.y, weights) > 0.0):
            options["sample_weight"], kind = weights, kind + ", weights"
    if rng.random() < 0.3:
        sure = np.eye(n_classes)[problem.y]
        options["soft"] = 0.5 * sure + rng.multinomial(8, np.full(n_classes, 1 / n_classes), n) / 16
        kind += ", soft"
    elif rng.random() < 0.3:
        of_classes = 10.0 ** rng.integers(-3, 4, n_classes)
        options["class_weight"] = dict(enumerate(of_classes.tolist()))
        kind += ", class weights"
    options["tol"] = float(rng.choice([1e-2, 1e-4, 1e-4, 1e-6]))
    return problem._replace(kind=f"{kind}, tol {options['tol']:g}", **options)


def _wide(rng):
    """Few columns that are repeated many times but for a small part of their own each."""
    n, n_classes = int(rng.integers(5, 13)), int(rng.choice([2, 2, 3]))
    p, r = 2 * n + int(rng.integers(1, 6 * n)), int(rng.integers(1, n // 2 + 1))
    q, power = int(rng.integers(8, 44)), int(rng.integers(-30, 31))
    base, own = rng.integers(-8, 9, (n, r)), rng.integers(-8, 9, (n, p))
    exact = base[:, rng.integers(0, r, p)].astype(object) * 2**q + own.astype(object)
    units = [Fraction(2) ** (power - q)] * p
    if rng.random() < 0.4:
        units = [
            unit * Fraction(2) ** int(e)
            for unit, e in zip(units, rng.integers(-10, 11, p), strict=True)
        ]
    kind = f"wide {n}x{p} of {r}, near 2^-{q}, unit 2^{power}"
    return _of_rows(rng, np.eye(n, dtype=int), exact, units, n_classes, kind)


def _low_rank(rng):
    """More columns than rows, all of them combinations of few, some only in a small part."""
    r, n_classes = int(rng.integers(2, 6)), int(rng.choice([2, 2, 3]))
    n = int(rng.integers(2 * r + 4, 24))
    p, q, s = 2 * n + int(rng.integers(1, 4 * n)), int(rng.integers(8, 44)), int(rng.integers(1, r))
    base = rng.integers(-8, 9, (n, r))
    if np.linalg.matrix_rank(np.column_stack([np.ones(n), base])) <= r:
        return None
    mixing = np.zeros((r, p), dtype=object)
    mixing[rng.integers(0, s, p), np.arange(p)] = 2**q
    mixing[s:] = rng.integers(-3, 4, (r - s, p)).astype(object)
    units = [Fraction(2) ** (int(rng.integers(-30, 31)) - q)] * p
    if rng.random() < 0.4:
        units = [
            unit * Fraction(2) ** int(e)
            for unit, e in zip(units, rng.integers(-10, 11, p), strict=True)
        ]
    kind = f"wide {n}x{p} of rank {r}, near 2^-{q}"
    return _of_rows(rng, base, mixing, units, n_classes, kind)


def _sparse(rng):
    """Sparse columns in units of their own, some all but repeated."""
    n, r, n_classes = int(rng.integers(25, 60)), int(rng.integers(2, 6)), int(rng.choice([2, 2, 3]))
    base = rng.integers(1, 5, (n, r)) * (rng.random((n, r)) < 0.25)
    if np.linalg.matrix_rank(np.column_stack([np.ones(n), base])) <= r:
        return None
    q = int(rng.integers(8, 49))
    mixing = np.zeros((r, 2 * r), dtype=object)
    mixing[:, :r] = np.eye(r, dtype=int).astype(object) * 2**q
    for j in range(r):  # a column and a little of the next one
        mixing[j, r + j] += 2**q
        mixing[(j + 1) % r, r + j] += 1
    units = [Fraction(2) ** (int(e) - q) for e in rng.integers(-27, 28, 2 * r)]
    problem = _of_rows(rng, base, mixing, units, n_classes, f"sparse {n}x{2 * r}, near 2^-{q}")
    return None if problem is None else problem._replace(is_sparse=True)


def _of_rows(rng, base, mixing, units, n_classes, kind):
    """Return the problem of ``X = B M``, columns times their units, or None if it is not exact."""
    n, r = base.shape
    numbers = base.astype(object) @ mixing
    X = np.array(
        [[float(a * u) for a, u in zip(row, units, strict=True)] for row in numbers.tolist()]
    )
    exact = [[a * u for a, u in zip(row, units, strict=True)] for row in numbers.tolist()]
    if any(
        Fraction(x) != a
        for own, row in zip(X.tolist(), exact, strict=True)
        for x, a in zip(own, row, strict=True)
    ):
        return None
    scores = X / np.abs(X).max() @ rng.normal(size=(X.shape[1], n_classes))
    y = (scores / max(scores.std(), 1e-300) + rng.gumbel(size=(n, n_classes))).argmax(axis=1)
    y[:n_classes] = np.arange(n_classes)
    squares = [unit * unit for unit in units]
    gram = [
        [
            sum(a * b * u for a, b, u in zip(mixing[i], mixing[j], squares, strict=True))
            for j in range(r)
        ]
        for i in range(r)
    ]
    C, fit_intercept = float(10.0 ** rng.integers(-2, 7)), bool(rng.random() < 0.75)
    return Hard(X, y, C, fit_intercept, str(rng.choice(SOLVERS)), False, base, gram, kind)


def _heavy_tails(rng):
    return _make(rng, has_heavy_tails=True)


def _make(rng, has_heavy_tails=False):
    r, n_classes = int(rng.integers(1, 4)), int(rng.choice([2, 2, 3, 4]))
    n = int(rng.integers(6 + 4 * r, 60))
    base = rng.integers(-8, 9, (n, r))
    if has_heavy_tails:
        base = np.clip(np.rint(base * rng.standard_cauchy((n, r))), -(2.0**20), 2.0**20).astype(int)
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
    kind += ", heavy tails" * has_heavy_tails
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
    penalty = 0.0 if problem.C == np.inf else 1.0 / (problem.C * problem.weights.sum())
    return mean_loss(logits, problem.targets, problem.weights) + 0.5 * penalty * square


def mean_loss(logits, targets, weights):
    """Return the mean cross-entropy; one column of logits is that of the second of two classes."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    total = np.zeros(len(logits))
    for k, target in enumerate(targets.T):
        others = np.delete(logits, k, axis=1) - logits[:, k : k + 1]
        own = np.log1p(np.exp(np.minimum(others, 700.0)).sum(axis=1))
        total += np.where(target > 0.0, target * own, 0.0)
    return float(weights @ total / weights.sum())


def null_objective(problem):
    """Return the mean objective of the null model."""
    share = problem.weights @ problem.targets / problem.weights.sum()
    if not problem.fit_intercept:
        return float(np.log(share.size))
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
        self.all_targets, n, r = problem.targets, len(problem.y), problem.base.shape[1]
        n_classes = self.all_targets.shape[1]
        self.K = 1 if n_classes == 2 else n_classes
        self.targets = self.all_targets[:, -self.K :]
        total = mpmath.fsum(problem.weights.tolist())
        self.weights = np.array([w / total for w in problem.weights.tolist()], dtype=object)
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
            self.penalty[:r] = unit[:r] ** 2 / (mpmath.mpf(problem.C) * total)

    def least(self):
        value, is_sure = self._newton(np.float64)
        return float(value if is_sure else self._newton(object)[0])

    def _newton(self, dtype):
        """Return the least value in float64 or in mpmath's numbers, and whether to trust it."""
        self.own_B, self.own_penalty = self.B.astype(dtype), self.penalty.astype(dtype)
        self.own_weights = self.weights.astype(dtype)
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
            return mean_loss(logits, self.all_targets, self.own_weights) + square
        total = mpmath.mpf(0)
        for row, target, weight in zip(
            logits, self.all_targets.tolist(), self.weights, strict=True
        ):
            row = [mpmath.mpf(0), *row] if self.K == 1 else list(row)
            for k, t in enumerate(target):
                if t > 0.0 and weight > 0:
                    others = sum(mpmath.exp(z - row[k]) for j, z in enumerate(row) if j != k)
                    total += weight * t * mpmath.log1p(others)
        return total + square

    def _step(self, c):
        """Return the Newton step, its decrement, and the condition of the Hessian."""
        B, (P, K), weights = self.own_B, c.shape, self.own_weights[:, np.newaxis]
        logits = B @ c
        exp = np.exp if B.dtype != object else np.frompyfunc(mpmath.exp, 1, 1)
        if K == 1:
            logits = np.hstack([0 * logits, logits])
        e = exp(logits - logits.max(axis=1, keepdims=True))
        p = (e / e.sum(axis=1, keepdims=True))[:, -K:]
        complement = ((e.sum(axis=1, keepdims=True) - e) / e.sum(axis=1, keepdims=True))[:, -K:]
        residuals = np.where(self.targets == 1.0, -complement, p - self.targets)
        grad = B.T @ (weights * residuals)
        grad = grad + self.own_penalty[:, np.newaxis] * c
        hessian = np.zeros((P, K, P, K), dtype=B.dtype)
        for k in range(K):
            for j in range(K):
                curvature = p[:, k] * (complement[:, k] if j == k else -p[:, j])
                hessian[:, k, :, j] = B.T @ (B * weights * curvature[:, np.newaxis])
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
    """Tell whether a value is further above the least one than a fit may end without a warning.

    A hundredth of `tol` is the part of it that a fit promises: 1e-6 for the default.
    """
    floor = TOLERANCE * null_objective(problem)
    return not value <= least + (_PART_OF_TOL * problem.tol * least if least >= floor else floor)
