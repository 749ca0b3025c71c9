"""Kernel of softmax cross-entropy of probabilities with few classes, which is one C++ function.

What has more classes, a z-loss or a Hessian diagonal is the work of `softmax_general`, whose normal
form and arguments these are. Of probabilities, the weight of the target is that of the row.
"""

from .._core.jit import driver
from .intrinsics import probability_rows
from .row_tiles import GRAD, LOGITS, TARGET, gradient_written, rows_read, write_back


@driver
def probabilities(
    b,
    logits,
    target,
    weight,
    factor,
    class_weight,
    smoothing,
    values,
    grad,
    memory,
    n,
    rows,
    sums,
):
    first, last = b * rows, min((b + 1) * rows, n)
    x = rows_read(logits, memory, LOGITS, first, last)
    g = gradient_written(x, grad, memory, first, last)
    sums[b] = probability_rows(
        x,
        rows_read(target, memory, TARGET, first, last),
        weight[first:last] if weight.size > 1 else weight,
        factor,
        class_weight,
        smoothing,
        values[first:last],
        g,
    )
    write_back(g, memory, GRAD, first, last)
