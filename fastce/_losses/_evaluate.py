"""Evaluation of a checked call by kernels, on one thread or on several; this loads Numba."""

import math
from typing import Any

import numpy as np

from .._core import threads
from .._kernels import hessian_product, sigmoid, soft_targets, softmax, softmax_general
from .._kernels.sums import blocks
from .._native import usual
from ._call import Call

# Kernels of rows take this for values, class weights and smoothing that are absent.
_NONE = np.empty(0)
# What kernels take for derivatives that are absent, of each dtype.
_NO_ROWS = {kind: np.empty((0, 0), kind) for kind in map(np.dtype, (np.float32, np.float64))}
_NO_ELEMENTS = {kind: empty.reshape(0) for kind, empty in _NO_ROWS.items()}


def evaluate_rows(call: Call, values: Any, grad: Any, hess: Any) -> float:
    """Evaluate cross-entropy, or the loss that is a function of it."""
    logits, form, loss = call.layout.data, call.form, call.loss
    n, n_classes = logits.shape
    rows, n_blocks, step = blocks(n, n_classes)
    sums = np.empty(n_blocks)
    values = _NONE if values is None else values
    grad = _NO_ROWS[logits.dtype] if grad is None else grad
    hess = _NO_ROWS[logits.dtype] if hess is None else hess
    results = values, grad, hess, rows, sums
    if form.smoothing is None and not form.z_loss and call.target.ndim == 1:
        n_work = 0 if loss is None else softmax.work_rows(loss, n_classes, step)
        work = np.empty((n_blocks, n_work, step), logits.dtype)
        threads.run(
            softmax.index,
            logits.size,
            n_blocks,
            logits,
            call.target,
            form.target_weight,
            form.factor,
            loss,
            *results,
            work,
        )
    else:
        threads.run(
            softmax_general.general,
            logits.size,
            n_blocks,
            logits,
            call.target,
            form.target_weight,
            form.sample_weight,
            _NONE if form.scaled_class_weight is None else form.scaled_class_weight,
            _NONE if form.smoothing is None else form.smoothing,
            form.z_loss,
            form.factor,
            *results,
            np.empty((n_blocks, softmax_general.WORK_ROWS, step), logits.dtype),
        )
    return usual.sum_of(sums)


def evaluate_hessian_product(call: Call, v: np.ndarray, out: np.ndarray) -> None:
    """Write the product of each row's Hessian of cross-entropy and its v to `out`, both (n, K)."""
    logits, form = call.layout.data, call.form
    n, n_classes = logits.shape
    rows, n_blocks, step = blocks(n, n_classes)
    threads.run(
        hessian_product.hessian_product,
        logits.size,
        n_blocks,
        logits,
        call.target,
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


def evaluate_soft_targets(call: Call, values: Any, grad: Any, hess: Any) -> float:
    """Evaluate a loss that brings its own function of rows."""
    logits, form = call.layout.data, call.form
    n, n_classes = logits.shape
    rows, n_blocks, step = blocks(n, n_classes)
    sums = np.empty(n_blocks)
    threads.run(
        soft_targets.soft_target,
        logits.size,
        n_blocks,
        logits,
        call.target,
        form.sample_weight,
        form.factor,
        call.loss,
        _NONE if values is None else values,
        _NO_ROWS[logits.dtype] if grad is None else grad,
        _NO_ROWS[logits.dtype] if hess is None else hess,
        rows,
        sums,
        np.empty((n_blocks, soft_targets.WORK_ROWS, step), logits.dtype),
    )
    return usual.sum_of(sums)


def evaluate_elements(call: Call, values: Any, grad: Any, hess: Any) -> float:
    """Evaluate binary cross-entropy, or a loss of elements that brings its own kernel."""
    logits, form = call.layout.data, call.form
    number, absent = logits.dtype.type, _NO_ELEMENTS[logits.dtype]
    n_blocks = -(-logits.size // form.size)
    sums = np.empty(n_blocks)
    positive, negative, ignore = form.positive_weight, form.negative_weight, form.ignore
    # Two variants are compiled: without weights and ignored targets, and with both.
    if positive is None and ignore is not None:
        positive = negative = np.ones(form.size, number)
    if positive is not None:
        ignore = number(math.nan if ignore is None else ignore)
    threads.run(
        sigmoid.binary,
        logits.size,
        n_blocks,
        logits,
        call.target,
        positive,
        negative,
        number(form.factor),
        ignore,
        call.loss,
        absent if values is None else values,
        absent if grad is None else grad,
        absent if hess is None else hess,
        form.size,
        sums,
        np.empty((n_blocks, sigmoid.WORK_ROWS, sigmoid.CHUNK), number),
    )
    return usual.sum_of(sums) * form.factor
