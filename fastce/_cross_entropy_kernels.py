"""Kernels of softmax cross-entropy.

Rows i, classes k, logits x, p = softmax(x), lse = log-sum-exp. The options have become the normal form hit_i, row_i, scale_k, spread_k
(see `_weights`), and that the coefficients c of a row, with C_i = sum_k c_ik::

    c_ik = hit_i [k = y_i] + row_i spread_k                 class indices y
    c_ik = hit_i scale_k q_ik + row_i spread_k              probabilities q

    value_i = sum_k c_ik (lse_i - x_ik)      grad_ik = C_i p_ik - c_ik      hess_ik = C_i p_ik (1 - p_ik)

How a row keeps its digits is told in `_rows`. A row is opened (its exponentials and value), then closed (its gradient); opening and
closing come in two kinds, one for each kind of target, and are chosen by the target's type when the kernel is compiled.
"""

import math

import numpy as np
from numba import prange, types
from numba.extending import overload

from ._columns import BLOCK_ROWS, FEW_CLASSES, open_block
from ._jit import driver, kernel, reduction
from ._rows import add, block_rows, clear, exp_row, finish, hess_row, largest_of, of_row, part, sum_of, total_of


@kernel
def _exp_terms(x, row_max, terms):
    # terms (K,) <- exp(x - row_max), returns rest. All work is done in `terms`, so that it may be x itself: one array has no aliases.
    if x.ctypes.data != terms.ctypes.data:
        for k in range(x.size):
            terms[k] = x[k]
    return exp_row(terms, row_max)


@reduction
def _spread_gap(spread, x, row_max):
    # sum_k spread_k (row_max - x_k); a zero spread contributes 0 whatever it meets
    total = 0.0
    for k in range(x.size):
        gap = np.float64(row_max) - np.float64(x[k])
        total += spread[k] * gap if spread[k] != 0.0 else 0.0
    return total


@kernel
def _open_index_row(x, y, hit, row, scale, spread, terms):
    row_max = largest_of(x)
    value, weight = 0.0, hit
    if hit != 0.0:
        value = hit * (np.float64(row_max) - np.float64(x[y]))
    if spread.size and row != 0.0:
        value += row * _spread_gap(spread, x, row_max)
        weight += row * sum_of(spread)
    rest = _exp_terms(x, row_max, terms)
    return value + weight * math.log1p(rest), rest, weight


@kernel
def _close_index_row(terms, y, rest, weight, hit, row, scale, spread):
    narrow = terms.dtype.type
    term = np.float64(terms[y])
    p, others = term / (1.0 + rest), (rest + (1.0 - term)) / (1.0 + rest)
    factor = narrow(weight / (1.0 + rest))
    # y's entry is built from the others, since p_y - 1 would cancel
    if spread.size:
        for k in range(terms.size):
            terms[k] = terms[k] * factor - narrow(row * spread[k])
        terms[y] = ((weight - hit) * p - row * spread[y]) - hit * others
    else:
        for k in range(terms.size):
            terms[k] *= factor
        terms[y] = -hit * others


@kernel
def _coefficient(q, hit, row, scale, spread, k):
    c = hit * np.float64(q[k])
    if scale.size:
        c *= scale[k]
    return c + row * spread[k] if spread.size else c


@reduction
def _coefficient_sums(x, q, hit, row, scale, spread, row_max):
    # sum_k c_k and sum_k c_k (row_max - x_k); a zero c contributes 0 whatever it meets
    weight, gap = 0.0, 0.0
    for k in range(x.size):
        c = _coefficient(q, hit, row, scale, spread, k)
        weight += c
        gap += c * (np.float64(row_max) - np.float64(x[k])) if c != 0.0 else 0.0
    return weight, gap


@kernel
def _open_probability_row(x, q, hit, row, scale, spread, terms):
    row_max = largest_of(x)
    weight, gap = _coefficient_sums(x, q, hit, row, scale, spread, row_max)
    rest = _exp_terms(x, row_max, terms)
    return gap + weight * math.log1p(rest), rest, weight


@kernel
def _close_probability_row(terms, q, rest, weight, hit, row, scale, spread):
    for k in range(terms.size):
        term = np.float64(terms[k])
        c = _coefficient(q, hit, row, scale, spread, k)
        p, others = term / (1.0 + rest), (rest + (1.0 - term)) / (1.0 + rest)
        # C p - c, built from 1 - p where p is large, so that a confident row does not cancel
        terms[k] = (weight - c) - weight * others if p > 0.5 else weight * p - c


def _open_row(x, target, hit, row, scale, spread, terms):
    # x (K,) -> value of the row, rest, C; terms (K,) becomes exp(x - max x)
    open_row = _open_probability_row if isinstance(target, np.ndarray) else _open_index_row
    return open_row(x, target, hit, row, scale, spread, terms)


def _close_row(terms, target, rest, weight, hit, row, scale, spread):
    # terms = exp(x - max x) becomes the gradient
    close_row = _close_probability_row if isinstance(target, np.ndarray) else _close_index_row
    close_row(terms, target, rest, weight, hit, row, scale, spread)


@overload(_open_row)
def _choose_open_row(x, target, hit, row, scale, spread, terms):
    open_row = _open_probability_row if isinstance(target, types.Array) else _open_index_row
    return lambda x, target, hit, row, scale, spread, terms: open_row(x, target, hit, row, scale, spread, terms)


@overload(_close_row)
def _choose_close_row(terms, target, rest, weight, hit, row, scale, spread):
    close_row = _close_probability_row if isinstance(target, types.Array) else _close_index_row
    return lambda terms, target, rest, weight, hit, row, scale, spread: close_row(terms, target, rest, weight, hit, row, scale, spread)


# In what follows: logits (n, K); target (n,) class indices or (n, K) probabilities; hit, row (n,) or (1,); scale, spread (K,) or (0,);
# values (n,) or (0,); grad, hess (n, K), of which grad may be logits itself.


@kernel
def _rows_value(logits, target, hit, row, scale, spread, values):
    total, error = 0.0, 0.0
    scratch = np.empty_like(logits[0])
    for i in range(logits.shape[0]):
        hit_i, row_i, value = of_row(hit, i), of_row(row, i), 0.0
        if hit_i != 0.0 or row_i != 0.0:
            value, _, _ = _open_row(logits[i], target[i], hit_i, row_i, scale, spread, scratch)
            total, error = add(total, error, value)
        if values.size:
            values[i] = value
    return finish(total, error)


@kernel
def _rows_value_and_grad(logits, target, hit, row, scale, spread, values, grad):
    # a row with hit = row = 0 is not looked at
    total, error = 0.0, 0.0
    for i in range(logits.shape[0]):
        hit_i, row_i, value = of_row(hit, i), of_row(row, i), 0.0
        if hit_i != 0.0 or row_i != 0.0:
            value, rest, weight = _open_row(logits[i], target[i], hit_i, row_i, scale, spread, grad[i])
            _close_row(grad[i], target[i], rest, weight, hit_i, row_i, scale, spread)
            total, error = add(total, error, value)
        else:
            clear(grad[i])
        if values.size:
            values[i] = value
    return finish(total, error)


@kernel
def _rows_grad_and_hess(logits, target, hit, row, scale, spread, grad, hess):
    for i in range(logits.shape[0]):
        hit_i, row_i = of_row(hit, i), of_row(row, i)
        if hit_i != 0.0 or row_i != 0.0:
            _, rest, weight = _open_row(logits[i], target[i], hit_i, row_i, scale, spread, grad[i])
            hess_row(grad[i], rest, weight, hess[i])
            _close_row(grad[i], target[i], rest, weight, hit_i, row_i, scale, spread)
        else:
            clear(grad[i])
            clear(hess[i])


@driver
def value(logits, target, hit, row, scale, spread, values):
    n, n_classes = logits.shape
    step = block_rows(n_classes)
    sums = np.zeros((n + step - 1) // step)
    for b in prange(sums.size):
        i, j = b * step, min(n, (b + 1) * step)
        sums[b] = _rows_value(logits[i:j], target[i:j], part(hit, i, j), part(row, i, j), scale, spread, part(values, i, j))
    return total_of(sums)


@driver
def value_and_grad(logits, target, hit, row, scale, spread, values, grad):
    n, n_classes = logits.shape
    step = block_rows(n_classes)
    sums = np.zeros((n + step - 1) // step)
    for b in prange(sums.size):
        i, j = b * step, min(n, (b + 1) * step)
        sums[b] = _rows_value_and_grad(
            logits[i:j], target[i:j], part(hit, i, j), part(row, i, j), scale, spread, part(values, i, j), grad[i:j]
        )
    return total_of(sums)


@driver
def grad_and_hess(logits, target, hit, row, scale, spread, grad, hess):
    n, n_classes = logits.shape
    step = block_rows(n_classes)
    for b in prange((n + step - 1) // step):
        i, j = b * step, min(n, (b + 1) * step)
        _rows_grad_and_hess(logits[i:j], target[i:j], part(hit, i, j), part(row, i, j), scale, spread, grad[i:j], hess[i:j])


# ---- class indices, few classes -----------------------------------------------------------------------------------------------------


@kernel
def _few_rows(logits, target, hit, values, grad, hess):
    # as the kernels above, for K <= FEW_CLASSES and no spread; values (n,) or (0,); grad, hess (n, K) or (0, K)
    n, n_classes = logits.shape
    scratch = np.empty((n_classes + 4, BLOCK_ROWS), logits.dtype)
    terms, row_max, rest, logs, factor = scratch[4:], scratch[0], scratch[1], scratch[2], scratch[3]
    losses, weights = np.empty(BLOCK_ROWS), np.empty(BLOCK_ROWS)
    total, error = 0.0, 0.0
    for start in range(0, n, BLOCK_ROWS):
        x, y = logits[start : start + BLOCK_ROWS], target[start : start + BLOCK_ROWS]
        open_block(x, terms, row_max, rest, logs)
        for i in range(y.size):
            weights[i], losses[i] = of_row(hit, start + i), 0.0
            if weights[i] != 0.0:
                losses[i] = weights[i] * (np.float64(row_max[i]) - np.float64(x[i, y[i]]) + np.float64(logs[i]))
        if values.size:
            for i in range(y.size):
                values[start + i] = losses[i]
        total, error = add(total, error, sum_of(losses[: y.size]))
        if grad.shape[0]:
            _few_factor(weights, rest, y.size, factor)
            if hess.shape[0]:
                _few_hess(terms, rest, factor, weights, hess[start : start + BLOCK_ROWS])
            _few_grad(terms, rest, factor, weights, y, grad[start : start + BLOCK_ROWS])
    return finish(total, error)


@kernel
def _few_factor(weights, rest, n, factor):
    narrow = factor.dtype.type
    for i in range(n):
        factor[i] = narrow(weights[i]) / (narrow(1) + rest[i])


@kernel
def _few_grad(terms, rest, factor, weights, y, grad):
    n, n_classes = grad.shape
    one = grad.dtype.type(1)
    for i in range(n):
        for k in range(n_classes):
            grad[i, k] = terms[k, i] * factor[i]
        if weights[i] != 0.0:
            grad[i, y[i]] = -factor[i] * (rest[i] + (one - terms[y[i], i]))
        else:
            clear(grad[i])


@kernel
def _few_hess(terms, rest, factor, weights, hess):
    n, n_classes = hess.shape
    one = hess.dtype.type(1)
    for i in range(n):
        scale = factor[i] / (one + rest[i])
        for k in range(n_classes):
            hess[i, k] = scale * terms[k, i] * (rest[i] + (one - terms[k, i]))
        if weights[i] == 0.0:
            clear(hess[i])


@kernel
def index_rows_value_and_grad(logits, target, hit, row, scale, spread, values, grad):
    """Write value and gradient of rows with class indices, whatever the number of classes; return the sum of the values."""
    if logits.shape[1] <= FEW_CLASSES and spread.size == 0:
        return _few_rows(logits, target, hit, values, grad, grad[:0])
    return _rows_value_and_grad(logits, target, hit, row, scale, spread, values, grad)


@driver
def few(logits, target, hit, values, grad, hess):
    n, n_classes = logits.shape
    step = block_rows(n_classes)
    sums = np.zeros((n + step - 1) // step)
    for b in prange(sums.size):
        i, j = b * step, min(n, (b + 1) * step)
        sums[b] = _few_rows(logits[i:j], target[i:j], part(hit, i, j), part(values, i, j), grad[i:j], hess[i:j])
    return total_of(sums)
