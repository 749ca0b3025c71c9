"""Softmax and its logarithms as a textbook writes them, in extended precision, sharing nothing with the package."""

import numpy as np

Real = np.longdouble


def parts(x):
    """Return (max, exp(x - max), the sum of all exponentials but one of the largest) of the rows of x (n, K)."""
    x = np.asarray(x, Real)
    largest = x.max(axis=1, keepdims=True)
    e = np.exp(x - largest)
    rest = np.sort(e, axis=1)[:, :-1].sum(axis=1, keepdims=True)
    return largest, e, rest


def logsumexp(x):
    """Rows (n, K) to (n,)."""
    largest, _, rest = parts(x)
    return (largest + np.log1p(rest))[:, 0]


def softmax(x):
    """Rows (n, K) to (n, K)."""
    _, e, rest = parts(x)
    return e / (1 + rest)


def log_softmax(x):
    """Rows (n, K) to (n, K)."""
    largest, _, rest = parts(x)
    return (np.asarray(x, Real) - largest) - np.log1p(rest)


def sigmoid(x):
    """Element by element."""
    x = np.asarray(x, Real)
    e = np.exp(-abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def log_sigmoid(x):
    """Element by element."""
    x = np.asarray(x, Real)
    return np.minimum(x, 0) - np.log1p(np.exp(-abs(x)))


def gap(x):
    """Return the distance of each entry to its row's largest."""
    x = np.asarray(x, Real)
    return x.max(axis=1, keepdims=True) - x
