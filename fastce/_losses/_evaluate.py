"""Evaluation of a checked call by kernels, on one thread or on several; this loads Numba."""

import math
from typing import Any

import numpy as np

from .._core import layout, threads
from .._core.layout import Result
from .._kernels import (
    general_rows,
    hessian_product,
    probabilities,
    sigmoid,
    soft_targets,
    softmax,
    softmax_general,
)
from .._kernels.intrinsics import MAX_SOFT_CLASSES
from .._kernels.sums import blocks
from .._native import tiles, usual
from ._call import Call

# Kernels of rows take this for values, class weights and smoothing that are absent.
_NONE = np.empty(0)
# What kernels take for derivatives that are absent, of each dtype.
_NO_ROWS = {kind: np.empty((0, 0), kind) for kind in map(np.dtype, (np.float32, np.float64))}
_NO_ELEMENTS = {kind: empty.reshape(0) for kind, empty in _NO_ROWS.items()}
# Where rows lie that kernels take as they are: a table of other memory without rows.
_NO_TILES = np.empty((0, tiles.MEMORY_WORDS), np.int64)


def _memory(call: Call, grad: Result | None, hess: Result | None) -> np.ndarray:
    """Return the table of `fastce._kernels.row_tiles`."""
    inputs = call.layout.view, call.target.view
    outputs = None if grad is None else grad.view, None if hess is None else hess.view
    if all(view is None for view in (*inputs, *outputs)):
        return _NO_TILES
    return tiles.describe(inputs, outputs)


def evaluate_rows(call: Call, values: Any, grad: Result | None, hess: Result | None) -> float:
    """Evaluate cross-entropy, or the loss that is a function of it."""
    logits, target, form, loss = call.layout.data, call.target, call.form, call.loss
    n, n_classes = call.layout.n, logits.shape[1]
    rows, n_blocks, step = blocks(n, n_classes)
    sums = np.empty(n_blocks)
    absent = _NO_ROWS[logits.dtype]
    results = (
        _NONE if values is None else values,
        absent if grad is None else grad.data,
        absent if hess is None else hess.data,
        _memory(call, grad, hess),
    )
    is_soft = target.data.ndim == 2 and n_classes <= MAX_SOFT_CLASSES and hess is None
    class_weight = _NONE if form.scaled_class_weight is None else form.scaled_class_weight
    smoothing = _NONE if form.smoothing is None else form.smoothing
    if form.smoothing is None and not form.z_loss and target.data.ndim == 1:
        n_work = 0 if loss is None else softmax.work_rows(loss, n_classes, step)
        work = np.empty((n_blocks, n_work, step), logits.dtype)
        threads.run(
            softmax.index,
            n * n_classes,
            n_blocks,
            logits,
            target.data,
            form.target_weight,
            form.factor,
            loss,
            *results,
            rows,
            sums,
            work,
        )
    elif is_soft and not form.z_loss:
        threads.run(
            probabilities.probabilities,
            n * n_classes,
            n_blocks,
            logits,
            target.data,
            form.target_weight,
            form.factor,
            class_weight,
            smoothing,
            *results[:2],
            results[3],
            n,
            rows,
            sums,
        )
    else:
        threads.run(
            general_rows.general,
            n * n_classes,
            n_blocks,
            logits,
            target.data,
            form.target_weight,
            form.sample_weight,
            class_weight,
            smoothing,
            form.z_loss,
            form.factor,
            *results,
            n,
            rows,
            sums,
            np.empty((n_blocks, softmax_general.WORK_ROWS, step), logits.dtype),
        )
    return usual.sum_of(sums)


def evaluate_hessian_product(call: Call, v: np.ndarray, out: np.ndarray) -> None:
    """Write the product of each row's Hessian of cross-entropy and its v to `out`, both (n, K)."""
    logits, form = layout.loaded(call.layout.data, call.layout.view), call.form
    n, n_classes = logits.shape
    rows, n_blocks, step = blocks(n, n_classes)
    threads.run(
        hessian_product.hessian_product,
        logits.size,
        n_blocks,
        logits,
        layout.loaded(*call.target),
        form.target_weight,
        form.sample_weight,
        _NONE if form.scaled_class_weight is None else form.scaled_class_weight,
        _NONE if form.smoothing is None else form.smoothing,
        form.z_loss,
        form.factor,
        v,
        out,
        rows,
        np.empty((n_blocks, hessian_product.WORK_ROWS, step), logits.dtype),
    )


def evaluate_soft_targets(
    call: Call, values: Any, grad: Result | None, hess: Result | None
) -> float:
    """Evaluate a loss that brings its own function of rows."""
    logits, form = call.layout.data, call.form
    n, n_classes = call.layout.n, logits.shape[1]
    rows, n_blocks, step = blocks(n, n_classes)
    sums = np.empty(n_blocks)
    absent = _NO_ROWS[logits.dtype]
    threads.run(
        soft_targets.soft_target,
        n * n_classes,
        n_blocks,
        logits,
        call.target.data,
        form.sample_weight,
        form.factor,
        call.loss,
        _NONE if values is None else values,
        absent if grad is None else grad.data,
        absent if hess is None else hess.data,
        _memory(call, grad, hess),
        n,
        rows,
        sums,
        np.empty((n_blocks, soft_targets.WORK_ROWS, step), logits.dtype),
    )
    return usual.sum_of(sums)


def evaluate_elements(call: Call, values: Any, grad: Result | None, hess: Result | None) -> float:
    """Evaluate binary cross-entropy, or a loss of elements that brings its own kernel."""
    logits, form, n = call.layout.data, call.form, call.layout.n
    number, absent = logits.dtype.type, _NO_ELEMENTS[logits.dtype]
    n_blocks = -(-n // form.size)
    sums = np.empty(n_blocks)
    positive, negative, ignore = form.positive_weight, form.negative_weight, form.ignore
    # Two variants are compiled: without weights and ignored targets, and with both.
    if positive is None and ignore is not None:
        positive = negative = np.ones(form.size, number)
    if positive is not None:
        ignore = number(math.nan if ignore is None else ignore)
    threads.run(
        sigmoid.binary,
        n,
        n_blocks,
        logits,
        call.target.data,
        positive,
        negative,
        number(form.factor),
        ignore,
        call.loss,
        absent if values is None else values,
        absent if grad is None else grad.data,
        absent if hess is None else hess.data,
        _memory(call, grad, hess),
        n,
        form.size,
        sums,
        np.empty((n_blocks, sigmoid.WORK_ROWS, sigmoid.CHUNK), number),
    )
    return usual.sum_of(sums) * form.factor
