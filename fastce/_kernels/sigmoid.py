"""Kernels of the losses of a sigmoid: blocks of elements, in chunks that stay in the first cache.

Elements x with target t; the options have become the normal form positive_weight, negative_weight,
factor (see `fastce._losses.weights`), and the normal form the coefficients a, b::

    a = positive_weight t,  b = negative_weight (1 - t)          an ignored element: a = b = 0
    value = a softplus(-x) + b softplus(x) = (a + b) log1p(e) + |x| (b where x > 0, a elsewhere)
    grad  = factor (b sigmoid(x) - a sigmoid(-x))
    hess  = factor (a + b) sigmoid(x) sigmoid(-x)

with ``e = exp(-|x|) <= 1``, ``sigmoid(|x|) = 1 / (1 + e)`` and ``sigmoid(-|x|) = e / (1 + e)``:
nothing cancels, so both tails keep all their digits. `intrinsics.logistic` computes them for a
chunk.

`loss` is None for cross-entropy, all of which is one C++ function
(`intrinsics.binary_cross_entropy_flat`), or the parameters of a loss that implements
`elements_of_chunk` (see `protocol`).

Arguments: logits, target (n,); positive_weight, negative_weight (a period,), or None where all are
1; factor and ignore numbers of their dtype, ignore may be None; values, grad, hess (n,), or (0,)
where they are not wanted, all of one dtype; grad may be logits itself; work (WORK_ROWS, CHUNK) is
scratch memory. Code for what is None is not compiled. The sums of values are those before the
factor: it is 1 / divisor of the mean, and multiplying the whole sum, in float64, loses less than
multiplying every value.
"""

from numba import types
from numba.extending import overload

from .._core.jit import driver, kernel
from .intrinsics import binary_cross_entropy_flat, logistic
from .protocol import Elements, Sigmoids, elements_of_chunk
from .sums import add, finish, repeat_or_none, rows_or_none, sum_of

# Elements of a chunk: all arrays of one stay in the first cache.
CHUNK = 256
# Rows of scratch memory: x, small, large, tail, value; two are for losses that implement
# `elements_of_chunk`.
WORK_ROWS = 7


@kernel
def _rows_of_loss(
    x, t, positive_weight, negative_weight, factor, ignore, loss, values, grad, hess, work
):
    # indexed, since unpacked they would be strided to the compiler
    held, small, large, tail, value = work[0], work[1], work[2], work[3], work[4]
    total, error = 0.0, 0.0
    for i in range(0, x.size, CHUNK):
        j = i + CHUNK
        part = x[i:j]
        n = part.size
        for k in range(n):  # a copy that grad cannot overlap
            held[k] = part[k]
        logistic(part, small, large, tail)
        p, q = rows_or_none(positive_weight, i, j), rows_or_none(negative_weight, i, j)
        elements = Elements(held[:n], t[i:j], p, q, factor)
        sigmoids = Sigmoids(small, large, tail)
        g, h = grad[i:j], hess[i:j]
        elements_of_chunk(loss, elements, ignore, sigmoids, value, g, h, work[5:])
        total, error = add(total, error, sum_of(value[:n]))
        if values.size:
            for k in range(n):
                values[i + k] = value[k] * factor
    return finish(total, error)


def binary_rows(x, t, positive, negative, factor, ignore, loss, values, grad, hess, work):
    """Write values and derivatives of a block; return the sum of values before `factor`."""
    raise NotImplementedError


@overload(binary_rows)
def _choose_rows(x, t, positive, negative, factor, ignore, loss, values, grad, hess, work):
    if isinstance(loss, types.NoneType):
        return lambda x, t, positive, negative, factor, ignore, loss, values, grad, hess, work: (
            binary_cross_entropy_flat(x, t, positive, negative, factor, ignore, values, grad, hess)
        )
    return lambda x, t, positive, negative, factor, ignore, loss, values, grad, hess, work: (
        _rows_of_loss(x, t, positive, negative, factor, ignore, loss, values, grad, hess, work)
    )


@driver
def binary(
    b,
    logits,
    target,
    positive_weight,
    negative_weight,
    factor,
    ignore,
    loss,
    values,
    grad,
    hess,
    size,
    sums,
    work,
):
    i, j = b * size, (b + 1) * size
    x = logits[i:j]
    sums[b] = binary_rows(
        x,
        target[i:j],
        repeat_or_none(positive_weight, i, i + x.size),
        repeat_or_none(negative_weight, i, i + x.size),
        factor,
        ignore,
        loss,
        values[i:j],
        grad[i:j],
        hess[i:j],
        work[b],
    )
