"""Focal loss, of a softmax and of a sigmoid: formulas, modulations, public forms.

With p the probability of the target's class, q = 1 - p, l = -log p and u = l / q (1 where q = 0),
softmax logits x and target y::

    value  = q^gamma l                                            level = q^gamma
    grad_k = slope (p_k - [k = y])                                slope = q^gamma (1 + gamma p u)
    hess_k = slope p_k (1 - p_k) + bend (p_k - [k = y])^2         bend = gamma q^gamma (2 p + p u ((gamma - 1) p - q)) / q

bend grows without limit where q goes to 0 and gamma < 1, but it meets p_k <= q: bend q is finite,
and p_k / q is at most 1. So every result goes to 0 with q, for every gamma.

A sigmoid's element x with target t, P = sigmoid(x), p = t P + (1 - t) (1 - P) and l = t
softplus(-x) + (1 - t) softplus(x), where t may lie between 0 and 1; d = 1 - 2 t, and s = P (1 - P)
/ q, which is p for t = 0 or 1::

    value = q^gamma l      grad = q^gamma (gamma d s l + P - t)
    hess  = q^gamma (P (1 - P) + gamma (2 d s (P - t) + d (1 - 2 P) s l + (gamma - 1) d^2 s (s l)))
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import overload

from .._core import checks as _checks
from .._core.jit import elementwise, kernel
from .._kernels.intrinsics import (
    exp_nonpositive,
    log_nonnegative,
    normalise_terms,
    softmax_statistics,
    softmax_terms,
)
from .._kernels.sigmoid import chunk
from .._kernels.softmax import WORK_ROWS, curve, level, open_step, spread_hess
from . import _forms
from ._forms import IGNORE, LAST, MEAN, OFF

# Up to this whole number a power is so many products, which is quicker than exp(gamma log q), and
# loses fewer digits.
_MOST_PRODUCTS = 4.0
_LARGEST_GAMMA = 1e18  # its square must be a number of float32


class _Focus(NamedTuple):
    """The modulation of the softmax form."""

    gamma: float


class _BinaryFocus(NamedTuple):
    """The modulation of the sigmoid form: elements are weighted with t positive + (1 - t) negative."""

    gamma: float
    positive: float
    negative: float


@kernel
def _powers(base, exponent, out):
    # out (n,) = base^exponent, 0 <= base <= 1; 0^0 = 1
    if exponent == 0.0:
        for k in range(base.size):
            out[k] = 1
    elif exponent <= _MOST_PRODUCTS and exponent == math.floor(exponent):
        for k in range(base.size):
            out[k] = base[k]
        for _ in range(1, int(exponent)):
            for k in range(base.size):
                out[k] *= base[k]
    else:
        zero, factor = base.dtype.type(0), base.dtype.type(exponent)
        log_nonnegative(base, out)
        for k in range(base.size):
            product = out[k] * factor
            out[k] = zero if product > zero else product
        exp_nonpositive(out, out)


# ---- softmax -------------------------------------------------------------------------------------


@kernel
def _modulate(gamma, weight, x_y, row_max, rest, logs, work):
    # weight (n,) becomes its product with the slope; work: from here on bend q hit, q and level of
    # each row
    p, q, power = work[5], work[6], work[7]
    zero, one, g = weight.dtype.type(0), weight.dtype.type(1), weight.dtype.type(gamma)
    tiny = np.finfo(weight.dtype).tiny
    n = weight.size
    for i in range(n):
        p[i] = x_y[i] - row_max[i]
    exp_nonpositive(p[:n], p[:n])
    for i in range(n):
        e, total, others = p[i], one + rest[i], rest[i]
        below = others + (one - e)
        others = others if x_y[i] == row_max[i] else below
        p[i], q[i] = e / total, others / total
    _powers(q[:n], gamma, power[:n])
    for i in range(n):
        hit, p_y, q_y, factor, gap = weight[i], p[i], q[i], power[i], row_max[i] - x_y[i]
        ratio = (gap + logs[i]) / q_y
        ratio = one if q_y == zero else ratio
        pull = p_y * ratio
        pull = zero if p_y == zero else pull  # an infinite loss at p = 0
        slope = factor * (one + g * pull)
        product = hit * slope
        # below the normal numbers its inverse, which the Hessian takes, would not be one
        keep = (hit != zero) & ~(product < tiny)
        weight[i] = product if keep else zero
        p[i] = g * factor * (p_y + p_y + pull * ((g - one) * p_y - q_y)) * hit


@overload(open_step)
def _choose_open_step(modulation, x, x_y, weight, terms, row_max, rest, logs, work):
    if getattr(modulation, "instance_class", None) is not _Focus:
        return None
    if isinstance(terms, types.Array):

        def choose(modulation, x, x_y, weight, terms, row_max, rest, logs, work):
            turned = work[WORK_ROWS:]
            softmax_terms(x, weight, terms, turned, row_max, rest, logs)
            _modulate(modulation.gamma, weight, x_y, row_max, rest, logs, work)
            normalise_terms(terms, weight, rest, turned)
    else:

        def choose(modulation, x, x_y, weight, terms, row_max, rest, logs, work):
            softmax_statistics(x, row_max, rest, logs)
            _modulate(modulation.gamma, weight, x_y, row_max, rest, logs, work)

    return choose


@overload(level, inline="always")
def _choose_level(modulation, work, i):
    if getattr(modulation, "instance_class", None) is _Focus:
        return lambda modulation, work, i: np.float64(work[7, i])


@kernel
def _bend(terms, weight, bent, q, y, hess):
    zero, one, tiny = hess.dtype.type(0), hess.dtype.type(1), np.finfo(hess.dtype).tiny
    if weight != zero:
        inverse, inverse_q = one / weight, (one / q if q >= tiny else zero)
        own = hess[y] + bent * q
        for k in range(hess.size):
            p = terms[k] * inverse
            hess[k] += (bent * p) * (p * inverse_q)
        hess[y] = own


@overload(curve)
def _choose_curve(modulation, work, i, terms, weight, rest, y, hess):
    if getattr(modulation, "instance_class", None) is not _Focus:
        return None

    def choose(modulation, work, i, terms, weight, rest, y, hess):
        spread_hess(terms, weight, rest, hess)
        _bend(terms, weight, work[5, i], work[6, i], y, hess)

    return choose


# ---- sigmoid -------------------------------------------------------------------------------------


@elementwise
def _complements(x, t, small, large, q):
    # q (n,) = 1 - p, where P and 1 - P are `large` and `small` or the other way round
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for k in range(x.size):
        target, near, far = t[k], large[k], small[k]
        other = one - target
        q[k] = near * other + far * target if x[k] > zero else near * target + far * other


@elementwise
def _focal_chunk(
    x,
    t,
    w,
    gamma,
    positive,
    negative,
    scale,
    ignore,
    value,
    grad,
    hess,
    small,
    large,
    tail,
    complements,
    lower_powers,
):
    zero, one, g = x.dtype.type(0), x.dtype.type(1), x.dtype.type(gamma)
    pos, neg = x.dtype.type(positive), x.dtype.type(negative)
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
        # what is 0 contributes 0, however large the loss it stands at
        beyond = wrong * magnitude
        loss = log_part + (beyond if wrong != zero else zero)
        if value is not None:
            # an infinite loss stays one, also where the power of what is missing is rounded to 0
            level = weight * (loss if loss == np.inf else power * loss)
            value[k] = level if weight != zero else zero
        if grad is not None:
            both, turn, miss = near * far, other - target, other * up - target * down
            pull = both * lower * loss
            pull = turn * g * (pull if both != zero else zero)
            slope = weight * (pull + power * miss) * scale
            grad[k] = slope if weight != zero else zero
            if hess is not None:
                share = both / q
                share = near if wrong == zero else share
                bent = pull * ((down - up) + (g - one) * turn * share) + power * (
                    both + (g + g) * turn * share * miss
                )
                curvature = weight * bent * scale
                hess[k] = curvature if weight != zero else zero


@overload(chunk)
def _choose_chunk(
    modulation, x, t, pos, neg, scale, ignore, value, grad, hess, small, large, tail, work
):
    if getattr(modulation, "instance_class", None) is not _BinaryFocus:
        return None
    tiny = np.finfo(str(x.dtype)).tiny

    def choose(
        modulation, x, t, pos, neg, scale, ignore, value, grad, hess, small, large, tail, work
    ):
        gamma, q, lower = modulation.gamma, work[5][: x.size], work[6][: x.size]
        _complements(x, t, small, large, q)
        if gamma == 2.0:
            lower = q
        elif gamma >= 1.0:
            _powers(q, gamma - 1.0, lower)
        else:
            _powers(q, gamma, lower)
            for k in range(x.size):
                ratio = lower[k] / q[k]
                lower[k] = 0 if q[k] < tiny else ratio  # the loss is 0 there
        numbers = gamma, modulation.positive, modulation.negative
        _focal_chunk(
            x, t, neg, *numbers, scale, ignore, value, grad, hess, small, large, tail, q, lower
        )

    return choose


# ---- public forms --------------------------------------------------------------------------------


def _checked_gamma(gamma: Any) -> float:
    number = _checks.check_coefficient(gamma, "gamma")
    if number > _LARGEST_GAMMA:
        raise ValueError(f"gamma must be at most {_LARGEST_GAMMA:.0e}; got {gamma!r}")
    return number


def _rows(
    logits: Any,
    target: Any,
    gamma: Any,
    weight: Any,
    sample_weight: Any,
    ignore_index: Any,
    reduction: Any,
    axis: Any,
    **outs: Any,
) -> _forms.Rows:
    focus = _Focus(_checked_gamma(gamma))
    return _forms.check_rows(
        logits,
        target,
        weight,
        sample_weight,
        ignore_index,
        OFF,
        OFF,
        reduction,
        axis,
        focus,
        **outs,
    )


def _elements(
    logits: Any,
    target: Any,
    alpha: Any,
    gamma: Any,
    weight: Any,
    ignore_index: Any,
    reduction: Any,
    **outs: Any,
) -> _forms.Elements:
    balance = (1.0, 1.0)
    if alpha is not None:
        positive = _checks.check_fraction(alpha, "alpha")
        balance = positive, 1.0 - positive
    focus = _BinaryFocus(_checked_gamma(gamma), *balance)
    return _forms.check_elements(
        logits, target, weight, None, ignore_index, reduction, focus, **outs
    )


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

    For a row of logits with class index y, p = softmax(x)_y, class weights w and sample weight s::

        loss = s w_y (1 - p)^gamma (-log p)

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Unnormalised log-probabilities, the classes along `axis`. float16 is computed in float32,
        integers in float64.
    target : array_like of integers shaped like `logits` without `axis`
        Class indices from 0 to K - 1.
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
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal Loss for Dense Object Detection", ICCV (2017).

    Examples
    --------
    >>> import fastce
    >>> fastce.focal_loss([[0.0, 1.0, 2.0, 3.0]], [3])
    0.05581475711566406
    """
    return _forms.value(
        _rows(logits, target, gamma, weight, sample_weight, ignore_index, reduction, axis, out=None)
    )


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
    problem = _rows(
        logits, target, gamma, weight, sample_weight, ignore_index, reduction, axis, out=out
    )
    return _forms.value_and_grad(problem, out)


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
    """Gradient of focal loss of a softmax and the diagonal of its Hessian, as boosting libraries ask of an objective.

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
    out_grad, out_hess = _checks.as_pair(out)
    problem = _rows(
        logits,
        target,
        gamma,
        weight,
        sample_weight,
        ignore_index,
        reduction,
        axis,
        out_grad=out_grad,
        out_hess=out_hess,
    )
    return _forms.grad_and_hess(problem, out_grad, out_hess)


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
    """Focal loss of independent labels, element by element: binary cross-entropy in which easy elements count less.

    For an element x with target t, P = sigmoid(x), p = t P + (1 - t) (1 - P) and weight w::

        loss = w (t alpha + (1 - t) (1 - alpha)) (1 - p)^gamma (t softplus(-x) + (1 - t) softplus(x))

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
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal Loss for Dense Object Detection", ICCV (2017).

    Examples
    --------
    >>> import fastce
    >>> fastce.sigmoid_focal_loss([0.0, 2.0], [0, 1], reduction="none")
    array([0.1299651 , 0.00045089])
    """
    return _forms.value(
        _elements(logits, target, alpha, gamma, weight, ignore_index, reduction, out=None)
    )


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
    """Focal loss of independent labels and its gradient with respect to the logits, in one pass over memory.

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
    problem = _elements(logits, target, alpha, gamma, weight, ignore_index, reduction, out=out)
    return _forms.value_and_grad(problem, out)


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
    """Gradient of focal loss of independent labels and the diagonal of its Hessian, as boosting libraries ask of an objective.

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
    >>> fastce.sigmoid_focal_loss_grad_and_hess([0.0, 0.0], [0, 1], alpha=None, gamma=1, reduction="sum")
    (array([ 0.4232868, -0.4232868]), array([0.375, 0.375]))
    """
    out_grad, out_hess = _checks.as_pair(out)
    problem = _elements(
        logits,
        target,
        alpha,
        gamma,
        weight,
        ignore_index,
        reduction,
        out_grad=out_grad,
        out_hess=out_hess,
    )
    return _forms.grad_and_hess(problem, out_grad, out_hess)
