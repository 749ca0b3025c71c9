"""binary_cross_entropy_with_logits and its value and gradient in compiled code."""

import numpy as np
from numba import types

from .._core.jit import kernel
from .._kernels.sigmoid import CHUNK, WORK_ROWS, binary_rows
from .._kernels.sums import pairwise_sum, rows_or_none
from . import arguments
from .arguments import constant, converted, double_matrix, matrix, result_like
from .cached import of_these_sources
from .element_form import block_size, count_ignored, element_form


@kernel
def _blocks(x, target, positive, negative, factor, ignore, values, grad, size):
    n, number = x.size, x.dtype.type
    sums, work = np.empty(-(-n // size)), np.empty((WORK_ROWS, CHUNK), x.dtype)
    for b in range(sums.size):
        i, j = b * size, (b + 1) * size
        sums[b] = binary_rows(
            x[i:j],
            target[i:j],
            rows_or_none(positive, i, j),
            rows_or_none(negative, i, j),
            number(factor),
            ignore,
            None,
            values[i:j],
            grad[i:j],
            grad[:0],
            work,
        )
    return pairwise_sum(sums)


@kernel
def _target(logits, target):
    if target.shape != logits.shape:
        raise ValueError("target must have the shape of the logits")
    return converted(target, logits).reshape(-1)


@kernel
def _factor(n, mean):
    if not mean:
        return 1.0
    return 1.0 / n if n else 0.0


@kernel
def _finish(total, factor):
    return total * factor if factor != 0.0 else np.nan


@kernel
def _plain(logits, target, weight, pos_weight, ignore_index, mean, values, grad):
    x, t = matrix(logits).reshape(-1), _target(logits, target)
    count_ignored(t, False, 0)
    factor, size = _factor(x.size, mean), block_size(x.size, 1, 1, False)
    total = _blocks(x, t, None, None, factor, None, values, grad, size)
    return _finish(total, factor)


@kernel
def _weighted(logits, target, weight, pos_weight, ignore_index, mean, values, grad):
    rows, t = matrix(logits), _target(logits, target)
    x, number = rows.reshape(-1), logits.dtype.type
    ignoring = ignore_index is not None
    ignore = number(np.nan if ignore_index is None else ignore_index)
    factor = _factor(x.size - count_ignored(t, ignoring, ignore), mean)
    low, high = double_matrix(weight), double_matrix(pos_weight)
    positive, negative, size = element_form(rows, low, high)
    if not (low.shape[0] or high.shape[0]):
        size = block_size(x.size, 1, 1, False)
    total = _blocks(x, t, positive, negative, factor, ignore, values, grad, size)
    return _finish(total, factor)


def _build(logits, target, options, out):
    weight, pos_weight, ignore_index, reduction = options
    arguments.check_array(logits, "logits")
    arguments.check_out(out, logits)
    kinds = types.Float | types.Integer | types.Boolean
    if not (
        isinstance(target, types.Array)
        and isinstance(target.dtype, kinds)
        and target.ndim == logits.ndim
    ):
        raise arguments.TypingError(
            f"target must be a {logits.ndim}-D array of numbers or booleans, shaped like the "
            f"logits, in compiled code; got {target}. np.asarray makes an array of a list."
        )
    ndims = (0, 1) if logits.ndim == 1 else (0, 1, 2)
    arguments.check_weights(weight, "weight", ndims)
    arguments.check_weights(pos_weight, "pos_weight", ndims)
    arguments.check_integer(ignore_index, "ignore_index", optional=True)
    plain = all(constant(option) is None for option in (weight, pos_weight, ignore_index))
    return _plain if plain else _weighted, arguments.check_reduction(reduction)


def binary_cross_entropy_with_logits(
    logits, target, weight=None, pos_weight=None, ignore_index=None, reduction="mean"
):
    """Build `fastce.binary_cross_entropy_with_logits`."""
    options = weight, pos_weight, ignore_index, reduction
    compute, reduction = _build(logits, target, options, None)
    if reduction == "none":

        def implementation(
            logits, target, weight=None, pos_weight=None, ignore_index=None, reduction="mean"
        ):
            of_these_sources()
            values = np.empty(logits.shape, logits.dtype)
            flat = values.reshape(-1)
            compute(logits, target, weight, pos_weight, ignore_index, False, flat, flat[:0])
            return values
    else:
        mean = reduction == "mean"

        def implementation(
            logits, target, weight=None, pos_weight=None, ignore_index=None, reduction="mean"
        ):
            of_these_sources()
            none = np.empty(0, logits.dtype)
            return compute(logits, target, weight, pos_weight, ignore_index, mean, none, none)

    return implementation


def binary_cross_entropy_with_logits_value_and_grad(
    logits, target, weight=None, pos_weight=None, ignore_index=None, reduction="mean", out=None
):
    """Build `fastce.binary_cross_entropy_with_logits_value_and_grad`."""
    options = weight, pos_weight, ignore_index, reduction
    compute, reduction = _build(logits, target, options, out)
    if reduction == "none":

        def implementation(
            logits,
            target,
            weight=None,
            pos_weight=None,
            ignore_index=None,
            reduction="mean",
            out=None,
        ):
            of_these_sources()
            grad, values = result_like(out, logits), np.empty(logits.shape, logits.dtype)
            flat = grad.reshape(-1)
            some = values.reshape(-1)
            compute(logits, target, weight, pos_weight, ignore_index, False, some, flat)
            return values, grad
    else:
        mean = reduction == "mean"

        def implementation(
            logits,
            target,
            weight=None,
            pos_weight=None,
            ignore_index=None,
            reduction="mean",
            out=None,
        ):
            of_these_sources()
            grad, none = result_like(out, logits), np.empty(0, logits.dtype)
            flat = grad.reshape(-1)
            total = compute(logits, target, weight, pos_weight, ignore_index, mean, none, flat)
            return total, grad

    return implementation
