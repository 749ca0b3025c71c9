"""Driver of softmax cross-entropy for what `softmax` leaves: one C++ function, or Numba.

Smoothing and probabilities as targets are one C++ function; what has a z-loss or a Hessian diagonal
is the work of `softmax_general`, whose normal form and arguments these are. The driver reads rows
where they lie (see `row_tiles`).
"""

from .._core.jit import driver, kernel
from .intrinsics import MAX_SOFT_CLASSES, cross_entropy_general_rows, probability_rows
from .row_tiles import (
    GRAD,
    HESS,
    LOGITS,
    gradient_written,
    rows_read,
    rows_written,
    target_read,
    weights_read,
    write_back,
)
from .softmax_general import rows_of_any


@kernel
def general_rows(
    first,
    last,
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
    hess,
    work,
):
    # as rows_of_any; what most calls want is one C++ function. Of probabilities, target_weight and
    # sample_weight are the same.
    if z == 0.0 and hess.shape[0] == 0 and (target.ndim == 2 or smoothing.size):
        x, values, grad = logits[first:last], values[first:last], grad[first:last]
        target = target[first:last]
        if target_weight.size > 1:
            target_weight = target_weight[first:last]
        if sample_weight.size > 1:
            sample_weight = sample_weight[first:last]
        if target.ndim == 2:  # Numba compiles this for probabilities only
            if x.shape[1] <= MAX_SOFT_CLASSES:
                return probability_rows(
                    x, target, target_weight, factor, scaled_class_weight, smoothing, values, grad
                )
        return cross_entropy_general_rows(
            x,
            target,
            target_weight,
            sample_weight,
            factor,
            scaled_class_weight,
            smoothing,
            values,
            grad,
        )
    return rows_of_any(
        first,
        last,
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
        hess,
        work,
    )


@driver
def general(
    b,
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
    hess,
    memory,
    n,
    rows,
    sums,
    work,
):
    first, last = b * rows, min((b + 1) * rows, n)
    start, stop = first, last
    if memory.shape[0]:
        logits = rows_read(logits, memory, LOGITS, first, last)
        target = target_read(target, memory, first, last)
        grad = gradient_written(logits, grad, memory, first, last)
        hess = rows_written(hess, memory, HESS, first, last)
        values = values[first:last]
        target_weight = weights_read(target_weight, first, last)
        sample_weight = weights_read(sample_weight, first, last)
        start, stop = 0, last - first
    sums[b] = general_rows(
        start,
        stop,
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
        hess,
        work[b],
    )
    write_back(grad, memory, GRAD, first, last)
    write_back(hess, memory, HESS, first, last)
