"""Kernel of softmax losses of class indices: cross-entropy without smoothing, and functions of it.

Rows i, classes k, logits x, p = softmax(x), target class y, cross-entropy l = log-sum-exp - x_y::

    value_i = target_weight_i l_i        grad_ik = target_weight_i (p_ik - [k = y_i])
    hess_ik = target_weight_i p_ik (1 - p_ik)

`sums` says how a row keeps its digits. At most one entry has p > 1/2, the largest, so only there
1 - p is built from the others. Smoothing, z-loss and probabilities as targets are the work of
`softmax_general`.

`loss` is None for cross-entropy, which is one C++ function (`intrinsics.cross_entropy_rows`), or
the parameters of a loss that is a function of it, which implements `derivatives` and `row_value`
(see `protocol`).

Arguments: logits (n, K); target (n,) class indices; target_weight (n,), or (1,) where all rows
weigh the same; factor, which multiplies all weights: 1 / divisor of the mean; values (n,), grad and
hess (n, K), of which grad may be logits itself. What is not wanted has no rows: as None it would be
another type, for which all of this would be compiled once more. Only where there is a gradient
there may be a Hessian diagonal. The driver writes the sum of the values of each block to sums
(blocks,); work (blocks, `work_rows`, rows of a step) is scratch memory: allocated by NumPy, it
costs no compile time. A row of weight 0 counts for nothing, whatever it holds.
"""

import numpy as np
from numba import types
from numba.extending import overload

from .._core.jit import driver, kernel
from .intrinsics import (
    BLOCK_ROWS,
    SHORT_ROW,
    cross_entropy_rows,
    exp_nonpositive,
    normalise_terms,
    softmax_statistics,
    softmax_terms,
)
from .protocol import derivatives, row_value
from .sums import add, clear, finish

# Rows of scratch memory: weight, x_y, row_max, rest, logs, and l, p_y, 1 - p_y, the loss's factor,
# first and second derivative.
_CROSS_ENTROPY, _P, _Q, _FACTOR, _FIRST, _SECOND = 5, 6, 7, 8, 9, 10
_LOSS_ROWS = 11


def work_rows(loss, n_classes, step):
    """Return how many rows of `step` numbers the scratch memory of a block has."""
    if loss is None:
        return 0
    # the last ones are for the transposed terms of `softmax_terms`
    return _LOSS_ROWS + (-(-n_classes * BLOCK_ROWS // step) if n_classes <= SHORT_ROW else 0)


# ---- losses that are functions of cross-entropy --------------------------------------------------


@kernel
def _multiply_with_derivative(loss, weight, x_y, row_max, rest, logs, work):
    # weight (n,) becomes its product with f'(l); the rows of work named above are filled
    n = weight.size
    cross_entropy, p, q = work[_CROSS_ENTROPY], work[_P], work[_Q]
    factor, first, second = work[_FACTOR], work[_FIRST], work[_SECOND]
    zero, one = weight.dtype.type(0), weight.dtype.type(1)
    tiny = np.finfo(weight.dtype).tiny
    for i in range(n):
        p[i] = x_y[i] - row_max[i]
    exp_nonpositive(p[:n], p[:n])
    for i in range(n):
        e, total, others = p[i], one + rest[i], rest[i]
        below = others + (one - e)
        others = others if x_y[i] == row_max[i] else below
        p[i], q[i] = e / total, others / total
        cross_entropy[i] = (row_max[i] - x_y[i]) + logs[i]
    derivatives(loss, cross_entropy[:n], p[:n], q[:n], factor[:n], first[:n], second[:n])
    for i in range(n):
        target_weight = weight[i]
        product = target_weight * first[i]
        # below the normal numbers its inverse, which the Hessian takes, would not be one
        keep = (target_weight != zero) & ~(product < tiny)
        weight[i] = product if keep else zero
        second[i] *= target_weight


@kernel
def hessian_row(terms, weight, rest, hess):
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


@kernel
def _add_second_derivative(terms, weight, second, q, y, hess):
    # hess (K,) += f'' (p_k - [k = y])^2, of terms (K,) = weight p and second = q f''
    zero, one, tiny = hess.dtype.type(0), hess.dtype.type(1), np.finfo(hess.dtype).tiny
    if weight != zero:
        inverse, inverse_q = one / weight, (one / q if q >= tiny else zero)
        own = hess[y] + second * q
        for k in range(hess.size):
            p = terms[k] * inverse
            hess[k] += (second * p) * (p * inverse_q)
        hess[y] = own


# ---- blocks of rows ------------------------------------------------------------------------------


@kernel
def _softmax_of_step(loss, x, x_y, weight, terms, row_max, rest, logs, work):
    # writes row_max, rest and logs (n,) of the rows x (n, K), and weight_i f'(l_i) softmax(x_i) to
    # terms (n, K), unless that has no rows
    transposed = work[_LOSS_ROWS:]
    if terms.shape[0]:
        softmax_terms(x, weight, terms, transposed, row_max, rest, logs)
    else:
        softmax_statistics(x, row_max, rest, logs)
    _multiply_with_derivative(loss, weight, x_y, row_max, rest, logs, work)
    if terms.shape[0]:
        normalise_terms(terms, weight, rest, transposed)


@kernel
def _function_rows(
    first, last, logits, target, target_weight, factor, loss, values, grad, hess, work
):
    step = work.shape[1]
    # indexed, since unpacked they would be strided to the compiler
    weight, x_y, row_max, rest, logs = work[0], work[1], work[2], work[3], work[4]
    # `each`: rows may have weight 0. Such a row counts for nothing; its label may be out of range.
    one, several = weight.dtype.type(1), target_weight.size > 1
    each = several or weight.dtype.type(target_weight[0] * factor) == 0
    total, error = 0.0, 0.0
    for start in range(first, last, step):
        stop = min(start + step, last)
        x, y = logits[start:stop], target[start:stop]
        if each:
            for i in range(y.size):
                weight[i] = target_weight[start + i if several else 0] * factor
                x_y[i] = x[i, y[i]] if weight[i] != 0 else 0
        else:
            for i in range(y.size):
                weight[i] = target_weight[0] * factor
                x_y[i] = x[i, np.uintp(y[i])]
        g = grad[start:stop]
        _softmax_of_step(loss, x, x_y, weight[: y.size], g, row_max, rest, logs, work)
        step_total = 0.0
        if each or values.size:
            for i in range(y.size):
                value, weight_i = 0.0, target_weight[start + i if several else 0] * factor
                if weight[i] != 0:
                    cross_entropy = (
                        np.float64(row_max[i]) - np.float64(x_y[i]) + np.float64(logs[i])
                    )
                    value = row_value(loss, weight_i, cross_entropy, np.float64(work[_FACTOR, i]))
                step_total += value
                if values.size:
                    values[start + i] = value
        else:
            for i in range(y.size):
                cross_entropy = np.float64(row_max[i]) - np.float64(x_y[i]) + np.float64(logs[i])
                step_total += row_value(loss, 1.0, cross_entropy, np.float64(work[_FACTOR, i]))
            step_total *= target_weight[0] * factor
        total, error = add(total, error, step_total)
        if hess.shape[0]:
            for i in range(y.size):
                h = hess[start + i]
                hessian_row(g[i], weight[i], rest[i], h)
                _add_second_derivative(g[i], weight[i], work[_SECOND, i], work[_Q, i], y[i], h)
        if g.shape[0]:
            # g has been weight p so far, and becomes the gradient: the target's entry is p - 1
            # times the weight. Where it is the largest, that would cancel and is built from the
            # others. Gathered, chosen as vectors, scattered: which one it is cannot be predicted,
            # so a branch would be slow.
            for i in range(y.size):
                logs[i] = g[i, np.uintp(y[i] if weight[i] != 0 else 0)]
            for i in range(y.size):
                others, below = -(weight[i] / (one + rest[i])) * rest[i], logs[i] - weight[i]
                logs[i] = others if x_y[i] == row_max[i] else below
            for i in range(y.size):
                if weight[i] != 0:
                    g[i, np.uintp(y[i])] = logs[i]
    return finish(total, error)


def index_rows(first, last, logits, target, weight, factor, loss, values, grad, hess, work):
    """Write values and derivatives of rows from first to last; return the sum of the values."""
    raise NotImplementedError


@overload(index_rows)
def _choose_rows(first, last, logits, target, weight, factor, loss, values, grad, hess, work):
    if not isinstance(loss, types.NoneType):

        def function(first, last, logits, target, weight, factor, loss, values, grad, hess, work):
            return _function_rows(
                first, last, logits, target, weight, factor, loss, values, grad, hess, work
            )

        return function

    def choose(first, last, logits, target, weight, factor, loss, values, grad, hess, work):
        return cross_entropy_rows(
            logits[first:last],
            target[first:last],
            weight[first:last] if weight.size > 1 else weight,
            factor,
            values[first:last],
            grad[first:last],
            hess[first:last],
        )

    return choose


@driver
def index(b, logits, target, target_weight, factor, loss, values, grad, hess, rows, sums, work):
    first, last = b * rows, min((b + 1) * rows, target.size)
    sums[b] = index_rows(
        first, last, logits, target, target_weight, factor, loss, values, grad, hess, work[b]
    )
