"""Hard problems of the shapes that are fitted in other ways: many rows, sparse columns, few rows.

Here, too, ``X = B M + offset`` is exact in float64 and B is easy, but B is large. With a lower
triangular L, ``M M^T = L L^T``, the columns ``B L`` have the same minimum under the same penalty,
and rounding them costs nothing: L is pivoted, so that each column holds one of B and smaller parts
of others. A minimum over them is found in float64, each column in a unit of its own.
"""

from fractions import Fraction
from typing import Any, NamedTuple

import mpmath
import numpy as np
from scipy import sparse
from scipy.special import log_softmax

from .problems import SOLVERS, mixing_of

_DIGITS = 100
_MANTISSA_BITS, _INTEGER_BITS = 52, 13
# Rows whose exact logits are found at a time.
_ROWS = 4096
# Parameters of a Hessian that is formed; more are left to conjugate gradients.
_MAX_PARAMETERS = 400


class Large(NamedTuple):
    """A problem: data and parameters of a fit, and easy columns with the same minimum."""

    X: Any
    y: np.ndarray
    C: float
    fit_intercept: bool
    solver: str
    easy: Any
    kind: str
    sample_weight: Any = None
    tol: float = 1e-4

    @property
    def labels(self):
        """What the fit is given as y."""
        return self.y

    @property
    def targets(self):
        """The classes' probabilities in each row, (n, n_classes)."""
        return np.eye(int(self.y.max()) + 1)[self.y]

    @property
    def weights(self):
        """The rows' weights, (n,)."""
        return np.ones(len(self.y))

    def data(self):
        """Return X as the fit is given it."""
        return self.X

    def parameters(self):
        """Return the parameters of the classifier."""
        return {"C": self.C, "fit_intercept": self.fit_intercept, "solver": self.solver}


def make(seed, size=1.0):
    """Return the problem with this number; `size` is a factor of the numbers of rows."""
    rng = np.random.default_rng([1410, seed])
    shape = (_tall, _sparse, _wide)[seed % 3]
    while True:
        problem = shape(rng, size)
        if problem is not None:
            return problem


def _tall(rng, size):
    n = int(size * rng.choice([20_000, 60_000, 200_000]))
    n_classes, r = int(rng.choice([2, 2, 3, 10])), int(rng.integers(2, 11))
    p = int(rng.choice([20, 40, 60]))
    base = rng.integers(-8, 9, (n, r))
    y = _labels(rng, base, n_classes)
    C = float(rng.choice([0.01, 1.0, 1e6, np.inf]))
    columns, kind = mixing_of(rng, r, p - r)
    fit_intercept = bool(rng.random() < 0.75)
    offset = 0.0
    if fit_intercept and rng.random() < 0.6:
        offset = float(int(10.0 ** rng.uniform(3, 12)))
    units = np.ones(len(columns))
    if rng.random() < 0.6:
        units = 2.0 ** rng.integers(-30, 31, len(columns))
    # bits behind the point that float64 has room for beside integers of 12 bits or the offset
    bits = _MANTISSA_BITS - max(_INTEGER_BITS, int(np.log2(max(offset, 1.0))) + 1)
    columns = [[Fraction(int(x * 2**bits), 2**bits) for x in column] for column in columns]
    M = np.array([[float(x) for x in column] for column in columns]).T
    exact = base.astype(np.longdouble) @ M.astype(np.longdouble) + offset
    X = exact.astype(float)
    if np.any(X != exact) or (C == np.inf and np.linalg.matrix_rank(M * 2.0**20) < r):
        return None
    L = factor([[Fraction(u) * x for x in c] for c, u in zip(columns, units, strict=True)], r)
    easy = base @ L if C < np.inf else base.astype(float)
    kind = f"tall {n}x{X.shape[1]}, {kind}, offset {offset:g}" + ", units" * bool(units.std() > 0.0)
    return Large(X * units, y, C, fit_intercept, str(rng.choice(SOLVERS)), easy, kind)


def factor(columns, r):
    """Return L (r, r) with ``M M^T = L L^T``, in the order of the pivots, of the columns of M."""
    with mpmath.workdps(_DIGITS):
        M = [[mpmath.mpf(x.numerator) / x.denominator for x in column] for column in columns]
        gram = [[mpmath.fsum(c[i] * c[j] for c in M) for j in range(r)] for i in range(r)]
        L, left = [[mpmath.mpf(0)] * r for _ in range(r)], list(range(r))
        for k in range(r):
            pivot = max(left, key=lambda i: gram[i][i])
            if gram[pivot][pivot] <= 0:
                break
            left.remove(pivot)
            root = mpmath.sqrt(gram[pivot][pivot])
            L[pivot][k] = root
            for i in left:
                L[i][k] = gram[i][pivot] / root
            for i in left:
                for j in left:
                    gram[i][j] -= L[i][k] * L[j][k]
        return np.array([[float(x) for x in row] for row in L])


def _sparse(rng, size):
    """Pairs of sparse columns: each with its own unit, the second all but repeats the first."""
    n, r = int(size * rng.choice([500, 2000, 5000])), int(size * rng.choice([2000, 5000, 10_000]))
    n_classes = int(rng.choice([2, 2, 3]))
    r += r % 2
    base = sparse.random(n, r, density=min(0.1, 12.0 / r), random_state=rng, format="csc")
    base.data = rng.integers(1, 5, base.nnz).astype(float)
    y = _labels(rng, base, n_classes)
    q, wild = int(rng.integers(8, 40)), bool(rng.random() < 0.7)
    first = 2.0 ** (rng.integers(-27, 28, r // 2) if wild else np.zeros(r // 2))
    second = first * 2.0 ** (rng.integers(-10, 11, r // 2) if wild else np.zeros(r // 2))
    a, b, near = base[:, ::2], base[:, 1::2], 2.0**-q
    X = sparse.hstack([a @ sparse.diags(first), (a + near * b) @ sparse.diags(second)]).tocsr()
    root = np.hypot(first, second)
    easy = sparse.hstack(
        [
            a @ sparse.diags(root) + b @ sparse.diags(second**2 * near / root),
            b @ sparse.diags(first * second * near / root),
        ]
    ).tocsr()
    C = float(rng.choice([0.01, 1.0, 1.0, 1e3, 1e6]))
    kind = f"sparse {n}x{r}, near 2^-{q}" + ", units" * int(wild)
    fit_intercept = bool(rng.random() < 0.75)
    return Large(X, y, C, fit_intercept, str(rng.choice(SOLVERS[:4])), easy, kind)


def _wide(rng, size):
    """Pairs of rows that all but repeat each other, of different classes."""
    m, n_classes = int(rng.choice([10, 25, 60])), int(rng.choice([2, 2, 3]))
    p = int(rng.integers(5, 20)) * m
    q, power = int(rng.integers(8, 30)), int(rng.integers(-20, 21))
    W = rng.integers(-8, 9, (2 * m, p)).astype(float)
    W[m:] *= 2.0**-q
    A = np.block([[np.eye(m), np.zeros((m, m))], [np.eye(m), np.eye(m)]])
    units = np.full(p, 2.0**power)
    kind = f"wide {2 * m}x{p}, near 2^-{q}, unit 2^{power}"
    if rng.random() < 0.4:
        units = 2.0 ** rng.integers(-10, 11, p)
        kind = f"wide {2 * m}x{p}, near 2^-{q}, units"
    X = (A @ W) * units
    W *= units
    G = W @ W.T  # graded: its factor is as exact as that of the scaled matrix
    scale = 1.0 / np.sqrt(G.diagonal())
    if units.std() == 0.0:
        L = np.linalg.cholesky(G * scale * scale[:, np.newaxis]) / scale[:, np.newaxis]
    else:
        L = np.linalg.qr((W * scale[:, np.newaxis]).T, mode="r").T / scale[:, np.newaxis]
    y = _labels(rng, rng.normal(size=(2 * m, 3)), n_classes)
    C = float(rng.choice([0.01, 1.0, 1.0, 1e3, 1e6]))
    fit_intercept = bool(rng.random() < 0.75)
    return Large(X, y, C, fit_intercept, str(rng.choice(SOLVERS)), A @ L, kind)


def _labels(rng, base, n_classes):
    n, r = base.shape
    scores = base @ rng.normal(size=(r, n_classes))
    scores = 4.0 * scores / scores.std() + 2.0 * rng.gumbel(size=(n, n_classes))
    y = scores.argmax(axis=1)
    y[:n_classes] = np.arange(n_classes)
    return y


def exact_objective(problem, coef, intercept):
    """Return the mean objective at stored coefficients: logits with 64 bits, or with pairs."""
    X, n = problem.X, len(problem.y)
    total, wide_coef = 0.0, coef.astype(np.longdouble)
    for first in range(0, n, _ROWS):
        rows, labels = X[first : first + _ROWS], problem.y[first : first + _ROWS]
        if sparse.issparse(X):
            counts, logits = np.diff(rows.indptr), np.empty((len(labels), len(coef)))
            of_entries = np.repeat(np.arange(len(labels)), counts)
            for k, own in enumerate(wide_coef):
                sums = np.zeros(len(labels), np.longdouble)
                np.add.at(sums, of_entries, rows.data * own[rows.indices])
                logits[:, k] = sums + intercept[k]
        else:
            logits = rows.astype(np.longdouble) @ wide_coef.T + intercept
        total += _losses(np.asarray(logits, dtype=float), labels).sum()
    square = float((wide_coef * wide_coef).sum())
    return total / n + 0.5 * _penalty(problem) * square


def _penalty(problem):
    return 0.0 if problem.C == np.inf else 1.0 / (problem.C * len(problem.y))


def _losses(logits, y):
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    own = logits[np.arange(len(y)), y]
    others = logits - own[:, np.newaxis]
    others[np.arange(len(y)), y] = -np.inf
    peak = np.maximum(others.max(axis=1), 0.0)
    shifted = np.exp(others - peak[:, np.newaxis]).sum(axis=1)
    return np.where(peak > 0.0, peak + np.log(shifted + np.exp(-peak)), np.log1p(shifted))


def least_objective(problem):
    """Return the least mean objective: Newton's method by the easy columns."""
    return _Easy(problem).least()


class _Easy:
    """The problem by columns that are easy, each in its own unit, and one of ones."""

    def __init__(self, problem):
        self.y, n = problem.y, len(problem.y)
        n_classes = int(self.y.max()) + 1
        self.K = 1 if n_classes == 2 else n_classes
        one_hot = np.eye(n_classes)[self.y]
        self.target = one_hot[:, 1:] if self.K == 1 else one_hot
        B = problem.easy
        squares = np.asarray(B.multiply(B).sum(axis=0) if sparse.issparse(B) else (B * B).sum(0))
        penalty = _penalty(problem)
        unit = 1.0 / np.sqrt(squares.ravel() / n + 4.0 * penalty)
        self.penalty = penalty * unit**2
        self.B = (B @ sparse.diags(unit)).tocsr() if sparse.issparse(B) else B * unit
        self.has_intercept = problem.fit_intercept
        if problem.fit_intercept:
            self.penalty = np.append(self.penalty, 0.0)
            ones = np.ones((n, 1))
            self.B = (
                sparse.hstack([self.B, ones]).tocsr()
                if sparse.issparse(B)
                else np.hstack([self.B, ones])
            )
        self.Bt = self.B.T.tocsr() if sparse.issparse(B) else self.B.T

    def least(self):
        c = np.zeros((self.B.shape[1], self.K))
        value = self._value(c)
        for _ in range(200):
            grad, p = self._gradient(c)
            step = self._step(grad, p)
            decrement, t = float((step * grad).sum()), 1.0
            if decrement <= 1e-11 * value:
                break
            while t > 1e-8:
                new_value = self._value(c - t * step)
                if new_value <= value - 1e-4 * t * decrement:
                    break
                t *= 0.5
            if not new_value < value:
                break
            c, value = c - t * step, new_value
        return value

    def _value(self, c):
        squares = 0.5 * float((self.penalty[:, np.newaxis] * c * c).sum())
        return float(_losses(self.B @ c, self.y).mean()) + squares

    def _gradient(self, c):
        logits = self.B @ c
        if self.K == 1:
            logits = np.hstack([np.zeros_like(logits), logits])
        p = np.exp(log_softmax(logits, axis=1))[:, -self.K :]
        grad = self.Bt @ ((p - self.target) / len(p)) + self.penalty[:, np.newaxis] * c
        return grad, p

    def _curve(self, v, p):
        change = self.B @ v
        mean = (p * change).sum(axis=1, keepdims=True)
        own = p * (change - (p * change if self.K == 1 else mean))
        return self.Bt @ (own / len(p)) + self.penalty[:, np.newaxis] * v

    def _step(self, grad, p):
        P, K = grad.shape
        if P * K <= _MAX_PARAMETERS:
            H, n = np.zeros((P, K, P, K)), len(p)
            dense = self.B.toarray() if sparse.issparse(self.B) else self.B
            for k in range(K):
                for j in range(k, K):
                    w = p[:, k] * ((1.0 - p[:, k]) if j == k else -p[:, j]) / n
                    H[:, k, :, j] = H[:, j, :, k] = dense.T @ (dense * w[:, np.newaxis])
                H[np.arange(P), k, np.arange(P), k] += self.penalty
            H = H.reshape(P * K, P * K)
            scale = 1.0 / np.sqrt(np.maximum(H.diagonal(), 1e-300))
            values, vectors = np.linalg.eigh(H * scale * scale[:, np.newaxis])
            along = vectors.T @ (scale * grad.ravel())
            step = vectors @ (along / np.maximum(values, 1e-16 * values[-1]))
            return (scale * step).reshape(P, K)
        mass = p * (1.0 - p) / len(p)
        squares = self.Bt.multiply(self.Bt) if sparse.issparse(self.Bt) else self.Bt**2
        diagonal = squares @ mass + self.penalty[:, np.newaxis]
        step, residual = np.zeros_like(grad), grad.copy()
        z = residual / diagonal
        direction, rz = z.copy(), float((residual * z).sum())
        first = rz
        for _ in range(3000):
            product = self._curve(direction, p)
            length = rz / float((direction * product).sum())
            step += length * direction
            residual -= length * product
            z = residual / diagonal
            new = float((residual * z).sum())
            if new <= 1e-10 * first:
                break
            direction, rz = z + new / rz * direction, new
        return step
