"""Kernels of the losses of a sigmoid: blocks of elements, in chunks that stay in the first cache.

Elements x with target t; the options have become the normal form pos, neg, factor (see `_weights`),
and that the coefficients a, b::

    a = factor pos t,  b = factor neg (1 - t)          an ignored element: a = b = 0
    value = a softplus(-x) + b softplus(x) = (a + b) log1p(e) + |x| (b where x > 0, a elsewhere)
    grad  = b sigmoid(x) - a sigmoid(-x)
    hess  = (a + b) sigmoid(x) sigmoid(-x)

with e = exp(-|x|) <= 1, sigmoid(|x|) = 1 / (1 + e) and sigmoid(-|x|) = e / (1 + e): nothing
cancels, so both tails keep all their digits. `_math.logistic` gives them for a chunk.
"""

import numpy as np
from numba import prange, types
from numba.extending import overload

from .._core.jit import driver, elementwise, kernel
from .intrinsics import logistic
from .sums import add, finish, repeat_or_none, rows_or_none, sum_of

CHUNK = 256
# Rows of scratch memory: 5 for the plain loss, and for modulations.
WORK_ROWS = 7

# Arguments: logits, target (n,); pos, neg (a period,), or None where all are 1; ignore a number of
# their dtype, or None; values, grad, hess (n,) or None, all of one dtype; grad may be logits
# itself; work (WORK_ROWS, CHUNK) is scratch memory. What None asks for is not compiled. A
# `modulation` is a NamedTuple of numbers: another loss, whose class chooses `chunk` when the kernel
# is compiled; None is cross-entropy itself.


@elementwise
def _plain_chunk(x, t, pos, neg, scale, ignore, value, grad, hess, small, large, tail):
    # Selections between results instead of branches, and every load before them: so the loop
    # becomes vector code.
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for k in range(x.size):
        magnitude, target, near, far, log_part = abs(x[k]), t[k], large[k], small[k], tail[k]
        positive = x[k] > zero
        up, down = near if positive else far, far if positive else near
        a, b = target, one - target
        if pos is not None:
            a, b = a * pos[k], b * neg[k]
        if ignore is not None:
            a, b = zero if target == ignore else a, zero if target == ignore else b
        # a coefficient of 0 contributes 0, however large the loss it stands at
        wrong, slope = b if positive else a, (b * up - a * down) * scale
        beyond = wrong * magnitude
        beyond = beyond if wrong != zero else zero
        if pos is None and ignore is None:
            if value is not None:
                value[k] = log_part + beyond
            if hess is not None:
                hess[k] = near * far * scale
            if grad is not None:
                grad[k] = slope
        else:
            weight = a + b
            if value is not None:
                level = weight * log_part
                value[k] = beyond + (level if weight != zero else zero)
            if hess is not None:
                curvature = weight * (near * far) * scale
                hess[k] = curvature if weight != zero else zero
            if grad is not None:
                grad[k] = slope if weight != zero else zero


def chunk(modulation, x, t, pos, neg, scale, ignore, value, grad, hess, small, large, tail, work):
    """Write what is asked for of one chunk; the class of the modulation, or None, chooses how. work from row 5 on is free."""
    raise NotImplementedError


@overload(chunk)
def _choose_chunk(
    modulation, x, t, pos, neg, scale, ignore, value, grad, hess, small, large, tail, work
):
    if isinstance(modulation, types.NoneType):

        def plain(
            modulation, x, t, pos, neg, scale, ignore, value, grad, hess, small, large, tail, work
        ):
            _plain_chunk(x, t, pos, neg, scale, ignore, value, grad, hess, small, large, tail)

        return plain


@kernel
def binary_rows(x, t, pos, neg, scale, ignore, modulation, values, grad, hess, work):
    """Write what is asked for of a block of elements; return the sum of the values, before `scale`."""
    # indexed, since unpacked they would be strided to the compiler
    held, small, large, tail, value = work[0], work[1], work[2], work[3], work[4]
    total, error = 0.0, 0.0
    for i in range(0, x.size, CHUNK):
        j = i + CHUNK
        part = x[i:j]
        for k in range(part.size):  # a copy that grad cannot overlap
            held[k] = part[k]
        logistic(part, small, large, tail)
        chunk(
            modulation,
            held[: part.size],
            t[i:j],
            rows_or_none(pos, i, j),
            rows_or_none(neg, i, j),
            scale,
            ignore,
            value,
            rows_or_none(grad, i, j),
            rows_or_none(hess, i, j),
            small,
            large,
            tail,
            work,
        )
        total, error = add(total, error, sum_of(value[: part.size]))
        if values is not None:
            for k in range(part.size):
                values[i + k] = value[k] * scale
    return finish(total, error)


@kernel
def _block(
    b, logits, target, pos, neg, scale, ignore, modulation, values, grad, hess, size, sums, work
):
    i, j = b * size, (b + 1) * size
    x = logits[i:j]
    sums[b] = binary_rows(
        x,
        target[i:j],
        repeat_or_none(pos, i, i + x.size),
        repeat_or_none(neg, i, i + x.size),
        scale,
        ignore,
        modulation,
        rows_or_none(values, i, j),
        rows_or_none(grad, i, j),
        rows_or_none(hess, i, j),
        work[b],
    )


@driver
def binary(
    logits, target, pos, neg, scale, ignore, modulation, values, grad, hess, size, sums, work
):
    for b in prange(sums.size):
        _block(
            np.int64(b),
            logits,
            target,
            pos,
            neg,
            scale,
            ignore,
            modulation,
            values,
            grad,
            hess,
            size,
            sums,
            work,
        )
