"""Products of the Hessian of softmax cross-entropy with a vector (`_kernels.hessian_product`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._core import checks, layout
from ._call import IGNORE, LAST, MEAN, OFF, RowOptions, check_outs, check_rows
from ._evaluate import evaluate_hessian_product, evaluate_rows


def cross_entropy_hess_vector(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    v: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    label_smoothing: float = OFF,
    z_loss: float = OFF,
    reduction: str = MEAN,
    axis: int = LAST,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Product of the Hessian of softmax cross-entropy with a vector, row by row.

    The Hessian with respect to all logits is one K x K block a row, none of which is stored. With
    the symbols of `cross_entropy_value_and_grad`, C = sum_j c_j and v the part of the vector that
    belongs to the row::

        H v = [(C + 2 s z lse) (p * v - p (p . v)) + 2 s z p (p . v)] / d

    Parameters
    ----------
    logits, target
        As in `cross_entropy_value_and_grad`.
    v : array_like shaped like `logits`
        The vector, a number for each logit; rounded to the dtype that the logits are computed in.
    weight, sample_weight, ignore_index, label_smoothing, z_loss, axis
        As in `cross_entropy_value_and_grad`.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides by d; "none" is "sum".
    out : ndarray of the logits' shape and dtype, optional
        Where the product is written. It may be `logits` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    ndarray
        In the logits' shape, dtype (integers: float64) and memory order; `out` itself if it was
        given. For a row that is ignored, and everywhere for the mean of no rows, it is exactly 0.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy_value_and_grad`, and if `v` is not an array of numbers of the logits'
        shape. Nothing is written then.

    See Also
    --------
    cross_entropy_grad_and_hess : The diagonal.

    Notes
    -----
    It is what Newton-CG, Hessian-free training and the curvature of a network's last layer need.
    Where the blocks themselves are wanted, and K is small, they are the products with the unit
    vectors, (n, K, K)::

        np.stack([cross_entropy_hess_vector(x, y, np.broadcast_to(e, x.shape), reduction="sum")
                  for e in np.eye(x.shape[-1])], axis=-1)

    A constant that is added to v changes nothing but the part of z-loss, and is left out before
    anything is summed, so that confident rows keep their digits.

    Examples
    --------
    >>> import fastce
    >>> fastce.cross_entropy_hess_vector([[0.0, 0.0], [5.0, 5.0]], [0, 1], [[1, 0], [1, 1]])
    array([[ 0.125, -0.125],
           [ 0.   ,  0.   ]])
    """
    options = RowOptions(
        weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis
    )
    call = check_rows(logits, target, options, evaluate_rows, outs=(out,))
    x = call.layout
    vector = checks.as_targets(v, x.source.shape, "v")
    check_outs((out,), x, {"logits": logits, "v": v})
    data = layout.loaded(*layout.like_input(vector, x))
    result = layout.result_like(x, out)
    product = result.data if result.view is None else np.empty_like(data)
    evaluate_hessian_product(call, data, product)
    if result.view is not None:
        layout.store(product, result)
    return layout.finish_result(result, x)
