"""Focal loss of a softmax: a function of the cross-entropy of class indices.

With l = -log p_y, p = p_y, q = 1 - p and u = l / q (1 where q = 0)::

    f(l)   = q^gamma l
    f'(l)  = q^gamma (1 + gamma p u)
    f''(l) = gamma q^gamma (2 p + p u ((gamma - 1) p - q)) / q

f'' grows without limit where q goes to 0 and gamma < 1, but it meets p_k <= q: q f'' is finite, and
p_k / q is at most 1. So every result goes to 0 with q, for every gamma.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._core.checks import as_pair, check_number
from .._kernels.powers import powers
from .._kernels.protocol import derivatives, implements, row_value
from . import _forms
from ._call import IGNORE, LAST, MEAN, Call, RowOptions, check_rows
from ._evaluate import evaluate_rows
from .table import INDICES, loss_named

# gamma has a limit because its square must be a number of float32.
(_GAMMA,) = loss_named("focal_loss").numbers


class Focal(NamedTuple):
    """The loss's parameters."""

    gamma: float


@implements(derivatives, Focal)
def _derivatives(loss, cross_entropy, p, q, factor, first, second):
    # `factor` is the modulating factor q^gamma
    zero, one, g = p.dtype.type(0), p.dtype.type(1), p.dtype.type(loss.gamma)
    powers(q, loss.gamma, factor)
    for i in range(p.size):
        p_y, q_y, power = p[i], q[i], factor[i]
        ratio = cross_entropy[i] / q_y
        ratio = one if q_y == zero else ratio
        pull = p_y * ratio
        pull = zero if p_y == zero else pull  # an infinite loss at p = 0
        first[i] = power * (one + g * pull)
        second[i] = g * power * (p_y + p_y + pull * ((g - one) * p_y - q_y))


@implements(row_value, Focal, inline="always")
def _row_value(loss, weight, cross_entropy, factor):
    return weight * cross_entropy * factor


def _check(
    logits: Any, target: Any, gamma: Any, options: RowOptions, outs: tuple[Any, ...] = ()
) -> Call:
    loss = Focal(check_number(gamma, *_GAMMA))
    return check_rows(logits, target, options, evaluate_rows, INDICES, loss, outs)


def focal_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = 2.0,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    reduction: str = MEAN,
    axis: int = LAST,
) -> Any:
    """Focal loss of logits and class indices: cross-entropy in which easy rows count less.

    The classes are along the last axis unless `axis` says otherwise: torch's layout (N, K, d1, ...)
    needs ``axis=1``, and where its K and last length are equal nothing else can tell.

    For a row of logits with class index y, p = softmax(x)_y, class weights w and sample weight s::

        loss = s w_y (1 - p)^gamma (-log p)

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Unnormalised log-probabilities, the classes along `axis`. float16 is computed in float32,
        integers in float64.
    target : array_like of integers shaped like `logits` without `axis`
        Class indices from 0 to K - 1; whole numbers of a float dtype count as integers.
    gamma : float from 0 to 1e18, default 2.0
        How strongly rows that are classified well are played down; 0 is cross-entropy. Where it is
        no small integer, a small result has a relative error of about eps times gamma times the
        logarithm of 1 - p.
    weight : array_like of shape (K,), optional
        A weight for each class, the paper's alpha.
    sample_weight : array_like shaped like `target`, optional
        A weight for each row.
    ignore_index : int, default -100
        Rows with this class index are skipped: no loss, zero gradient, not counted in the mean.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the sum of w_y s over the rows that are not ignored, as in
        `cross_entropy`.
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
        If an array or option is of the wrong kind, such as labels that are not integers.
    ValueError
        If a shape does not fit, a label is out of range (the message names row and value), a weight
        is negative or not finite, or an option is out of its range.

    See Also
    --------
    focal_loss_value_and_grad : The same and its gradient, in one pass.
    focal_loss_grad_and_hess : Gradient and Hessian diagonal.
    sigmoid_focal_loss : The form of independent labels.

    Notes
    -----
    The paper [1]_ has the sigmoid form; this is its formula for the probability of a softmax. On
    confident rows 1 - p and log p are built from the other classes, so that they keep their digits.
    gamma from 0 to 4 in whole numbers is quickest.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal Loss for Dense Object
       Detection", ICCV (2017).

    Examples
    --------
    >>> import fastce
    >>> fastce.focal_loss([[0.0, 1.0, 2.0, 3.0]], [3])
    0.05581475711566406
    """
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _forms.value(_check(logits, target, gamma, options))


def focal_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = 2.0,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    reduction: str = MEAN,
    axis: int = LAST,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Focal loss of a softmax and its gradient with respect to the logits, in one pass over memory.

    With the symbols of `focal_loss`, p_k = softmax(x)_k and d the divisor of the mean (1 for the
    sum)::

        grad_k = s w_y [(1 - p)^gamma - gamma p (1 - p)^(gamma - 1) log p] (p_k - [k = y]) / d

    Parameters
    ----------
    logits, target, gamma, weight, sample_weight, ignore_index, axis
        As in `focal_loss`.
    reduction : {"mean", "sum", "none"}, default "mean"
        As in `focal_loss`; with "none" the gradient is that of the sum: row i holds the gradient of
        value i.
    out : ndarray of the logits' shape and dtype, optional
        Where the gradient is written. It may be `logits` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    value : float or ndarray
        As `focal_loss` returns it.
    grad : ndarray
        The gradient, in the logits' shape and dtype (integers: float64); `out` itself if it was
        given. A row whose gradient is below the smallest normal number of the dtype is 0.

    Raises
    ------
    TypeError, ValueError
        As `focal_loss`, and if `out` does not fit or overlaps an input. Nothing is written then.

    Examples
    --------
    >>> import fastce
    >>> value, grad = fastce.focal_loss_value_and_grad([[0.0, 0.0]], [1], gamma=1)
    >>> value, grad
    (0.34657359027997264, array([[ 0.4232868, -0.4232868]]))
    """
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _forms.value_and_grad(_check(logits, target, gamma, options, (out,)))


def focal_loss_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = 2.0,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    reduction: str = MEAN,
    axis: int = LAST,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian diagonal of focal loss, as boosting libraries want them.

    With the symbols of `focal_loss_value_and_grad`, a = (1 - p)^gamma - gamma p (1 - p)^(gamma - 1)
    log p and its derivative a' in p::

        grad_k = s w_y a (p_k - [k = y]) / d
        hess_k = s w_y [a p_k (1 - p_k) - p a' (p_k - [k = y])^2] / d

    Parameters
    ----------
    logits, target, gamma, weight, sample_weight, ignore_index, reduction, axis
        As in `focal_loss_value_and_grad`. Boosting wants ``reduction="sum"``.
    out : pair of ndarrays of the logits' shape and dtype, optional
        Where gradient and Hessian diagonal are written. The first may be `logits` itself.

    Returns
    -------
    grad, hess : ndarray
        In the logits' shape and dtype (integers: float64). The diagonal is exact, so it is negative
        where the loss is not convex: at rows that are classified badly. It goes to 0 with 1 - p for
        every gamma.

    Raises
    ------
    TypeError, ValueError
        As `focal_loss_value_and_grad`.

    Examples
    --------
    >>> import fastce
    >>> grad, hess = fastce.focal_loss_grad_and_hess([[0.0, 0.0]], [1], gamma=1, reduction="sum")
    >>> grad, hess
    (array([[ 0.4232868, -0.4232868]]), array([[0.375, 0.375]]))
    """
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _forms.grad_and_hess(_check(logits, target, gamma, options, as_pair(out)))
