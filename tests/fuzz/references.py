"""What the fuzzer expects: textbook formulas for whole arrays, in extended precision.

They know the library's rules for NaN and infinity. Each returns `Expected`. A `scale` says what an
error is relative to: the size of the terms that a result is the sum or difference of.
"""

from dataclasses import dataclass

import numpy as np

Real = np.longdouble
# The square of the smaller sigmoid of this logit, and one over that, are in a long double's range.
# Beyond it every term has a factor that float64 rounds to 0, or to nothing beside the others.
_MOST = Real(5500) if np.finfo(Real).minexp < -5000 else Real(350)
_LEAST = Real("1e-1500") if np.finfo(Real).minexp < -5000 else np.finfo(Real).tiny


@dataclass
class Expected:
    """Loss, gradient and Hessian diagonal before any reduction, each with its scale."""

    values: np.ndarray
    values_scale: np.ndarray
    grads: np.ndarray
    grads_scale: np.ndarray
    hess: np.ndarray | None
    hess_scale: np.ndarray | None
    divisor: float

    def reduced(self, reduction):
        """Return (result, scale) of value, gradient and Hessian diagonal."""
        d = Real(self.divisor) if reduction == "mean" else Real(1)
        if d == 0:
            zero = np.zeros_like(self.grads)
            return (Real(np.nan), Real(1)), (zero, zero), (zero, zero)
        pairs = (self.grads, self.grads_scale), (self.hess, self.hess_scale)
        grads, hess = (None if a is None else (a / d, b / d) for a, b in pairs)
        if reduction == "none":
            return (self.values, self.values_scale), grads, hess
        return (self.values.sum() / d, self.values_scale.sum() / d), grads, hess


def _times(a, b):
    """Multiply; 0 times anything is 0."""
    return np.where(a == 0, 0, a * np.where(a == 0, 1, b))


def _softmax(x):
    # largest entry, distances to it, softmax, 1 - softmax, log of the sum of exp(-distances)
    top = x.max(axis=1)
    best = x.argmax(axis=1)
    e = np.exp(x - top[:, None])
    hot = np.arange(x.shape[1]) == best[:, None]
    rest = np.where(hot, 0, e).sum(axis=1)[:, None]
    bad = np.isnan(top) | np.isinf(top)
    p = np.where(bad[:, None], np.nan, e / (1 + rest))
    return (
        top,
        np.where(hot, 0, top[:, None] - x),
        p,
        np.where(hot, rest / (1 + rest), 1 - p),
        np.where(bad, np.nan, np.log1p(rest[:, 0])),
    )


def rows(
    x,
    target,
    *,
    weight=None,
    sample_weight=None,
    ignore_index=-100,
    label_smoothing=0.0,
    z_loss=0.0,
    gamma=None,
    plain=False,
):
    """Cross-entropy, focal loss (`gamma`) or negative log-likelihood (`plain`) of rows (n, K)."""
    x = x.astype(Real)
    n, n_classes = x.shape
    w = np.ones(n_classes, Real) if weight is None else weight.astype(Real)
    s = np.ones(n, Real) if sample_weight is None else sample_weight.reshape(-1).astype(Real)
    e, z = Real(label_smoothing), Real(z_loss)
    if target.ndim == 2:
        main, divisor = target.astype(Real), s.sum()
    else:
        kept = target != ignore_index
        main, s = (
            (np.arange(n_classes) == np.where(kept, target, -1)[:, None]).astype(Real),
            s * kept,
        )
        divisor = (s * w[np.where(kept, target, 0)]).sum()
    if plain:
        c = s[:, None] * w * main
        product = -_times(c, x)
        return Expected(product.sum(axis=1), abs(product).sum(axis=1), -c, c, None, None, divisor)
    free = x != -np.inf
    share = np.where(free, e / n_classes * w, 0) * (n_classes / np.maximum(1, free.sum(axis=1)))[
        :, None
    ].astype(Real)
    c = s[:, None] * ((1 - e) * w * main + share)
    total, zs = c.sum(axis=1), z * s
    top, gaps, p, q, logs = _softmax(x)
    if gamma is not None:
        return _focal(Real(gamma), main, total, gaps, p, q, logs, divisor)
    lse = top + logs
    seen = (total != 0) | (zs != 0) | ((s != 0) & (e > 0 or target.ndim == 2))
    values = np.where(
        np.isnan(logs), np.nan, _times(c, gaps + logs[:, None]).sum(axis=1) + _times(zs, lse**2)
    )
    extra = _times(zs, 2 * lse)
    grads = total[:, None] * p - c + extra[:, None] * p
    hess = (total + extra)[:, None] * p * q + 2 * zs[:, None] * p**2
    size = total + zs * (1 + abs(lse)) * 2
    scales = values + total + zs * (1 + abs(top)) ** 2, np.broadcast_to(size[:, None], x.shape)
    values, grads, hess = (
        np.where(seen, values, 0),
        np.where(seen[:, None], grads, 0),
        np.where(seen[:, None], hess, 0),
    )
    return Expected(values, scales[0], grads, scales[1], hess, scales[1], divisor)


def _focal(gamma, main, hit, gaps, p, q, logs, divisor):
    at = main.argmax(axis=1)[:, None]
    p_y, q_y, gap = (np.take_along_axis(a, at, 1) for a in (p, q, gaps))
    q_y = np.where(q_y < _LEAST, 0, q_y)  # below, negative powers leave even a long double's range
    loss, level = gap + logs[:, None], np.where(q_y == 0, 1 if gamma == 0 else 0, q_y**gamma)
    pull = _times(p_y, loss)
    away = np.where(main == 1, -q_y, p)  # p_k - [k = y]
    slope = level + gamma * np.where(q_y == 0, 0, q_y ** (gamma - 1)) * pull
    bend = gamma * np.where(q_y == 0, 0, q_y ** (gamma - 1)) * 2 * p_y
    bend += gamma * np.where(q_y == 0, 0, q_y ** (gamma - 2)) * pull * ((gamma - 1) * p_y - q_y)
    h, bounds = hit[:, None], 1 + gamma
    seen = h != 0
    values, grads = (h * _times(level, loss))[:, 0], h * slope * away
    values = np.where(
        np.isnan(loss), np.nan, np.where(np.isposinf(loss), np.inf * h, h * _times(level, loss))
    )[:, 0]
    hess = h * (slope * p * q + bend * away**2)
    size = np.broadcast_to(h * bounds * (1 + np.where(np.isinf(loss), 0, loss)), p.shape)
    values, grads, hess = (
        np.where(seen[:, 0], values, 0),
        np.where(seen, grads, 0),
        np.where(seen, hess, 0),
    )
    return Expected(values, size.max(axis=1, initial=0), grads, size, hess, size * bounds, divisor)


def elements(x, t, *, weight=None, pos_weight=None, ignore_index=None, gamma=None, alpha=None):
    """Binary cross-entropy of logits, or the focal loss of a sigmoid (`gamma`)."""
    x, t = x.astype(Real), t.astype(Real)
    kept = np.ones(x.shape, bool) if ignore_index is None else t != ignore_index
    w = np.broadcast_to(Real(1) if weight is None else weight.astype(Real), x.shape)
    v = np.broadcast_to(Real(1) if pos_weight is None else pos_weight.astype(Real), x.shape)
    log_part, sign = np.log1p(np.exp(-abs(x))), x > 0
    near = np.where(np.isinf(x), x, np.clip(x, -_MOST, _MOST))
    up, down = 1 / (1 + np.exp(-near)), 1 / (1 + np.exp(near))
    positive, negative = (
        np.where(sign, 0, -x) + log_part,
        np.where(sign, x, 0) + log_part,
    )  # softplus(-x), softplus(x)
    positive, negative = (np.where(np.isnan(x), np.nan, part) for part in (positive, negative))
    if gamma is None:
        a, b = w * v * t * kept, w * (1 - t) * kept
        seen = a + b != 0
        values, grads, hess = (
            _times(a, positive) + _times(b, negative),
            b * up - a * down,
            (a + b) * up * down,
        )
        size = a + b
        values, grads, hess = (np.where(seen, part, 0) for part in (values, grads, hess))
        return Expected(values, values + size, grads, size, hess, size, kept.sum())
    g = Real(gamma)
    a = w * kept * (1 if alpha is None else t * Real(alpha) + (1 - t) * (1 - Real(alpha)))
    loss, wrong, turn, both = (
        _times(t, positive) + _times(1 - t, negative),
        up * (1 - t) + down * t,
        1 - 2 * t,
        up * down,
    )
    miss = (1 - t) * up - t * down
    powers = [np.where(wrong == 0, 1 if g == k else 0, wrong ** (g - k)) for k in range(3)]
    pull = turn * _times(both, loss)
    values = np.where(np.isposinf(loss), np.inf, _times(powers[0], loss))
    first, second = _times(g, powers[1]), _times(g * (g - 1), powers[2])
    grads = first * pull + powers[0] * miss
    hess = (
        second * turn * both * pull
        + 2 * first * turn * both * miss
        + first * pull * (down - up)
        + powers[0] * both
    )
    values, grads, hess = (np.where(a == 0, 0, a * part) for part in (values, grads, hess))
    bounds, size = 1 + g, a * (1 + np.where(np.isinf(loss), 0, loss))
    return Expected(values, size * bounds, grads, size * bounds, hess, size * bounds**2, kept.sum())


def probabilities(p, t, *, weight=None):
    """Binary cross-entropy of probabilities, with torch's limits."""
    p, t = p.astype(Real), t.astype(Real)
    w = np.broadcast_to(Real(1) if weight is None else weight.astype(Real), p.shape)
    values = w * (t * np.minimum(-np.log(p), 100) + (1 - t) * np.minimum(-np.log1p(-p), 100))
    variance = np.maximum(p * (1 - p), Real(1e-12))
    grads = w * (p - t) / variance
    return Expected(values, values, grads, w * (p + t) / variance, None, None, p.size)


# The formulas by the losses' names; losses that are not here are judged by the battery's.
ROWS = {
    "cross_entropy": rows,
    "focal_loss": lambda *args, gamma=2.0, **options: rows(*args, gamma=gamma, **options),
    "nll_loss": lambda *args, **options: rows(*args, plain=True, **options),
}
ELEMENTS = {
    "binary_cross_entropy_with_logits": elements,
    "sigmoid_focal_loss": lambda *args, gamma=2.0, alpha=0.25, **options: elements(
        *args, gamma=gamma, alpha=alpha, **options
    ),
    "binary_cross_entropy": probabilities,
}


def of_battery(battery, name, x, t, options):
    """Return what the battery's naive formula of a loss says, with scales that suit any loss.

    An error is relative to the largest finite result of its row, and to the row's weight times
    what its numbers may multiply it with.
    """
    formula = next((loss.reference for loss in battery.LOSSES if loss.function == name), None)
    assert formula is not None, f"{name} has no row in tests/losses.py"
    options = {
        key: value.reshape(-1) if key == "sample_weight" else value
        for key, value in options.items()
    }
    terms = formula(x, t, **options)
    numbers = [value for value in options.values() if np.ndim(value) == 0 and value is not None]
    size = np.prod([1 + abs(Real(v)) for v in numbers if abs(v) < 1e6], initial=Real(1)) ** 2
    w = np.asarray(options.get("weight", 1.0), Real).max(initial=0)
    s = np.asarray(options.get("sample_weight", 1.0), Real)
    weight = np.broadcast_to(w * s * size, terms.values.shape)
    by_row = terms.values.ndim < terms.grads.ndim
    arrays = [terms.values, terms.grads, *([] if terms.hess is None else [terms.hess])]
    finite = [np.where(np.isfinite(a), abs(a), 0) for a in arrays]
    if by_row:
        finite[1:] = [a.max(axis=-1, initial=0) for a in finite[1:]]
    most = weight + np.max(finite, axis=0)
    wide = np.broadcast_to(most[..., None], terms.grads.shape) if by_row else most
    return Expected(terms.values, most, terms.grads, wide, terms.hess, wide, terms.divisor)


def logsumexp(x):
    """Rows (n, K) to (n,), and the scale."""
    if x.shape[1] == 0:
        return np.full(len(x), -np.inf, Real), np.ones(len(x))
    top, _, _, _, logs = _softmax(x)
    return np.where(np.isfinite(top), top + logs, top), abs(top) + 1 + logs


def softmax(x):
    """Rows (n, K) to (n, K), and the scale."""
    _, gaps, p, _, _ = _softmax(x)
    return p, p * (1 + np.where(np.isinf(gaps), 0, gaps))


def log_softmax(x):
    """Rows (n, K) to (n, K), and the scale."""
    top, gaps, _, _, logs = _softmax(x)
    result = -gaps - logs[:, None]
    beyond = np.isposinf(top)[:, None]
    result = np.where(beyond, np.where(np.isposinf(x), np.nan, -np.inf), result)
    return result, abs(result) + 1


def sigmoid(x):
    """Element by element, and the scale."""
    result = 1 / (1 + np.exp(-x))
    return result, result


def log_sigmoid(x):
    """Element by element, and the scale."""
    result = np.minimum(x, 0) - np.log1p(np.exp(-abs(x)))
    return result, abs(result)
