"""Exact values of every quantity that the library computes, and what the contract allows.

`rows(x, y)` and `elements(x, y)` return {quantity: Exact}. The formulas are written once, for
arrays of numbers that have many more digits than the input: mpmath with 40 digits, or, for float32
input, the 64-bit significand of an 80-bit long double. Each formula leaves one largest term out of
the sum and cancels nothing, so its error is a few units of the wider format (for long double below
1e-10 eps of float32 where the gaps are small, and 1e-9 at a gap of 1000).

The contract: (4 + gap) eps, `gap` being the distance to the row's largest logit; for what a
confident row makes of all entries but the largest one, the distance of the runner-up. Where no
difference of logits enters, 4 eps.
"""

from typing import NamedTuple

import mpmath
import numpy as np
from ulp import in_eps

LONG_DOUBLE = np.finfo(np.longdouble).nmant >= 63
DIGITS = 40


class Exact(NamedTuple):
    """Exact numbers high + low (float64 each), the scale of errors, and their bound in eps."""

    high: np.ndarray
    low: np.ndarray
    scale: np.ndarray
    bound: np.ndarray

    def errors(self, got):
        """Return |got - exact| / (eps scale), eps that of got's dtype.

        Results below the smallest normal number are not judged (0), but must not be larger than
        that (infinite error). A NaN is an infinite error.
        """
        is_small = np.abs(got) <= np.finfo(got.dtype).tiny
        error = in_eps(got, self.high, self.scale, self.low)
        error = np.where(self.judged(got.dtype), error, np.where(is_small, 0, np.inf))
        return np.where(np.isnan(got), np.inf, error)

    def judged(self, dtype):
        """Return where the exact number is normal in `dtype`."""
        return self.scale >= float(np.finfo(dtype).tiny)


def _mp_exp(value):
    return mpmath.exp(value) if value > -20_000 else mpmath.mpf(0)  # below every format's range


def _arithmetic(dtype, precise):
    # (widen an array, exp, log1p) of the wider numbers
    if LONG_DOUBLE and dtype == np.float32 and not precise:
        return (lambda a: a.astype(np.longdouble)), np.exp, np.log1p
    widen = np.frompyfunc(mpmath.mpf, 1, 1)
    return (
        (lambda a: widen(a.astype(np.float64))),
        np.frompyfunc(_mp_exp, 1, 1),
        np.frompyfunc(mpmath.log1p, 1, 1),
    )


def _exact(numbers, bound, scale=None):
    high = numbers.astype(np.float64)
    low = (numbers - high).astype(np.float64)
    return Exact(
        high, low, np.abs(high) if scale is None else scale, np.broadcast_to(bound, high.shape)
    )


def at_target(array, y):
    """Return each row's entry of its target."""
    return np.take_along_axis(array, y[:, None], axis=1)[:, 0]


def without_target(array, y):
    """Return a copy in which each row's entry of its target is 0."""
    array = array.copy()
    np.put_along_axis(array, y[:, None], 0, axis=1)
    return array


def rows(x, y, counts=None, precise=False):
    """Return the quantities of rows x (n, K) of finite logits with class indices y (n,).

    With `counts` (K,), column k stands for that many equal columns. `precise` asks for mpmath
    whatever the dtype.
    """
    n_classes = x.shape[1]
    counts = np.ones(n_classes, np.int64) if counts is None else counts
    with mpmath.workdps(DIGITS):
        widen, exp, log1p = _arithmetic(x.dtype, precise)
        best = x.argmax(axis=1)
        wide = widen(x)
        top = at_target(wide, best)
        gap = top[:, None] - wide
        e = exp(-gap)
        others = e * counts
        np.put_along_axis(others, best[:, None], (counts[best] - 1)[:, None], axis=1)
        rest = others.sum(axis=1)  # of all but one largest
        total = (1 + rest)[:, None]
        log = log1p(rest)
        p, complement = e / total, (rest[:, None] + (1 - e)) / total

        near = gap.astype(np.float64)
        second = np.sort(near, axis=1)[:, min(1, n_classes - 1)]
        runner_up = np.where(counts[best] > 1, 0, second)[:, None]
        own = np.where(
            near == 0, runner_up, near
        )  # what the entry alone, or all but the entry, is made of
        log_part = log.astype(np.float64)
        width = np.maximum(
            np.abs(at_target(x, best)).astype(np.float64), log_part
        )  # the larger of the two terms of the sum
        return {
            "cross_entropy": _exact(at_target(gap, y) + log, 4 + at_target(own, y)),
            "gradient, others": _exact(without_target(p, y), 4 + near),
            "gradient, target": _exact(-at_target(complement, y), 4 + at_target(own, y)),
            "Hessian diagonal": _exact(p * complement, 2 * (4 + own)),
            "logsumexp": _exact(
                top + log, 4 + runner_up[:, 0] * log_part / np.maximum(width, 1e-300), width
            ),
            "softmax": _exact(p, 4 + near),
            "log_softmax": _exact(-(gap + log[:, None]), 4 + np.where(near == 0, runner_up, 0)),
        }


def focal_row(x, y, gamma):
    """Return {quantity: Exact} of the focal loss of one row x (K,) with class index y.

    A power multiplies relative errors with its exponent: (1 + gamma) (4 + gap) eps, `gap` being the
    largest distance between logits. The diagonal is a sum, whose error is relative to its terms.
    """
    bound = (1 + gamma) * (4 + float(np.max(x)) - float(np.min(x)))
    with mpmath.workdps(60):
        gamma, x = mpmath.mpf(gamma), [mpmath.mpf(float(v)) for v in x]
        e = [mpmath.exp(v - max(x)) for v in x]
        total = mpmath.fsum(e)
        share = [v / total for v in e]
        others = [mpmath.fsum(e[:k] + e[k + 1 :]) / total for k in range(len(e))]
        p, q, loss = share[y], others[y], mpmath.log(total) - (x[y] - max(x))
        slope = q**gamma + gamma * p * loss * q ** (gamma - 1)
        bends = [
            2 * gamma * p * q ** (gamma - 1),
            -gamma * p * loss * q ** (gamma - 1),
            gamma * (gamma - 1) * p**2 * loss * q ** (gamma - 2),
        ]
        move = [-q if k == y else share[k] for k in range(len(x))]
        curved = [slope * share[k] * others[k] for k in range(len(x))]
        hess = [c + sum(bends) * m**2 for c, m in zip(curved, move, strict=True)]
        terms = [c + sum(map(abs, bends)) * m**2 for c, m in zip(curved, move, strict=True)]
        terms = np.array(terms, object).astype(np.float64)
        return {
            "value": _exact(np.array([q**gamma * loss], object), bound),
            "gradient": _exact(np.array([slope * m for m in move], object), bound),
            "Hessian diagonal": _exact(np.array(hess, object), bound, terms),
        }


def elements(x, y, precise=False):
    """Return the quantities of finite logits x (n,) with labels y (n,), each 0 or 1."""
    with mpmath.workdps(DIGITS):
        widen, exp, log1p = _arithmetic(x.dtype, precise)
        magnitude, sign = widen(np.abs(x)), np.where(x < 0, -1, 1)
        e = exp(-magnitude)
        log, large, small = log1p(e), 1 / (1 + e), e / (1 + e)
        wrong = (x > 0) == (y == 0)  # the loss grows with |x|
        zero = magnitude * 0
        return {
            "binary_cross_entropy_with_logits": _exact(np.where(wrong, magnitude, zero) + log, 4),
            "gradient": _exact(np.where(wrong, large, small) * np.where(y == 0, 1, -1), 4),
            "Hessian": _exact(large * small, 6),
            "sigmoid": _exact(np.where(sign > 0, large, small), 4),
            "log_sigmoid": _exact(-(np.where(sign > 0, zero, magnitude) + log), 4),
        }


# What makes rows hard. Each family is (rng, n, K, dtype) -> (x, y), or None where it needs more
# classes.


def _random(rng, n, k, dtype):
    return (3 * rng.standard_normal((n, k))).astype(dtype), rng.integers(0, k, n)


def ahead(gap):
    """Return the family in which the target leads the runner-up by `gap`."""

    def make(rng, n, k, dtype):
        x, y = _random(rng, n, k, dtype)
        if k == 1:
            return None
        lead = np.max(without_target(x - x.min() + 1, y), axis=1) + (
            x.min() - 1
        )  # the largest of the others
        np.put_along_axis(x, y[:, None], (lead + dtype(gap))[:, None].astype(dtype), axis=1)
        return x, y

    return make


def _behind(gap):
    def make(rng, n, k, dtype):
        made = ahead(gap)(rng, n, k, dtype)
        return made and (made[0], (made[1] + 1) % k)

    return make


def _equal_terms(rng, n, k, dtype):
    # a largest logit and equal others: a long sum of equal terms may round the same way at every
    # step
    x = np.repeat(-rng.uniform(0, 3, (n, 1)), k, axis=1).astype(dtype)
    x[:, 0] = 0
    return x, rng.integers(0, k, n)


def _offset(offset):
    def make(rng, n, k, dtype):
        x, y = _random(rng, n, k, dtype)
        step = np.spacing(dtype(offset))
        if abs(step) > 1:  # what the sum can hold: ties, and gaps of many steps
            return (dtype(offset) + np.rint(x) * abs(step)).astype(dtype), y
        return x + dtype(offset), y

    return make


ROW_FAMILIES = {
    "random": _random,
    "equal terms": _equal_terms,
    **{f"{g} ahead": ahead(g) for g in (5, 17, 36, 100, 1000)},
    "1000 behind": _behind(1000),
    "offset 1e6": _offset(1e6),
    "offset -1e6": _offset(-1e6),
    "offset 1e30": _offset(1e30),
}


def _signed(gap, right):
    def make(rng, n, dtype):
        y = rng.integers(0, 2, n)
        x = gap * (1 + 0.02 * rng.standard_normal(n))
        return np.where((y == 1) == right, x, -x).astype(dtype), y

    return make


ELEMENT_FAMILIES = {
    "random": lambda rng, n, dtype: (
        (3 * rng.standard_normal(n)).astype(dtype),
        rng.integers(0, 2, n),
    ),
    "near 0": lambda rng, n, dtype: (
        (1e-3 * rng.standard_normal(n)).astype(dtype),
        rng.integers(0, 2, n),
    ),
    **{f"{g} ahead": _signed(g, True) for g in (5, 17, 36, 100, 1000)},
    "1000 behind": _signed(1000, False),
}
