"""Softmax cross-entropy: public forms.

With the coefficients c of a row (see `fastce._kernels.softmax_general`) and C = sum_k c_k::

    value = sum_k c_k (lse - x_k)      grad_k = C p_k - c_k      hess_k = C p_k (1 - p_k)

and what z-loss adds to them. The arithmetic is in two kernels, which fits of several classes use as
well: `_evaluate.evaluate_rows` takes `fastce._kernels.softmax.index` for class indices without
label smoothing and z-loss, and `fastce._kernels.general_rows.general` for the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._core.checks import as_pair
from .._native import usual
from . import _forms
from ._call import IGNORE, LAST, MEAN, OFF, RowOptions, check_rows
from ._evaluate import evaluate_rows


def cross_entropy(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    label_smoothing: float = OFF,
    z_loss: float = OFF,
    reduction: str = MEAN,
    axis: int = LAST,
) -> Any:
    r"""Softmax cross-entropy of logits and class indices or class probabilities.

    The classes are along the last axis unless `axis` says otherwise: torch's layout (N, K, d1, ...)
    needs ``axis=1``, and where its K and last length are equal nothing else can tell.

    For a row of logits x of K classes, class index y, class weights w, sample weight s, label
    smoothing e and z-loss z::

        loss = s * [ (1 - e) w_y (lse(x) - x_y) + e / K * sum_k w_k (lse(x) - x_k) + z lse(x)^2 ]

    with lse(x) = log(sum_k exp(x_k)), and for probabilities q::

        loss = s * [ sum_k w_k ((1 - e) q_k + e / K) (lse(x) - x_k) + z lse(x)^2 ]

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Unnormalised log-probabilities, the classes along `axis`. float16 is computed in float32,
        integers in float64.
    target : array_like
        Integers shaped like `logits` without `axis`: class indices from 0 to K - 1 (whole numbers
        of a float dtype, too, as boosting libraries hold them). Or floats shaped like `logits`:
        probabilities q, finite and not negative, which need not sum to 1.
    weight : array_like of shape (K,), optional
        A weight for each class.
    sample_weight : array_like shaped like `logits` without `axis`, optional
        A weight for each row.
    ignore_index : int, default -100
        Rows with this class index are skipped: no loss, zero gradient, not counted in the mean. Not
        for probabilities.
    label_smoothing : float from 0 to 1, default 0.0
        The part of each target that all classes share evenly. A class whose logit is -inf
        is masked out: the part is spread over the other classes alone (torch returns inf).
    z_loss : float, default 0.0
        Coefficient of the squared log-normaliser, which keeps logits from drifting; 1e-4 is usual
        for large models [2]_.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the sum of w_y s over the rows that are not ignored (class
        indices), or by the sum of s, which is the number of rows when `sample_weight` is None
        (probabilities).
    axis : int, default -1
        The axis of the classes; 1 for torch's layout (N, K, d1, ...).

    Returns
    -------
    float or ndarray
        The loss in nats, summed in float64; with reduction "none" an array of the rows' shape and
        the logits' dtype. The mean of no rows is NaN.

    Raises
    ------
    TypeError
        If an array or option is of the wrong kind, such as complex logits or labels that are not
        integers.
    ValueError
        If a shape does not fit, a label is out of range (the message names row and value), a weight
        is negative or not finite, or an option is out of its range.

    See Also
    --------
    cross_entropy_value_and_grad : The same and its gradient, in one pass.
    cross_entropy_grad_and_hess : Gradient and Hessian diagonal.
    nll_loss : The same for log-probabilities.

    Notes
    -----
    The names and meanings are those of ``torch.nn.functional.cross_entropy``; `sample_weight` and
    `axis` are added. A row is computed as (max x - x_y) + log1p(rest), where rest leaves the
    largest term out of the sum of exponentials, so that confident rows keep their digits [1]_. Rows
    that are ignored or of weight zero are not read, whatever they hold; a NaN in another row
    makes that row NaN; 0 times infinity is 0. A row whose largest logit is +inf, or whose logits
    are all -inf, is NaN.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41 (2021).
    .. [2] A. Chowdhery et al., "PaLM: Scaling Language Modeling with Pathways", JMLR 24 (2023),
       section 5.

    Examples
    --------
    >>> import fastce
    >>> fastce.cross_entropy([[0.0, 1.0, 2.0, 3.0]], [3])
    0.44018969856119533
    >>> fastce.cross_entropy([[1.3, 2.0], [1.3, 2.0]], [1, 0], weight=[1.3, 2.0], reduction="none")
    array([0.8063721 , 1.43414186])
    """
    result = usual.cross_entropy(
        logits,
        target,
        weight,
        sample_weight,
        ignore_index,
        label_smoothing,
        z_loss,
        reduction,
        axis,
        None,
        False,
    )
    if result is not None:
        return result
    options = RowOptions(
        weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis
    )
    return _forms.value(check_rows(logits, target, options, evaluate_rows))


def cross_entropy_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    label_smoothing: float = OFF,
    z_loss: float = OFF,
    reduction: str = MEAN,
    axis: int = LAST,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Softmax cross-entropy and its gradient with respect to the logits, in one pass over memory.

    With the loss of `cross_entropy`, p = softmax(x), the coefficients c_k = s ((1 - e) w_y [k = y]
    + e w_k / K) of class indices or c_k = s w_k ((1 - e) q_k + e / K) of probabilities, and d the
    divisor of the mean (1 for the sum)::

        grad_k = (p_k (sum_j c_j + 2 s z lse) - c_k) / d

    Parameters
    ----------
    logits, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, axis
        As in `cross_entropy`.
    reduction : {"mean", "sum", "none"}, default "mean"
        As in `cross_entropy`; with "none" the gradient is that of the sum: row i holds the gradient
        of value i.
    out : ndarray of the logits' shape and dtype, optional
        Where the gradient is written. It may be `logits` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    value : float or ndarray
        As `cross_entropy` returns it.
    grad : ndarray
        The gradient, in the logits' shape and dtype (integers: float64); `out` itself if it was
        given. For a row that is ignored, and everywhere for the mean of no rows, it is exactly 0.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`, and if `out` does not fit or overlaps an input. Nothing is written then.

    Examples
    --------
    >>> import fastce
    >>> value, grad = fastce.cross_entropy_value_and_grad([[0.0, 1.0, 2.0, 3.0]], [3])
    >>> value, grad.round(4)
    (0.44018969856119533, array([[ 0.0321,  0.0871,  0.2369, -0.3561]]))
    """
    result = usual.cross_entropy(
        logits,
        target,
        weight,
        sample_weight,
        ignore_index,
        label_smoothing,
        z_loss,
        reduction,
        axis,
        out,
        True,
    )
    if result is not None:
        return result
    options = RowOptions(
        weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis
    )
    return _forms.value_and_grad(check_rows(logits, target, options, evaluate_rows, outs=(out,)))


def cross_entropy_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    label_smoothing: float = OFF,
    z_loss: float = OFF,
    reduction: str = MEAN,
    axis: int = LAST,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian diagonal of softmax cross-entropy, as boosting libraries want them.

    With the symbols of `cross_entropy_value_and_grad`::

        grad_k = (p_k (sum_j c_j + 2 s z lse) - c_k) / d
        hess_k = (p_k (1 - p_k) (sum_j c_j + 2 s z lse) + 2 s z p_k^2) / d

    Parameters
    ----------
    logits, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis
        As in `cross_entropy_value_and_grad`. Boosting wants ``reduction="sum"``.
    out : pair of ndarrays of the logits' shape and dtype, optional
        Where gradient and Hessian diagonal are written. The first may be `logits` itself.

    Returns
    -------
    grad, hess : ndarray
        In the logits' shape and dtype (integers: float64). The Hessian diagonal is exact, with no
        factor of K / (K - 1).

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy_value_and_grad`.

    Examples
    --------
    >>> import fastce
    >>> grad, hess = fastce.cross_entropy_grad_and_hess([[0.0, 0.0]], [1], reduction="sum")
    >>> grad, hess
    (array([[ 0.5, -0.5]]), array([[0.25, 0.25]]))
    """
    options = RowOptions(
        weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis
    )
    return _forms.grad_and_hess(
        check_rows(logits, target, options, evaluate_rows, outs=as_pair(out))
    )
