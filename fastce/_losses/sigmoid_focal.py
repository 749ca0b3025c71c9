"""Focal loss of a sigmoid: independent labels, element by element.

An element x with target t, P = sigmoid(x), p = t P + (1 - t) (1 - P), q = 1 - p and l = t
softplus(-x) + (1 - t) softplus(x), where t may lie between 0 and 1; d = 1 - 2 t, and s = P (1 - P)
/ q, which is p for t = 0 or 1::

    value = q^gamma l      grad = q^gamma (gamma d s l + P - t)
    hess  = q^gamma (P (1 - P) + gamma (2 d s (P - t) + d (1 - 2 P) s l + (gamma - 1) d^2 s (s l)))
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._core.checks import as_pair, check_number
from .._core.jit import elementwise
from .._kernels.powers import powers
from .._kernels.protocol import elements_of_chunk, implements
from . import _forms
from ._call import MEAN, Call, ElementOptions, check_elements
from ._evaluate import evaluate_elements
from .table import loss_named

_ALPHA, _GAMMA = loss_named("sigmoid_focal_loss").numbers


class SigmoidFocal(NamedTuple):
    """The loss's parameters; elements are weighted with t positive + (1 - t) negative."""

    gamma: float
    positive: float
    negative: float


@elementwise
def _complements(x, t, small, large, q):
    # q (n,) = 1 - p, where P and 1 - P are `large` and `small` or the other way round
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for k in range(x.size):
        target, near, far = t[k], large[k], small[k]
        other = one - target
        q[k] = near * other + far * target if x[k] > zero else near * target + far * other


@elementwise
def _focal_of_chunk(
    loss, x, t, w, factor, ignore, value, grad, hess, small, large, tail, complements, lower_powers
):
    zero, one, g = x.dtype.type(0), x.dtype.type(1), x.dtype.type(loss.gamma)
    pos, neg = x.dtype.type(loss.positive), x.dtype.type(loss.negative)
    for k in range(x.size):
        magnitude, target, near, far, log_part = abs(x[k]), t[k], large[k], small[k], tail[k]
        q, lower = complements[k], lower_powers[k]
        power = lower * q  # lower = q^(gamma - 1)
        other = one - target
        weight = target * pos + other * neg
        if w is not None:
            weight = weight * w[k]
        if ignore is not None:
            weight = zero if target == ignore else weight
        is_positive = x[k] > zero
        up, down, wrong = (
            near if is_positive else far,
            far if is_positive else near,
            other if is_positive else target,
        )
        # 0 times an infinite logit contributes 0
        excess = wrong * magnitude
        loss = log_part + (excess if wrong != zero else zero)
        # an infinite loss stays infinite, also where the power of 1 - p is rounded to 0
        weighted = weight * (loss if loss == np.inf else power * loss)
        value[k] = weighted if weight != zero else zero
        if grad is not None:
            variance, direction, residual = near * far, other - target, other * up - target * down
            pull = variance * lower * loss
            pull = direction * g * (pull if variance != zero else zero)
            slope = weight * (pull + power * residual) * factor
            grad[k] = slope if weight != zero else zero
            if hess is not None:
                share = variance / q
                share = near if wrong == zero else share
                second = pull * ((down - up) + (g - one) * direction * share) + power * (
                    variance + (g + g) * direction * share * residual
                )
                curvature = weight * second * factor
                hess[k] = curvature if weight != zero else zero


@implements(elements_of_chunk, SigmoidFocal)
def _elements_of_chunk(loss, elements, ignore, sigmoids, value, grad, hess, scratch):
    x, gamma = elements.x, loss.gamma
    # lower = q^(gamma - 1)
    q, lower = scratch[0][: x.size], scratch[1][: x.size]
    _complements(x, elements.target, sigmoids.small, sigmoids.large, q)
    if gamma == 2.0:
        lower = q
    elif gamma >= 1.0:
        powers(q, gamma - 1.0, lower)
    else:
        tiny = np.finfo(x.dtype).tiny
        powers(q, gamma, lower)
        for k in range(x.size):
            ratio = lower[k] / q[k]
            lower[k] = 0 if q[k] < tiny else ratio  # the loss is 0 there
    # A loop for each form: it has no branch, and divides only for a Hessian.
    t, w, factor = elements.target, elements.negative_weight, elements.factor
    small, large, tail = sigmoids.small, sigmoids.large, sigmoids.tail
    if hess.size:
        _focal_of_chunk(
            loss, x, t, w, factor, ignore, value, grad, hess, small, large, tail, q, lower
        )
    elif grad.size:
        _focal_of_chunk(
            loss, x, t, w, factor, ignore, value, grad, None, small, large, tail, q, lower
        )
    else:
        _focal_of_chunk(
            loss, x, t, w, factor, ignore, value, None, None, small, large, tail, q, lower
        )


def _check(
    logits: Any,
    target: Any,
    alpha: Any,
    gamma: Any,
    options: ElementOptions,
    outs: tuple[Any, ...] = (),
) -> Call:
    positive = negative = 1.0
    if alpha is not None:
        positive = check_number(alpha, *_ALPHA)
        negative = 1.0 - positive
    loss = SigmoidFocal(check_number(gamma, *_GAMMA), positive, negative)
    return check_elements(logits, target, options, evaluate_elements, loss, outs)


def sigmoid_focal_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = MEAN,
) -> Any:
    """Focal loss of independent labels: binary cross-entropy in which easy elements count less.

    For an element x with target t, P = sigmoid(x), p = t P + (1 - t) (1 - P) and weight w::

        loss = w (t alpha + (1 - t) (1 - alpha)) (1 - p)^gamma
               (t softplus(-x) + (1 - t) softplus(x))

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers
        Log-odds, of any shape. float16 is computed in float32, integers in float64.
    target : array_like of the logits' shape
        From 0 to 1: labels, as floats, integers or booleans, or what lies between them. Converted
        to the logits' dtype.
    alpha : float from 0 to 1, or None, default 0.25
        The weight of positives; that of negatives is 1 - alpha. None weighs neither (torchvision
        writes that -1).
    gamma : float from 0 to 1e18, default 2.0
        How strongly elements that are classified well are played down; 0 is binary cross-entropy.
        Where it is no small integer, a small result has a relative error of about eps times gamma
        times the logarithm of 1 - p.
    weight : array_like that broadcasts to the logits' shape, optional
        A weight for each element.
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
    sigmoid_focal_loss_value_and_grad : The same and its gradient, in one pass.
    sigmoid_focal_loss_grad_and_hess : Gradient and Hessian diagonal.
    focal_loss : The form of classes that exclude each other.

    Notes
    -----
    Names, meanings and defaults are those of ``torchvision.ops.sigmoid_focal_loss``, but for
    `reduction`, which is "mean" as everywhere in this library ("none" there), and None for no
    `alpha`. `weight` and `ignore_index` are added. Detectors divide the sum by the number of
    positives instead of all elements [1]_.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal Loss for Dense Object
       Detection", ICCV (2017).

    Examples
    --------
    >>> import fastce
    >>> fastce.sigmoid_focal_loss([0.0, 2.0], [0, 1], reduction="none")
    array([0.1299651 , 0.00045089])
    """
    options = ElementOptions(weight, None, ignore_index, reduction)
    return _forms.value(_check(logits, target, alpha, gamma, options))


def sigmoid_focal_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = MEAN,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Focal loss of independent labels and its gradient with respect to the logits, in one pass.

    With the symbols of `sigmoid_focal_loss`, a = w (t alpha + (1 - t) (1 - alpha)), l the last
    factor of the loss and d the divisor of the mean (1 for the sum)::

        grad = a (1 - p)^gamma [gamma (1 - 2 t) P (1 - P) l / (1 - p) + P - t] / d

    Parameters
    ----------
    logits, target, alpha, gamma, weight, ignore_index
        As in `sigmoid_focal_loss`.
    reduction : {"mean", "sum", "none"}, default "mean"
        As there; with "none" the gradient is that of the sum: each element holds the derivative of
        its own value.
    out : ndarray of the logits' shape and dtype, optional
        Where the gradient is written. It may be `logits` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    value : float or ndarray
        As `sigmoid_focal_loss` returns it.
    grad : ndarray
        The gradient, in the logits' shape and dtype (integers: float64); `out` itself if it was
        given.

    Raises
    ------
    TypeError, ValueError
        As `sigmoid_focal_loss`, and if `out` does not fit or overlaps an input. Nothing is written
        then.

    Examples
    --------
    >>> import fastce
    >>> fastce.sigmoid_focal_loss_value_and_grad([0.0, 0.0], [0, 1], alpha=None, gamma=1)
    (0.34657359027997264, array([ 0.2116434, -0.2116434]))
    """
    options = ElementOptions(weight, None, ignore_index, reduction)
    return _forms.value_and_grad(_check(logits, target, alpha, gamma, options, (out,)))


def sigmoid_focal_loss_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = MEAN,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian diagonal of sigmoid focal loss, as boosting libraries want them.

    With the symbols of `sigmoid_focal_loss_value_and_grad`, for t = 0 or 1 (the loss of t = 0 at x
    is that of t = 1 at -x)::

        grad = a (1 - p)^gamma (1 - 2 t) [gamma p l + 1 - p] / d
        hess = a (1 - p)^gamma p [(1 + 2 gamma - gamma l) (1 - p) + gamma^2 p l] / d

    Parameters
    ----------
    logits, target, alpha, gamma, weight, ignore_index, reduction
        As in `sigmoid_focal_loss_value_and_grad`. Boosting wants ``reduction="sum"``.
    out : pair of ndarrays of the logits' shape and dtype, optional
        Where gradient and Hessian diagonal are written. The first may be `logits` itself.

    Returns
    -------
    grad, hess : ndarray
        In the logits' shape and dtype (integers: float64). Different elements do not interact: the
        diagonal is the whole Hessian. It is negative where the loss is not convex: at elements that
        are classified badly. It goes to 0 with 1 - p for every gamma.

    Raises
    ------
    TypeError, ValueError
        As `sigmoid_focal_loss_value_and_grad`.

    Examples
    --------
    >>> import fastce
    >>> fastce.sigmoid_focal_loss_grad_and_hess(
    ...     [0.0, 0.0], [0, 1], alpha=None, gamma=1, reduction="sum"
    ... )
    (array([ 0.4232868, -0.4232868]), array([0.375, 0.375]))
    """
    options = ElementOptions(weight, None, ignore_index, reduction)
    return _forms.grad_and_hess(_check(logits, target, alpha, gamma, options, as_pair(out)))
