"""The losses as a textbook writes them, in extended precision, sharing nothing with the package.

Losses are slow loops over rows; the functions of rows and elements below them take whole arrays.
`exact.py` has the same quantities with many more digits, for the numeric contract;
`fuzz/references.py` has whole arrays with NaN and infinities, for random calls.

`Terms` holds one entry per row (or per element, for the binary losses), before any reduction:

    values        the loss of each row
    grads, hess   shaped like the input (hess is None where there is none)
    divisor       what `reduction="mean"` divides the sum of the values by
"""

from dataclasses import dataclass

import numpy as np
import scipy.special

Real = np.longdouble


@dataclass
class Terms:
    """Loss, gradient and Hessian diagonal of each row, and the mean's divisor."""

    values: np.ndarray
    grads: np.ndarray
    hess: np.ndarray | None
    divisor: float

    def reduced(self, reduction):
        """Return value, gradient and Hessian diagonal as the library does for this reduction."""
        if reduction == "none":
            return self.values, self.grads, self.hess
        if reduction == "sum":
            return self.values.sum(), self.grads, self.hess
        if self.divisor == 0:
            return (
                np.nan,
                np.zeros_like(self.grads),
                None if self.hess is None else np.zeros_like(self.grads),
            )
        hess = None if self.hess is None else self.hess / self.divisor
        return self.values.sum() / self.divisor, self.grads / self.divisor, hess


def _coefficients(x, target, weight, sample_weight, ignore_index, label_smoothing):
    """Yield (row, c, sample weight, part of the divisor).

    The row's loss is the sum of c_k * -log(softmax(x)_k).
    """
    n_classes = x.shape[-1]
    target = np.asarray(target)
    w = np.ones(n_classes, Real) if weight is None else np.asarray(weight, Real)
    probabilities = target.dtype.kind == "f"
    for row in np.ndindex(x.shape[:-1]):
        s = Real(1) if sample_weight is None else Real(np.asarray(sample_weight)[row])
        if probabilities:
            c = [
                ((1 - Real(label_smoothing)) * q + Real(label_smoothing) / n_classes)
                for q in target[row].astype(Real)
            ]
            part = s
        elif target[row] == ignore_index:
            yield row, None, Real(0), Real(0)
            continue
        else:
            hot = [Real(k == target[row]) for k in range(n_classes)]
            c = [(1 - Real(label_smoothing)) * q + Real(label_smoothing) / n_classes for q in hot]
            part = w[int(target[row])] * s
        yield row, np.array([s * w_k * c_k for w_k, c_k in zip(w, c, strict=True)]), s, part


def _zeros_of_rows(x):
    # a loss of each row x, and its gradient and Hessian diagonal
    return np.zeros(x.shape[:-1], Real), np.zeros(x.shape, Real), np.zeros(x.shape, Real)


def cross_entropy(
    logits,
    target,
    *,
    weight=None,
    sample_weight=None,
    ignore_index=-100,
    label_smoothing=0.0,
    z_loss=0.0,
    axis=-1,
):
    """Cross-entropy of softmax(logits), -sum_k c_k log p_k, and z_loss log(sum_k exp x_k)^2."""
    x = np.moveaxis(np.asarray(logits), axis, -1).astype(Real)
    target = np.asarray(target)
    if target.dtype.kind == "f":
        target = np.moveaxis(target, axis, -1)
    values, grads, hess = _zeros_of_rows(x)
    divisor = Real(0)
    for row, c, s, part in _coefficients(
        x, target, weight, sample_weight, ignore_index, label_smoothing
    ):
        divisor += part
        z = Real(z_loss) * s
        if c is None or s == 0 or not (target.ndim == x.ndim or c.any() or z):
            continue
        top = x[row].max()
        e = np.exp(x[row] - top)
        p = e / e.sum()
        # The normaliser meets targets of 0, too: a row without a softmax is NaN.
        values[row] = 0 * np.log(e.sum()) + sum(
            c_k * (np.log(e.sum()) - (x_k - top)) for c_k, x_k in zip(c, x[row], strict=True) if c_k
        )
        grads[row] = p * c.sum() - c
        hess[row] = p * (1 - p) * c.sum()
        if z:
            lse = top + np.log(e.sum())
            values[row] += z * lse**2
            grads[row] += 2 * z * lse * p
            hess[row] += 2 * z * (p**2 + lse * p * (1 - p))
    return Terms(values, np.moveaxis(grads, -1, axis), np.moveaxis(hess, -1, axis), divisor)


def nll_loss(log_probs, target, *, weight=None, sample_weight=None, ignore_index=-100, axis=-1):
    """Minus the target's entry of each row of log probabilities."""
    x = np.moveaxis(np.asarray(log_probs), axis, -1).astype(Real)
    values, grads = np.zeros(x.shape[:-1], Real), np.zeros(x.shape, Real)
    divisor = Real(0)
    for row, c, _, part in _coefficients(x, target, weight, sample_weight, ignore_index, 0.0):
        divisor += part
        if c is None or not c.any():
            continue
        values[row] = -sum(c_k * x_k for c_k, x_k in zip(c, x[row], strict=True) if c_k)
        grads[row] = -c
    return Terms(values, np.moveaxis(grads, -1, axis), None, divisor)


def binary_cross_entropy_with_logits(
    logits, target, *, weight=None, pos_weight=None, ignore_index=None
):
    """Binary cross-entropy of sigmoid(logits), element by element."""
    x, y = np.asarray(logits).astype(Real), np.asarray(target)
    w = np.broadcast_to(Real(1) if weight is None else np.asarray(weight, Real), x.shape)
    pos_w = np.broadcast_to(
        Real(1) if pos_weight is None else np.asarray(pos_weight, Real), x.shape
    )
    values, grads, hess = np.zeros(x.shape, Real), np.zeros(x.shape, Real), np.zeros(x.shape, Real)
    kept = 0
    for i in np.ndindex(x.shape):
        if ignore_index is not None and y[i] == ignore_index:
            continue
        kept += 1
        pos, neg = w[i] * pos_w[i] * Real(y[i]), w[i] * (1 - Real(y[i]))
        p, one_minus_p = 1 / (1 + np.exp(-x[i])), 1 / (1 + np.exp(x[i]))
        values[i] = (pos * -np.log(p) if pos else 0) + (neg * -np.log(one_minus_p) if neg else 0)
        grads[i] = neg * p - pos * one_minus_p
        hess[i] = (pos + neg) * p * one_minus_p
    return Terms(values, grads, hess, kept)


def focal_loss(
    logits, target, *, gamma=2.0, weight=None, sample_weight=None, ignore_index=-100, axis=-1
):
    """Focal loss of softmax(logits): -(1 - p)^gamma log p for the probability p of the target."""
    x, target, gamma = (
        np.moveaxis(np.asarray(logits), axis, -1).astype(Real),
        np.asarray(target),
        Real(gamma),
    )
    values, grads, hess = _zeros_of_rows(x)
    divisor = Real(0)
    for row, c, _, part in _coefficients(x, target, weight, sample_weight, ignore_index, 0.0):
        divisor += part
        if c is None or not c.any():
            continue
        hot = np.arange(x.shape[-1]) == target[row]
        e = np.exp(x[row] - x[row].max())
        share = e / e.sum()
        p, q, log_p = share[hot][0], share[~hot].sum(), np.log(e[hot][0]) - np.log(e.sum())
        if q == 0:
            continue
        values[row] = part * -(q**gamma) * log_p
        # the loss depends on the logits through p alone, and dp/dx_k = p ([k = y] - p_k)
        first = gamma * q ** (gamma - 1) * log_p - q**gamma / p
        second = (
            -gamma * (gamma - 1) * q ** (gamma - 2) * log_p
            + 2 * gamma * q ** (gamma - 1) / p
            + q**gamma / p**2
        )
        slope = p * (hot - share)
        curvature = slope * (hot - share) - p * share * (1 - share)
        grads[row] = part * first * slope
        hess[row] = part * (second * slope**2 + first * curvature)
    return Terms(values, np.moveaxis(grads, -1, axis), np.moveaxis(hess, -1, axis), divisor)


def poly_loss(
    logits, target, *, epsilon=1.0, weight=None, sample_weight=None, ignore_index=-100, axis=-1
):
    """Poly-1 loss of softmax(logits): -log p + epsilon (1 - p) for the target's probability p."""
    x, target, epsilon = (
        np.moveaxis(np.asarray(logits), axis, -1).astype(Real),
        np.asarray(target),
        Real(epsilon),
    )
    values, grads, hess = _zeros_of_rows(x)
    divisor = Real(0)
    for row, c, _, part in _coefficients(x, target, weight, sample_weight, ignore_index, 0.0):
        divisor += part
        if c is None or not c.any():
            continue
        hot = np.arange(x.shape[-1]) == target[row]
        e = np.exp(x[row] - x[row].max())
        share = e / e.sum()
        p, q = share[hot][0], share[~hot].sum()
        log_p = x[row][hot][0] - x[row].max() - np.log(e.sum())
        away = np.where(hot, -q, share)
        values[row] = part * (-log_p + epsilon * q)
        grads[row] = part * (1 + epsilon * p) * away
        hess[row] = part * ((1 + epsilon * p) * share * (1 - share) - epsilon * p * away**2)
    return Terms(values, np.moveaxis(grads, -1, axis), np.moveaxis(hess, -1, axis), divisor)


def kl_divergence(logits, target, *, temperature=1.0, sample_weight=None, axis=-1):
    """T^2 sum_k q_k (log q_k - log p_k) of p = softmax(logits / T), for probabilities q."""
    t = Real(temperature)
    x = np.moveaxis(np.asarray(logits), axis, -1).astype(Real)
    target = np.moveaxis(np.asarray(target), axis, -1).astype(Real)
    values, grads, hess = _zeros_of_rows(x)
    divisor = Real(0)
    for row in np.ndindex(x.shape[:-1]):
        s = Real(1) if sample_weight is None else Real(np.asarray(sample_weight)[row])
        divisor += s
        if s == 0:
            continue
        q, z = target[row], (x[row] - x[row].max()) / t
        log_sum = np.log(np.exp(z).sum())
        log_p = z - log_sum
        p = np.exp(log_p)
        terms = [a * (np.log(a) - b) for a, b in zip(q, log_p, strict=True) if a]
        # The normaliser meets targets of 0, too: a row without a softmax is NaN.
        values[row] = s * t**2 * sum(terms, 0 * log_sum)
        grads[row] = s * t * (p * q.sum() - q)
        hess[row] = s * p * (1 - p) * q.sum()
    return Terms(values, np.moveaxis(grads, -1, axis), np.moveaxis(hess, -1, axis), divisor)


def sigmoid_focal_loss(logits, target, *, alpha=0.25, gamma=2.0, weight=None, ignore_index=None):
    """Focal loss of sigmoid(logits), element by element, as torchvision defines it."""
    x, y, gamma = np.asarray(logits).astype(Real), np.asarray(target), Real(gamma)
    w = np.broadcast_to(Real(1) if weight is None else np.asarray(weight, Real), x.shape)
    values, grads, hess = np.zeros(x.shape, Real), np.zeros(x.shape, Real), np.zeros(x.shape, Real)
    kept = 0
    for i in np.ndindex(x.shape):
        if ignore_index is not None and y[i] == ignore_index:
            continue
        kept += 1
        t = Real(y[i])
        a = w[i] * (1 if alpha is None else t * Real(alpha) + (1 - t) * (1 - Real(alpha)))
        if a == 0:
            continue
        p, one_minus_p = 1 / (1 + np.exp(-x[i])), 1 / (1 + np.exp(x[i]))
        cost = (t * -np.log(p) if t else 0) + ((1 - t) * -np.log(one_minus_p) if t != 1 else 0)
        miss = (1 - t) * p - t * one_minus_p
        wrong, turn = p * (1 - t) + one_minus_p * t, (1 - 2 * t) * p * one_minus_p
        values[i] = a * wrong**gamma * cost
        grads[i] = a * (gamma * wrong ** (gamma - 1) * turn * cost + wrong**gamma * miss)
        hess[i] = (
            gamma * (gamma - 1) * wrong ** (gamma - 2) * turn**2 * cost
            + 2 * gamma * wrong ** (gamma - 1) * turn * miss
        )
        hess[i] += (
            gamma * wrong ** (gamma - 1) * turn * (one_minus_p - p) * cost
            + wrong**gamma * p * one_minus_p
        )
        hess[i] *= a
    return Terms(values, grads, hess, kept)


def binary_cross_entropy(probs, target, *, weight=None):
    """Binary cross-entropy of probabilities, with torch's clamps.

    The logarithms end at -100, the gradient's divisor at 1e-12.
    """
    p, y = np.asarray(probs).astype(Real), np.asarray(target).astype(Real)
    w = np.broadcast_to(Real(1) if weight is None else np.asarray(weight, Real), p.shape)
    values, grads = np.zeros(p.shape, Real), np.zeros(p.shape, Real)
    for i in np.ndindex(p.shape):
        log_p = max(np.log(p[i]), Real(-100)) if p[i] > 0 else Real(-100)
        log_q = max(np.log1p(-p[i]), Real(-100)) if p[i] < 1 else Real(-100)
        values[i] = -w[i] * (y[i] * log_p + (1 - y[i]) * log_q)
        grads[i] = w[i] * (p[i] - y[i]) / max(p[i] * (1 - p[i]), Real(1e-12))
    return Terms(values, grads, None, p.size)


# --------------------------------------------------------------------------------------------------
# Functions of rows (n, K) and of elements


def softmax_parts(x):
    """Return the rows' (max, exp(x - max), sum of these exponentials but one of the largest)."""
    x = np.asarray(x, Real)
    largest = x.max(axis=1, keepdims=True)
    e = np.exp(x - largest)
    rest = np.sort(e, axis=1)[:, :-1].sum(axis=1, keepdims=True)
    return largest, e, rest


def logsumexp(x):
    """Rows (n, K) to (n,)."""
    largest, _, rest = softmax_parts(x)
    return (largest + np.log1p(rest))[:, 0]


def softmax(x):
    """Rows (n, K) to (n, K)."""
    _, e, rest = softmax_parts(x)
    return e / (1 + rest)


def log_softmax(x):
    """Rows (n, K) to (n, K)."""
    largest, _, rest = softmax_parts(x)
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


def linear_cross_entropy(X, y, coef, intercept, *, weights=None, label_smoothing=0.0):
    """Return the sum over rows, in float64, and its gradient with respect to coef and intercept.

    y are class indices (n,), or probabilities (n, n_classes). One row of coef stands for two
    classes: the logits of the first are 0.
    """
    X = X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=float)
    coef, intercept = np.asarray(coef, dtype=float), np.asarray(intercept, dtype=float)
    weights = np.ones(len(y)) if weights is None else weights
    logits = X @ coef.T + (intercept if intercept.size else 0.0)
    if coef.shape[0] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    n_classes = logits.shape[1]
    target = y if np.ndim(y) == 2 else np.eye(n_classes)[y]
    target = target * (1.0 - label_smoothing) + label_smoothing / n_classes
    log_p = logits - scipy.special.logsumexp(logits, axis=1, keepdims=True)
    residuals = (weights[:, None] * (np.exp(log_p) - target))[:, -coef.shape[0] :]
    return -(weights[:, None] * target * log_p).sum(), residuals.T @ X, residuals.sum(axis=0)
