"""Kernel of softmax cross-entropy of probabilities with few classes, which is one C++ function.

What has more classes, a z-loss or a Hessian diagonal is the work of `softmax_general`, whose normal
form and arguments these are. Of probabilities, the weight of the target is that of the row.
"""

from .._core.jit import driver
from .intrinsics import probability_rows


@driver
def probabilities(
    b, logits, target, weight, factor, class_weight, smoothing, values, grad, rows, sums
):
    first, last = b * rows, min((b + 1) * rows, logits.shape[0])
    sums[b] = probability_rows(
        logits[first:last],
        target[first:last],
        weight[first:last] if weight.size > 1 else weight,
        factor,
        class_weight,
        smoothing,
        values[first:last],
        grad[first:last],
    )
