"""Kernel of softmax cross-entropy for what `softmax` leaves: smoothing, z-loss, probabilities.

Rows i, classes k, logits x, p = softmax(x), lse = log-sum-exp. The options have become the normal
form target_weight_i, sample_weight_i, scaled_class_weight_k, smoothing_k, z (see
`fastce._losses.weights`; target_weight and sample_weight are multiplied with the factor first), and
the normal form the coefficients c of a row. With C_i = sum_k c_ik, of class indices y::

    c_ik = target_weight_i [k = y_i] + sample_weight_i smoothing_k

of probabilities q::

    c_ik = target_weight_i scaled_class_weight_k q_ik + sample_weight_i smoothing_k

and of both::

    z_i = 2 sample_weight_i z
    value_i = sum_k c_ik (lse_i - x_ik) + sample_weight_i z lse_i^2
    grad_ik = C_i p_ik - c_ik + z_i lse_i p_ik
    hess_ik = (C_i + z_i lse_i) p_ik (1 - p_ik) + z_i p_ik^2

A class whose logit is -inf is masked out: the other classes share, in equal parts, what smoothing
would give it.

Without z-loss and Hessians, which few calls want, this is a C++ function (``simd/general_rows.h``).

Arguments as in `softmax`, and: target (n,) class indices or (n, K) probabilities; target_weight,
sample_weight (n,) or (1,); scaled_class_weight, smoothing (K,), or (0,) where there is none (one
more type of an argument would compile all of this once more).
"""

import numpy as np
from numba import types
from numba.extending import overload

from .._core.jit import elementwise, kernel, reduction
from .intrinsics import (
    softmax_statistics,
    weighted_softmax,
)
from .sums import add, clear, finish

# Rows of scratch memory: weight, one that is free, row_max, rest, logs.
WORK_ROWS = 5


@reduction
def _smoothing_sums(x, smoothing, row_max):
    # the number of masked classes, and over the others: sum_k smoothing_k and
    # sum_k smoothing_k (row_max - x_k)
    masked, weight, gap = 0.0, 0.0, 0.0
    for k in range(x.size):
        part = smoothing[k] if x[k] > -np.inf else 0.0
        masked += 1.0 if x[k] == -np.inf else 0.0
        weight += part
        gap += part * (np.float64(row_max) - np.float64(x[k])) if part != 0.0 else 0.0
    return masked, weight, gap


@reduction
def _probability_sums(x, q, scaled_class_weight, row_max):
    # with c_k = scaled_class_weight_k q_k: sum_k c_k and sum_k c_k (row_max - x_k); where c_k is 0,
    # the term is 0 even if x_k is infinite
    weight, gap = 0.0, 0.0
    for k in range(x.size):
        c = np.float64(q[k]) * (scaled_class_weight[k] if scaled_class_weight.size else 1.0)
        weight += c
        gap += c * (np.float64(row_max) - np.float64(x[k])) if c != 0.0 else 0.0
    return weight, gap


def _target_sums(x, target, scaled_class_weight, row_max):
    # as _probability_sums, of whatever kind the target is
    raise NotImplementedError


@overload(_target_sums)
def _choose_target_sums(x, target, scaled_class_weight, row_max):
    if isinstance(target, types.Array):
        return lambda x, target, scaled_class_weight, row_max: _probability_sums(
            x, target, scaled_class_weight, row_max
        )
    return lambda x, target, scaled_class_weight, row_max: (
        1.0,
        np.float64(row_max) - np.float64(x[target]),
    )


@kernel
def _coefficients(x, target, target_weight, sample_weight, scaled_class_weight, smoothing, row_max):
    # a row's sum_k c_k, sum_k c_k (row_max - x_k), and what `smoothing` is to be multiplied with
    weight, gap = (
        _target_sums(x, target, scaled_class_weight, row_max)
        if target_weight != 0.0
        else (0.0, 0.0)
    )
    weight, gap, smoothing_scale = target_weight * weight, target_weight * gap, 0.0
    if smoothing.size and sample_weight != 0.0:
        masked, smoothing_weight, smoothing_gap = _smoothing_sums(x, smoothing, row_max)
        smoothing_scale = sample_weight * (x.size / (x.size - masked))
        weight, gap = (
            weight + smoothing_scale * smoothing_weight,
            gap + smoothing_scale * smoothing_gap,
        )
    return weight, gap, smoothing_scale


def _coefficient(x, target, target_weight, smoothing_scale, scaled_class_weight, smoothing, k):
    raise NotImplementedError


@overload(_coefficient, inline="always")
def _choose_coefficient(
    x, target, target_weight, smoothing_scale, scaled_class_weight, smoothing, k
):
    if isinstance(target, types.Array):

        def choose(x, target, target_weight, smoothing_scale, scaled_class_weight, smoothing, k):
            c = (
                target_weight
                * np.float64(target[k])
                * (scaled_class_weight[k] if scaled_class_weight.size else 1.0)
            )
            return c + smoothing_scale * smoothing[k] if smoothing.size and x[k] > -np.inf else c
    else:

        def choose(x, target, target_weight, smoothing_scale, scaled_class_weight, smoothing, k):
            c = target_weight if k == target else 0.0
            return c + smoothing_scale * smoothing[k] if smoothing.size and x[k] > -np.inf else c

    return choose


@elementwise
def _close_row(
    x,
    p,
    rest,
    target,
    target_weight,
    smoothing_scale,
    scaled_class_weight,
    smoothing,
    weight,
    extra,
    grad,
):
    # p (K,) = softmax(x); extra = 2 sample_weight z lse
    narrow, one = p.dtype.type, p.dtype.type(1)
    largest = one / (one + rest)
    others = np.float64(rest) / (1.0 + np.float64(rest))
    for k in range(p.size):
        q = np.float64(p[k])
        c = _coefficient(
            x, target, target_weight, smoothing_scale, scaled_class_weight, smoothing, k
        )
        # C p - c, built from 1 - p where p is large, so that a confident row does not cancel
        grad[k] = narrow(
            ((weight - c) - weight * others if p[k] == largest else weight * q - c) + extra * q
        )


@elementwise
def _general_hess(p, rest, weight, curvature, hess):
    # weight = C + 2 sample_weight z lse, curvature = 2 sample_weight z
    narrow, one = p.dtype.type, p.dtype.type(1)
    largest = one / (one + rest)
    others = np.float64(rest) / (1.0 + np.float64(rest))
    for k in range(p.size):
        q = np.float64(p[k])
        hess[k] = narrow(weight * q * (others if p[k] == largest else 1.0 - q) + curvature * q * q)


@elementwise
def _plus_product(a, b, c):
    # Rounded twice: whether the compiler fuses the two could depend on which derivatives are
    # computed beside, and all forms give the same value.
    return a + b * c


@kernel
def rows_of_any(
    first,
    last,
    logits,
    target,
    target_weight,
    sample_weight,
    scaled_class_weight,
    smoothing,
    z,
    factor,
    values,
    grad,
    hess,
    work,
):
    step = work.shape[1]
    weight, row_max, rest, logs = work[0], work[2], work[3], work[4]
    wants_grad = grad.shape[0] > 0
    p = np.empty((step if wants_grad else 0, logits.shape[1]), logits.dtype)
    total, error = 0.0, 0.0
    for start in range(first, last, step):
        x = logits[start : min(start + step, last)]
        used = False
        for i in range(x.shape[0]):
            here = (
                target_weight[start + i if target_weight.size > 1 else 0] != 0.0
                or sample_weight[start + i if sample_weight.size > 1 else 0] != 0.0
            )
            here = here and factor != 0.0
            weight[i] = 1 if here else 0
            used = used or here
        if wants_grad:
            weighted_softmax(x, weight, p, row_max, rest, logs)
        elif used:
            softmax_statistics(x, row_max, rest, logs)
        for i in range(x.shape[0]):
            value = 0.0
            if weight[i] != 0:
                target_weight_i = target_weight[start + i if target_weight.size > 1 else 0] * factor
                sample_weight_i = sample_weight[start + i if sample_weight.size > 1 else 0] * factor
                c_sum, gap, smoothing_scale = _coefficients(
                    x[i],
                    target[start + i],
                    target_weight_i,
                    sample_weight_i,
                    scaled_class_weight,
                    smoothing,
                    row_max[i],
                )
                log_rest = np.float64(logs[i])
                lse = np.float64(row_max[i]) + log_rest
                value = _plus_product(gap, c_sum, log_rest)
                extra, curvature = 0.0, 0.0
                if z != 0.0 and sample_weight_i != 0.0:
                    value = _plus_product(value, sample_weight_i * z, lse * lse)
                    extra, curvature = 2.0 * sample_weight_i * z * lse, 2.0 * sample_weight_i * z
                if hess.shape[0]:
                    _general_hess(p[i], rest[i], c_sum + extra, curvature, hess[start + i])
                if wants_grad:
                    _close_row(
                        x[i],
                        p[i],
                        rest[i],
                        target[start + i],
                        target_weight_i,
                        smoothing_scale,
                        scaled_class_weight,
                        smoothing,
                        c_sum,
                        extra,
                        grad[start + i],
                    )
                total, error = add(total, error, value)
            else:
                if hess.shape[0]:
                    clear(hess[start + i])
                if wants_grad:
                    clear(grad[start + i])
            if values.size:
                values[start + i] = value
    return finish(total, error)
