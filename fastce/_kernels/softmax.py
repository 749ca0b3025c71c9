"""Kernels of softmax cross-entropy.

Rows i, classes k, logits x, p = softmax(x), lse = log-sum-exp. The options have become the normal
form hit_i, row_i, scale_k, spread_k, z (see `_weights`; hit and row are multiplied with the factor
first), and that the coefficients c of a row, with C_i = sum_k c_ik::

    c_ik = hit_i [k = y_i] + row_i spread_k                 class indices y
    c_ik = hit_i scale_k q_ik + row_i spread_k              probabilities q

    value_i = sum_k c_ik (lse_i - x_ik) + row_i z lse_i^2        grad_ik = C_i p_ik - c_ik + 2 row_i z lse_i p_ik
    hess_ik = (C_i + 2 row_i z lse_i) p_ik (1 - p_ik) + 2 row_i z p_ik^2

A class whose logit is -inf is masked out: what spread would give it, in equal parts of 1 / K, the
other classes share.

How a row keeps its digits is told in `_rows`. Of two entries at most one has p > 1/2, the largest,
so only there 1 - p is built from rest. The usual call, class indices alone, has a kernel of its own
(`index`); `general` is for whatever else there is.

`index` also serves losses that are a function of p_y alone. Their `modulation` is a NamedTuple of
numbers, whose class chooses the functions `open_step`, `level` and `curve` when the kernel is
compiled; None is cross-entropy itself. With l = lse - x_y::

    value = hit level l      grad_k = hit slope (p_k - [k = y])      hess_k = hit slope p_k (1 - p_k) + hit bend (p_k - [k = y])^2

Arguments: logits (n, K); target (n,) class indices or (n, K) probabilities; hit, row (n,) or (1,);
scale, spread (K,) or (0,); values (n,) or (0,); grad, hess (n, K) or None, of which grad may be
logits itself. What None asks for is not compiled. Drivers write the sum of the values of each block
to sums (blocks,); work (blocks, WORK_ROWS, rows of a step) is scratch memory: allocated by NumPy,
it costs no compile time (only `general` needs more, for the probabilities). A row with hit = row =
0 is not looked at.
"""

import numpy as np
from numba import prange, types
from numba.extending import overload

from .._core.jit import driver, elementwise, kernel, reduction
from .intrinsics import softmax_statistics, weighted_softmax
from .sums import add, clear, finish, rows_or_none

# Rows of scratch memory: 5 for cross-entropy, and for modulations.
WORK_ROWS = 9

# ---- class indices -------------------------------------------------------------------------------


@kernel
def spread_hess(terms, weight, rest, hess):
    """Write weight p_k (1 - p_k) to hess (K,), of terms (K,) = weight p."""
    zero, one = hess.dtype.type(0), hess.dtype.type(1)
    up = (
        one if weight >= np.finfo(hess.dtype).tiny else hess.dtype.type(2.0**60)
    )  # the inverse of a subnormal number may be inf
    inverse = one / (weight * up) if weight != zero else zero
    largest, others = weight / (one + rest), rest / (one + rest)
    for k in range(terms.size):
        hess[k] = terms[k] * (others if terms[k] == largest else one - (terms[k] * up) * inverse)
    if weight == zero:
        clear(hess)


def open_step(modulation, x, x_y, weight, terms, row_max, rest, logs, work):
    """Write row_max, rest and logs (n,) of the rows x (n, K), and weight_i softmax(x_i) to terms (n, K) if that is not None.

    A modulation multiplies weight (n,) with the slope first, except where it is 0. What `level` and
    `curve` need may be kept in work from row 5 on; from row WORK_ROWS on there is room for the
    turned terms of softmax_terms.
    """
    raise NotImplementedError


def level(modulation, work, i):
    """Return what the loss of row i of this step is multiplied with."""
    raise NotImplementedError


def curve(modulation, work, i, terms, weight, rest, y, hess):
    """Write the Hessian of row i of this step to hess (K,); terms (K,) = weight p, for the weight that was multiplied with the slope."""
    raise NotImplementedError


@overload(open_step, inline="always")
def _choose_open_step(modulation, x, x_y, weight, terms, row_max, rest, logs, work):
    if not isinstance(modulation, types.NoneType):
        return None
    if isinstance(terms, types.Array):

        def choose(modulation, x, x_y, weight, terms, row_max, rest, logs, work):
            weighted_softmax(x, weight, terms, row_max, rest, logs)
    else:

        def choose(modulation, x, x_y, weight, terms, row_max, rest, logs, work):
            if weight.size > 1 or weight[0] != 0:
                softmax_statistics(x, row_max, rest, logs)

    return choose


@overload(level, inline="always")
def _choose_level(modulation, work, i):
    if isinstance(modulation, types.NoneType):
        return lambda modulation, work, i: 1.0


@overload(curve, inline="always")
def _choose_curve(modulation, work, i, terms, weight, rest, y, hess):
    if isinstance(modulation, types.NoneType):
        return lambda modulation, work, i, terms, weight, rest, y, hess: spread_hess(
            terms, weight, rest, hess
        )


@kernel
def _index_rows(first, last, logits, target, hit, factor, modulation, values, grad, hess, work):
    # of the rows from first to last; returns the sum of their values
    step = work.shape[1]
    # indexed, since unpacked they would be strided to the compiler
    weight, x_y, row_max, rest, logs = work[0], work[1], work[2], work[3], work[4]
    # `each`: rows may have weight 0. One that has is not looked at, and its label may be anything.
    one, several = weight.dtype.type(1), hit.size > 1
    each = several or weight.dtype.type(hit[0] * factor) == 0
    total, error = 0.0, 0.0
    for start in range(first, last, step):
        stop = min(start + step, last)
        x, y = logits[start:stop], target[start:stop]
        if each:
            for i in range(y.size):
                weight[i] = hit[start + i if several else 0] * factor
                x_y[i] = x[i, y[i]] if weight[i] != 0 else 0
        else:
            for i in range(y.size):
                weight[i] = hit[0] * factor
                x_y[i] = x[i, np.uintp(y[i])]
        g = rows_or_none(grad, start, stop)
        open_step(modulation, x, x_y, weight[: y.size], g, row_max, rest, logs, work)
        step_total = 0.0
        if each or values.size:
            for i in range(y.size):
                value, hit_i = 0.0, hit[start + i if several else 0] * factor
                if weight[i] != 0:
                    value = (
                        hit_i
                        * (np.float64(row_max[i]) - np.float64(x_y[i]) + np.float64(logs[i]))
                        * level(modulation, work, i)
                    )
                step_total += value
                if values.size:
                    values[start + i] = value
        else:
            for i in range(y.size):
                step_total += (
                    np.float64(row_max[i]) - np.float64(x_y[i]) + np.float64(logs[i])
                ) * level(modulation, work, i)
            step_total *= hit[0] * factor
        total, error = add(total, error, step_total)
        if hess is not None:
            for i in range(y.size):
                curve(modulation, work, i, g[i], weight[i], rest[i], y[i], hess[start + i])
        if grad is not None:
            # the target's entry is p - 1 times the weight; where it is the largest, that would
            # cancel and is built from the others. Gathered, chosen as vectors, scattered: which one
            # it is cannot be predicted, so a branch would be dear.
            for i in range(y.size):
                logs[i] = g[i, np.uintp(y[i] if weight[i] != 0 else 0)]
            for i in range(y.size):
                others, below = -(weight[i] / (one + rest[i])) * rest[i], logs[i] - weight[i]
                logs[i] = others if x_y[i] == row_max[i] else below
            for i in range(y.size):
                if weight[i] != 0:
                    g[i, np.uintp(y[i])] = logs[i]
    return finish(total, error)


@driver
def index(logits, target, hit, factor, modulation, values, grad, hess, rows, sums, work):
    for b in prange(sums.size):
        first, last = b * rows, min((b + 1) * rows, target.size)
        sums[b] = _index_rows(
            first, last, logits, target, hit, factor, modulation, values, grad, hess, work[b]
        )


# ---- all options ---------------------------------------------------------------------------------


@reduction
def _spread_sums(x, spread, row_max):
    # the number of masked classes, and over the others: sum_k spread_k and sum_k spread_k (row_max
    # - x_k)
    masked, weight, gap = 0.0, 0.0, 0.0
    for k in range(x.size):
        share = spread[k] if x[k] > -np.inf else 0.0
        masked += 1.0 if x[k] == -np.inf else 0.0
        weight += share
        gap += share * (np.float64(row_max) - np.float64(x[k])) if share != 0.0 else 0.0
    return masked, weight, gap


@reduction
def _probability_sums(x, q, scale, row_max):
    # sum_k scale_k q_k and sum_k scale_k q_k (row_max - x_k); a zero contributes 0 whatever it
    # meets
    weight, gap = 0.0, 0.0
    for k in range(x.size):
        c = np.float64(q[k]) * (scale[k] if scale.size else 1.0)
        weight += c
        gap += c * (np.float64(row_max) - np.float64(x[k])) if c != 0.0 else 0.0
    return weight, gap


def _target_sums(x, target, scale, row_max):
    # as _probability_sums, of whatever kind the target is
    raise NotImplementedError


@overload(_target_sums)
def _choose_target_sums(x, target, scale, row_max):
    if isinstance(target, types.Array):
        return lambda x, target, scale, row_max: _probability_sums(x, target, scale, row_max)
    return lambda x, target, scale, row_max: (1.0, np.float64(row_max) - np.float64(x[target]))


@kernel
def _coefficients(x, target, hit, row, scale, spread, row_max):
    # a row's sum_k c_k, sum_k c_k (row_max - x_k), and what `spread` is to be multiplied with
    weight, gap = _target_sums(x, target, scale, row_max) if hit != 0.0 else (0.0, 0.0)
    weight, gap, share = hit * weight, hit * gap, 0.0
    if spread.size and row != 0.0:
        masked, spread_weight, spread_gap = _spread_sums(x, spread, row_max)
        share = row * (x.size / (x.size - masked))
        weight, gap = weight + share * spread_weight, gap + share * spread_gap
    return weight, gap, share


def _coefficient(x, target, hit, share, scale, spread, k):
    raise NotImplementedError


@overload(_coefficient, inline="always")
def _choose_coefficient(x, target, hit, share, scale, spread, k):
    if isinstance(target, types.Array):

        def choose(x, target, hit, share, scale, spread, k):
            c = hit * np.float64(target[k]) * (scale[k] if scale.size else 1.0)
            return c + share * spread[k] if spread.size and x[k] > -np.inf else c
    else:

        def choose(x, target, hit, share, scale, spread, k):
            c = hit if k == target else 0.0
            return c + share * spread[k] if spread.size and x[k] > -np.inf else c

    return choose


@elementwise
def _close_row(x, p, rest, target, hit, share, scale, spread, weight, extra, grad):
    # p (K,) = softmax(x); extra = 2 row z lse
    narrow, one = p.dtype.type, p.dtype.type(1)
    largest = one / (one + rest)
    others = np.float64(rest) / (1.0 + np.float64(rest))
    for k in range(p.size):
        q = np.float64(p[k])
        c = _coefficient(x, target, hit, share, scale, spread, k)
        # C p - c, built from 1 - p where p is large, so that a confident row does not cancel
        grad[k] = narrow(
            ((weight - c) - weight * others if p[k] == largest else weight * q - c) + extra * q
        )


@elementwise
def _general_hess(p, rest, weight, curvature, hess):
    # weight = C + 2 row z lse, curvature = 2 row z
    narrow, one = p.dtype.type, p.dtype.type(1)
    largest = one / (one + rest)
    others = np.float64(rest) / (1.0 + np.float64(rest))
    for k in range(p.size):
        q = np.float64(p[k])
        hess[k] = narrow(weight * q * (others if p[k] == largest else 1.0 - q) + curvature * q * q)


@elementwise
def _plus_product(a, b, c):
    # Rounded twice: whether it would be fused can depend on what else is asked for, and all forms
    # give the same value.
    return a + b * c


@kernel
def _general_rows(
    first, last, logits, target, hit, row, scale, spread, z, factor, values, grad, hess, work
):
    step = work.shape[1]
    weight, row_max, rest, logs = work[0], work[2], work[3], work[4]
    if grad is not None:
        p = np.empty((step, logits.shape[1]), logits.dtype)
    total, error = 0.0, 0.0
    for start in range(first, last, step):
        x = logits[start : min(start + step, last)]
        used = False
        for i in range(x.shape[0]):
            here = (
                hit[start + i if hit.size > 1 else 0] != 0.0
                or row[start + i if row.size > 1 else 0] != 0.0
            )
            here = here and factor != 0.0
            weight[i] = 1 if here else 0
            used = used or here
        if grad is not None:
            weighted_softmax(x, weight, p, row_max, rest, logs)
        elif used:
            softmax_statistics(x, row_max, rest, logs)
        for i in range(x.shape[0]):
            value = 0.0
            if weight[i] != 0:
                hit_i = hit[start + i if hit.size > 1 else 0] * factor
                row_i = row[start + i if row.size > 1 else 0] * factor
                c_sum, gap, share = _coefficients(
                    x[i], target[start + i], hit_i, row_i, scale, spread, row_max[i]
                )
                log_rest = np.float64(logs[i])
                lse = np.float64(row_max[i]) + log_rest
                value = _plus_product(gap, c_sum, log_rest)
                extra, curvature = 0.0, 0.0
                if z != 0.0 and row_i != 0.0:
                    value = _plus_product(value, row_i * z, lse * lse)
                    extra, curvature = 2.0 * row_i * z * lse, 2.0 * row_i * z
                if hess is not None:
                    _general_hess(p[i], rest[i], c_sum + extra, curvature, hess[start + i])
                if grad is not None:
                    _close_row(
                        x[i],
                        p[i],
                        rest[i],
                        target[start + i],
                        hit_i,
                        share,
                        scale,
                        spread,
                        c_sum,
                        extra,
                        grad[start + i],
                    )
                total, error = add(total, error, value)
            else:
                if hess is not None:
                    clear(hess[start + i])
                if grad is not None:
                    clear(grad[start + i])
            if values.size:
                values[start + i] = value
    return finish(total, error)


@driver
def general(
    logits, target, hit, row, scale, spread, z, factor, values, grad, hess, rows, sums, work
):
    for b in prange(sums.size):
        first, last = b * rows, min((b + 1) * rows, logits.shape[0])
        sums[b] = _general_rows(
            first,
            last,
            logits,
            target,
            hit,
            row,
            scale,
            spread,
            z,
            factor,
            values,
            grad,
            hess,
            work[b],
        )


@kernel
def index_rows_value_and_grad(logits, target, hit, row, scale, spread, values, grad, work):
    """Write value and gradient of rows with class indices, with spread or, where it is None, without; return the sum of the values."""
    if spread is not None:
        return _general_rows(
            0,
            target.size,
            logits,
            target,
            hit,
            row,
            scale,
            spread,
            0.0,
            1.0,
            values,
            grad,
            None,
            work,
        )
    return _index_rows(0, target.size, logits, target, hit, 1.0, None, values, grad, None, work)
