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

`loss` is None for cross-entropy, or the parameters of a loss that implements `elements_of_chunk`
(see `protocol`).

Arguments: logits, target (n,); positive_weight, negative_weight (a period,), or None where all are
1; factor and ignore numbers of their dtype, ignore may be None; values (n,), or (0,) where they are
not wanted; grad, hess (n,) or None, all of one dtype; grad may be logits itself; work (WORK_ROWS,
CHUNK) is scratch memory. Code for what is None is not compiled. The sums of values are those before
the factor: it is 1 / divisor of the mean, and multiplying the whole sum, in float64, loses less
than multiplying every value.
"""

from .._core.jit import driver, elementwise, kernel
from .intrinsics import logistic
from .protocol import Elements, Sigmoids, elements_of_chunk, implements
from .sums import add, finish, repeat_or_none, rows_or_none, sum_of

# Elements of a chunk: all arrays of one stay in the first cache.
CHUNK = 256
# Rows of scratch memory: x, small, large, tail, value; two are for losses that implement
# `elements_of_chunk`.
WORK_ROWS = 7


@elementwise
def _cross_entropy_of_chunk(
    x, t, positive_weight, negative_weight, factor, ignore, value, grad, hess, small, large, tail
):
    # Selections between results instead of branches, and every load before them: so the loop
    # becomes vector code.
    zero, one = x.dtype.type(0), x.dtype.type(1)
    wants_grad, wants_hess = grad.size > 0, hess.size > 0
    for k in range(x.size):
        magnitude, target, near, far, log_part = abs(x[k]), t[k], large[k], small[k], tail[k]
        positive = x[k] > zero
        up, down = near if positive else far, far if positive else near
        a, b = target, one - target
        if positive_weight is not None:
            a, b = a * positive_weight[k], b * negative_weight[k]
        if ignore is not None:
            a, b = zero if target == ignore else a, zero if target == ignore else b
        # a coefficient of 0 contributes 0, however large the loss it stands at
        wrong, slope = b if positive else a, (b * up - a * down) * factor
        beyond = wrong * magnitude
        beyond = beyond if wrong != zero else zero
        if positive_weight is None and ignore is None:
            value[k] = log_part + beyond
            if wants_hess:
                hess[k] = near * far * factor
            if wants_grad:
                grad[k] = slope
        else:
            weight = a + b
            level = weight * log_part
            value[k] = beyond + (level if weight != zero else zero)
            if wants_hess:
                curvature = weight * (near * far) * factor
                hess[k] = curvature if weight != zero else zero
            if wants_grad:
                grad[k] = slope if weight != zero else zero


@implements(elements_of_chunk, None)
def _cross_entropy(loss, elements, ignore, sigmoids, value, grad, hess, scratch):
    _cross_entropy_of_chunk(
        elements.x,
        elements.target,
        elements.positive_weight,
        elements.negative_weight,
        elements.factor,
        ignore,
        value,
        grad,
        hess,
        sigmoids.small,
        sigmoids.large,
        sigmoids.tail,
    )


@kernel
def binary_rows(
    x, t, positive_weight, negative_weight, factor, ignore, loss, values, grad, hess, work
):
    """Write values and derivatives of a block; return the sum of values before `factor`."""
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
        scratch = work[5:]
        elements_of_chunk(loss, elements, ignore, sigmoids, value, grad[i:j], hess[i:j], scratch)
        total, error = add(total, error, sum_of(value[:n]))
        if values.size:
            for k in range(n):
                values[i + k] = value[k] * factor
    return finish(total, error)


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
