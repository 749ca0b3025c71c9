"""Binary cross-entropy of logits: public forms; the formulas are in `fastce._kernels.sigmoid`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._core.checks import as_pair
from .._native import usual_elements
from . import _forms
from ._call import MEAN, ElementOptions, check_elements
from ._evaluate import evaluate_elements


def binary_cross_entropy_with_logits(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = MEAN,
) -> Any:
    """Binary (sigmoid) cross-entropy of logits and targets from 0 to 1, element by element.

    For an element x with target t, weight w and weight of positives v::

        loss = w (v t softplus(-x) + (1 - t) softplus(x)),      softplus(x) = log(1 + exp(x))

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers
        Log-odds, of any shape. float16 is computed in float32, integers in float64.
    target : array_like of the logits' shape
        From 0 to 1: labels, as floats, integers or booleans, or probabilities. Converted to the
        logits' dtype.
    weight : array_like that broadcasts to the logits' shape, optional
        A weight for each element.
    pos_weight : array_like that broadcasts to the logits' shape, optional
        A weight for the positive part, usually one for each column: above 1 it raises recall, below
        1 precision.
    ignore_index : int, optional
        Elements with this target are skipped: no loss, zero gradient, not counted in the mean. It
        may be outside [0, 1].
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the number of elements that are not ignored, whatever the weights.

    Returns
    -------
    float or ndarray
        The loss in nats, summed in float64; with reduction "none" an array of the logits' shape and
        dtype. The mean of no elements is NaN.

    Raises
    ------
    TypeError
        If an array or option is of the wrong kind, such as complex logits.
    ValueError
        If `target` has another shape or an entry outside [0, 1] (the message names it), weights are
        negative, not finite or do not broadcast, or an option is out of its range.

    See Also
    --------
    binary_cross_entropy_with_logits_value_and_grad : The same and its gradient, in one pass.
    binary_cross_entropy_with_logits_grad_and_hess : Gradient and Hessian diagonal.
    binary_cross_entropy : The same for probabilities.

    Notes
    -----
    Names and meanings are those of ``torch.nn.functional.binary_cross_entropy_with_logits``;
    `ignore_index` is added, and targets outside [0, 1] are refused. With ``softplus(-|x|)
    = log1p(exp(-|x|))`` nothing cancels, so both tails keep all their digits [1]_. The loss of
    infinite logits is 0 or infinite, never NaN; 0 times infinity is 0.

    References
    ----------
    .. [1] M. Maechler, "Accurately computing ``log(1 - exp(-|a|))``", vignette of the R package
       Rmpfr (2012).

    Examples
    --------
    >>> import fastce
    >>> fastce.binary_cross_entropy_with_logits([-15.0, 0.0, 2.0], [0, 1, 1])
    0.27335849916839716
    >>> fastce.binary_cross_entropy_with_logits(
    ...     [-15.0, 2.0], [0.0, -1.0], ignore_index=-1, reduction="none"
    ... )
    array([3.05902274e-07, 0.00000000e+00])
    """
    result = usual_elements.binary_cross_entropy(
        logits, target, weight, pos_weight, ignore_index, reduction, None, False
    )
    if result is not None:
        return result
    options = ElementOptions(weight, pos_weight, ignore_index, reduction)
    return _forms.value(check_elements(logits, target, options, evaluate_elements))


def binary_cross_entropy_with_logits_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = MEAN,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Binary cross-entropy of logits and its gradient with respect to them, in one pass.

    With the symbols of `binary_cross_entropy_with_logits` and d the divisor of the mean (1 for the
    sum)::

        grad = w ((1 - t) sigmoid(x) - v t sigmoid(-x)) / d

    Parameters
    ----------
    logits, target, weight, pos_weight, ignore_index
        As in `binary_cross_entropy_with_logits`.
    reduction : {"mean", "sum", "none"}, default "mean"
        As there; with "none" the gradient is that of the sum: each element holds the derivative of
        its own value.
    out : ndarray of the logits' shape and dtype, optional
        Where the gradient is written. It may be `logits` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    value : float or ndarray
        As `binary_cross_entropy_with_logits` returns it.
    grad : ndarray
        The gradient, in the logits' shape and dtype (integers: float64); `out` itself if it was
        given.

    Raises
    ------
    TypeError, ValueError
        As `binary_cross_entropy_with_logits`, and if `out` does not fit or overlaps an input.
        Nothing is written then.

    Examples
    --------
    >>> import fastce
    >>> fastce.binary_cross_entropy_with_logits_value_and_grad([0.0, 0.0], [0, 1])
    (0.6931471805599453, array([ 0.25, -0.25]))
    """
    result = usual_elements.binary_cross_entropy(
        logits, target, weight, pos_weight, ignore_index, reduction, out, True
    )
    if result is not None:
        return result
    options = ElementOptions(weight, pos_weight, ignore_index, reduction)
    return _forms.value_and_grad(
        check_elements(logits, target, options, evaluate_elements, outs=(out,))
    )


def binary_cross_entropy_with_logits_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = MEAN,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian diagonal of binary cross-entropy, as boosting libraries want them.

    With the symbols of `binary_cross_entropy_with_logits_value_and_grad`::

        grad = w ((1 - t) sigmoid(x) - v t sigmoid(-x)) / d
        hess = w ((1 - t) + v t) sigmoid(x) sigmoid(-x) / d

    Parameters
    ----------
    logits, target, weight, pos_weight, ignore_index, reduction
        As in `binary_cross_entropy_with_logits_value_and_grad`. Boosting wants ``reduction="sum"``.
    out : pair of ndarrays of the logits' shape and dtype, optional
        Where gradient and Hessian diagonal are written. The first may be `logits` itself.

    Returns
    -------
    grad, hess : ndarray
        In the logits' shape and dtype (integers: float64). Different elements do not interact: the
        diagonal is the whole Hessian.

    Raises
    ------
    TypeError, ValueError
        As `binary_cross_entropy_with_logits_value_and_grad`.

    Examples
    --------
    >>> import fastce
    >>> fastce.binary_cross_entropy_with_logits_grad_and_hess([0.0, 0.0], [0, 1], reduction="sum")
    (array([ 0.5, -0.5]), array([0.25, 0.25]))
    """
    options = ElementOptions(weight, pos_weight, ignore_index, reduction)
    return _forms.grad_and_hess(
        check_elements(logits, target, options, evaluate_elements, outs=as_pair(out))
    )
