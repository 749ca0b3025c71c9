"""Value and gradient of blocks of rows, as fits of several classes want them.

Class indices without smoothing are the work of `softmax`, the rest of `softmax_general`.
"""

from numba import types
from numba.extending import overload

from .general_rows import general_rows
from .softmax import index_rows


def rows_value_and_grad(
    logits, target, target_weight, sample_weight, scaled_class_weight, smoothing, values, grad, work
):
    """Write value and gradient of rows; return the sum of the values.

    Smoothing is None of class indices without it, whose kernel is another one.
    """
    raise NotImplementedError


@overload(rows_value_and_grad)
def _choose_rows(
    logits, target, target_weight, sample_weight, scaled_class_weight, smoothing, values, grad, work
):
    # Chosen by type: Numba would compile both sides of an `if`, and one of them cannot have
    # probabilities as targets.
    if isinstance(smoothing, types.NoneType):

        def choose(
            logits,
            target,
            target_weight,
            sample_weight,
            scaled_class_weight,
            smoothing,
            values,
            grad,
            work,
        ):
            n = logits.shape[0]
            return index_rows(
                0, n, logits, target, target_weight, 1.0, None, values, grad, grad[:0], work
            )
    else:

        def choose(
            logits,
            target,
            target_weight,
            sample_weight,
            scaled_class_weight,
            smoothing,
            values,
            grad,
            work,
        ):
            return general_rows(
                0,
                logits.shape[0],
                logits,
                target,
                target_weight,
                sample_weight,
                scaled_class_weight,
                smoothing,
                0.0,
                1.0,
                values,
                grad,
                grad[:0],
                work,
            )

    return choose
