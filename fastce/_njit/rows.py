"""cross_entropy and cross_entropy_value_and_grad in compiled code.

The drivers of `fastce._losses._evaluate` share blocks among threads; here one thread goes through
the same blocks and adds up the same sums. A builder's implementation has the builder's name.
"""

import numpy as np
from numba import types

from .._core.jit import kernel
from .._kernels.general_rows import general_rows
from .._kernels.softmax import index_rows
from .._kernels.softmax_general import WORK_ROWS
from .._kernels.sums import blocks, pairwise_sum
from . import arguments
from .arguments import converted, double_matrix, given, matrix, result_like, values_like
from .cached import of_these_sources
from .row_form import check_weights, index_form, probability_form

IGNORE = -100


@kernel
def _index(logits, labels, target_weight, factor, values, grad):
    n, n_classes = logits.shape
    rows, n_blocks, step = blocks(n, n_classes)
    sums, work = np.empty(n_blocks), np.empty((WORK_ROWS, min(step, max(n, 1))), logits.dtype)
    for b in range(n_blocks):
        first, last = b * rows, min((b + 1) * rows, n)
        sums[b] = index_rows(
            first, last, logits, labels, target_weight, factor, None, values, grad, grad[:0], work
        )
    return pairwise_sum(sums)


@kernel
def _general(
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
):
    n, n_classes = logits.shape
    rows, n_blocks, step = blocks(n, n_classes)
    sums, work = np.empty(n_blocks), np.empty((WORK_ROWS, min(step, max(n, 1))), logits.dtype)
    for b in range(n_blocks):
        sums[b] = general_rows(
            b * rows,
            min((b + 1) * rows, n),
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
            grad[:0],
            work,
        )
    return pairwise_sum(sums)


@kernel
def _check_rows(n, n_classes, n_targets):
    if n_classes == 0:
        raise ValueError("logits must have at least one class")
    if n_targets != n:
        raise ValueError("target must have one class index for each row of the logits")


@kernel
def _checked_weights(weight, sample_weight, label_smoothing, z_loss, n, n_classes):
    # weights of classes and rows as flat float64 arrays, of size 0 where they are absent
    classes, rows = double_matrix(weight), double_matrix(sample_weight)
    if classes.shape[0] and classes.shape[1] != n_classes:
        raise ValueError("weight must have one number for each class")
    if rows.shape[0] and rows.shape[1] != n:
        raise ValueError("sample_weight must have one number for each row")
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError("label_smoothing must be from 0 to 1")
    if not 0.0 <= z_loss < np.inf:
        raise ValueError("z_loss must be finite and not negative")
    classes, rows = classes.reshape(-1), rows.reshape(-1)
    check_weights(classes, "weight must be finite, not negative and at most 3.4e38")
    check_weights(rows, "sample_weight must be finite, not negative and at most 3.4e38")
    return classes, rows


@kernel
def _labels(target):
    labels = np.empty(target.size, np.int64)
    for i in range(target.size):
        labels[i] = target[i]
    return labels


@kernel
def _label(target):
    return np.full(1, np.int64(target))


@kernel
def _finish(total, factor):
    return total if factor != 0.0 else np.nan


@kernel
def _of_labels(logits, labels, weight, sample_weight, numbers, mean, values, grad):
    n, n_classes = logits.shape
    _check_rows(n, n_classes, labels.size)
    none = np.empty(0)
    if weight is None and sample_weight is None:  # decided when this is compiled
        classes = rows = none
    else:
        classes, rows = _checked_weights(weight, sample_weight, 0.0, 0.0, n, n_classes)
    target_weight, _, _, factor = index_form(
        labels, n_classes, classes, rows, numbers[0], 0.0, mean
    )
    total = _index(logits, labels, target_weight, factor, values, grad)
    return _finish(total, factor)


@kernel
def _of_smoothed_labels(logits, labels, weight, sample_weight, numbers, mean, values, grad):
    n, n_classes = logits.shape
    _check_rows(n, n_classes, labels.size)
    ignore_index, e, z = numbers
    classes, rows = _checked_weights(weight, sample_weight, e, z, n, n_classes)
    target_weight, row_weight, smoothing, factor = index_form(
        labels, n_classes, classes, rows, ignore_index, e, mean
    )
    if smoothing.size or z != 0.0:
        none = np.empty(0)
        total = _general(
            logits, labels, target_weight, row_weight, none, smoothing, z, factor, values, grad
        )
    else:
        total = _index(logits, labels, target_weight, factor, values, grad)
    return _finish(total, factor)


@kernel
def _of_probabilities(logits, target, weight, sample_weight, numbers, mean, values, grad):
    n, n_classes = logits.shape
    _, e, z = numbers
    _check_rows(n, n_classes, n)
    classes, rows = _checked_weights(weight, sample_weight, e, z, n, n_classes)
    row_weight, scaled, smoothing, factor = probability_form(target, classes, rows, e, mean)
    total = _general(
        logits, target, row_weight, row_weight, scaled, smoothing, z, factor, values, grad
    )
    return _finish(total, factor)


@kernel
def _flat_labels(target, logits):
    return _labels(target)


@kernel
def _single_label(target, logits):
    return _label(target)


@kernel
def _probabilities(target, logits):
    if target.shape != logits.shape:
        raise ValueError("target must have the shape of the logits where it holds probabilities")
    return converted(target, logits)


def _target_kernels(logits, target, smoothed):
    # how a target is read, and what computes
    labels = isinstance(target, types.Array) and isinstance(target.dtype, types.Integer)
    if labels and logits.ndim == 2 and target.ndim == 1:
        return _flat_labels, _of_smoothed_labels if smoothed else _of_labels
    if isinstance(target, types.Integer) and logits.ndim == 1:
        return _single_label, _of_smoothed_labels if smoothed else _of_labels
    if (
        isinstance(target, types.Array)
        and isinstance(target.dtype, types.Float)
        and target.ndim == logits.ndim
    ):
        return _probabilities, _of_probabilities
    one = "an integer" if logits.ndim == 1 else "a 1-D array of integers, one class index a row"
    raise arguments.TypingError(
        f"target must be {one}, or an array of floats (probabilities) shaped like the logits, in "
        f"compiled code; got {target}. Other arrays: target.astype(np.int64)."
    )


def _build(logits, target, options, out):
    # the reduction, the kernels, and whether rows have one value each
    weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis = options
    arguments.check_array(logits, "logits")
    arguments.check_axis(axis, logits.ndim)
    arguments.check_out(out, logits)
    arguments.check_weights(weight, "weight", (1,))
    arguments.check_weights(sample_weight, "sample_weight", (1,) if logits.ndim == 2 else (0,))
    arguments.check_integer(ignore_index, "ignore_index")
    arguments.check_number(label_smoothing, "label_smoothing")
    arguments.check_number(z_loss, "z_loss")
    smoothed = given(label_smoothing, 0.0) or given(z_loss, 0.0)
    read, compute = _target_kernels(logits, target, smoothed)
    if compute is _of_probabilities and given(ignore_index, IGNORE):
        raise arguments.TypingError(
            "ignore_index must be left alone when target holds probabilities; "
            "set sample_weight to 0 instead"
        )
    return read, compute, arguments.check_reduction(reduction)


def cross_entropy(
    logits,
    target,
    weight=None,
    sample_weight=None,
    ignore_index=IGNORE,
    label_smoothing=0.0,
    z_loss=0.0,
    reduction="mean",
    axis=-1,
):
    """Build `fastce.cross_entropy`."""
    options = weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis
    read, compute, reduction = _build(logits, target, options, None)
    if reduction == "none":

        def cross_entropy(
            logits,
            target,
            weight=None,
            sample_weight=None,
            ignore_index=IGNORE,
            label_smoothing=0.0,
            z_loss=0.0,
            reduction="mean",
            axis=-1,
        ):
            of_these_sources()
            x = matrix(logits)
            values = np.empty(x.shape[0])
            numbers = np.int64(ignore_index), np.float64(label_smoothing), np.float64(z_loss)
            compute(x, read(target, logits), weight, sample_weight, numbers, False, values, x[:0])
            return values_like(values, logits)
    else:
        mean = reduction == "mean"

        def cross_entropy(
            logits,
            target,
            weight=None,
            sample_weight=None,
            ignore_index=IGNORE,
            label_smoothing=0.0,
            z_loss=0.0,
            reduction="mean",
            axis=-1,
        ):
            of_these_sources()
            x, values = matrix(logits), np.empty(0)
            numbers = np.int64(ignore_index), np.float64(label_smoothing), np.float64(z_loss)
            return compute(
                x, read(target, logits), weight, sample_weight, numbers, mean, values, x[:0]
            )

    return cross_entropy


def cross_entropy_value_and_grad(
    logits,
    target,
    weight=None,
    sample_weight=None,
    ignore_index=IGNORE,
    label_smoothing=0.0,
    z_loss=0.0,
    reduction="mean",
    axis=-1,
    out=None,
):
    """Build `fastce.cross_entropy_value_and_grad`."""
    options = weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis
    read, compute, reduction = _build(logits, target, options, out)
    mean, unreduced = reduction == "mean", reduction == "none"

    def cross_entropy_value_and_grad(
        logits,
        target,
        weight=None,
        sample_weight=None,
        ignore_index=IGNORE,
        label_smoothing=0.0,
        z_loss=0.0,
        reduction="mean",
        axis=-1,
        out=None,
    ):
        of_these_sources()
        x, grad = matrix(logits), result_like(out, logits)
        values = np.empty(x.shape[0] if unreduced else 0)
        numbers = np.int64(ignore_index), np.float64(label_smoothing), np.float64(z_loss)
        total = compute(
            x, read(target, logits), weight, sample_weight, numbers, mean, values, matrix(grad)
        )
        return (values_like(values, logits) if unreduced else total), grad

    return cross_entropy_value_and_grad
