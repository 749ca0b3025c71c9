"""Poly-1 loss of a softmax: a function of the cross-entropy of class indices.

With l = -log p_y, p = p_y, q = 1 - p and e = epsilon::

    f(l) = l + e q      f'(l) = 1 + e p = (1 + e) - e q      f''(l) = -e p

For negative e the value is (1 + e) l - e (l - q), and l - q = q^2 / 2 + q^3 / 3 + ... where q is
small. So nothing cancels: from -1 on f and f' are sums of terms that are not negative.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._core.checks import as_pair, check_number
from .._core.jit import elementwise
from .._kernels.protocol import derivatives, implements, row_value
from . import _forms
from ._call import IGNORE, LAST, MEAN, Call, RowOptions, check_rows
from ._evaluate import evaluate_rows
from .table import INDICES, loss_named

# The limits of epsilon: below the first the loss would not fall with p, and the square of the last
# is a number of float32.
(_EPSILON,) = loss_named("poly_loss").numbers
# Where q is smaller, the value for negative epsilon takes l - q from its series; where it is
# larger, l - q cancels less than three bits.
_SMALL_Q = 0.25
# The last power in the series: q^27 is below 2^-54, float64's rounding.
_LAST_POWER = 27


class Poly(NamedTuple):
    """The loss's parameters."""

    epsilon: float


@implements(derivatives, Poly)
def _derivatives(loss, cross_entropy, p, q, factor, first, second):
    # `factor` is q
    one, epsilon = p.dtype.type(1), p.dtype.type(loss.epsilon)
    above = p.dtype.type(1.0 + loss.epsilon)
    for i in range(p.size):
        p_y, q_y = p[i], q[i]
        factor[i] = q_y
        first[i] = above - epsilon * q_y if epsilon < 0 else one + epsilon * p_y
        second[i] = -epsilon * p_y * q_y


@elementwise
def _value(weight, cross_entropy, q, epsilon):
    if epsilon >= 0.0 or not q < _SMALL_Q:
        return weight * (cross_entropy + epsilon * q)
    series = 0.0
    for j in range(_LAST_POWER, 1, -1):
        series = series * q + 1.0 / j
    return weight * ((1.0 + epsilon) * cross_entropy - epsilon * (series * q * q))


@implements(row_value, Poly)
def _row_value(loss, weight, cross_entropy, factor):
    return _value(weight, cross_entropy, factor, loss.epsilon)


def _check(
    logits: Any, target: Any, epsilon: Any, options: RowOptions, outs: tuple[Any, ...] = ()
) -> Call:
    loss = Poly(check_number(epsilon, *_EPSILON))
    return check_rows(logits, target, options, evaluate_rows, INDICES, loss, outs)


def poly_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = 1.0,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    reduction: str = MEAN,
    axis: int = LAST,
) -> Any:
    """Poly-1 loss of logits and class indices: cross-entropy and a multiple of 1 - p.

    The classes are along the last axis unless `axis` says otherwise: torch's layout (N, K, d1, ...)
    needs ``axis=1``, and where its K and last length are equal nothing else can tell.

    For a row of logits with class index y, p = softmax(x)_y, class weights w and sample weight s::

        loss = s w_y (-log p + epsilon (1 - p))

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Unnormalised log-probabilities, the classes along `axis`. float16 is computed in float32,
        integers in float64.
    target : array_like of integers shaped like `logits` without `axis`
        Class indices from 0 to K - 1; whole numbers of a float dtype count as integers.
    epsilon : float from -1 to 1e18, default 1.0
        Added to the coefficient of 1 - p in cross-entropy's series in powers of 1 - p,
        which is 1. Above 0 rows that are nearly right count more, below 0 less; 0 is cross-entropy,
        and -1 leaves the term out.
    weight : array_like of shape (K,), optional
        A weight for each class.
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
        The loss, summed in float64; with reduction "none" an array of the rows' shape and the
        logits' dtype. The mean of no rows is NaN.

    Raises
    ------
    TypeError
        If an array or option is of the wrong kind, such as labels that are not integers.
    ValueError
        If a shape does not fit, a label is out of range (the message names row and value), a weight
        is negative or not finite, or an option is out of its range.

    See Also
    --------
    poly_loss_value_and_grad : The same and its gradient, in one pass.
    poly_loss_grad_and_hess : Gradient and Hessian diagonal.
    focal_loss : Cross-entropy in which easy rows count less.

    Notes
    -----
    Cross-entropy is the sum of (1 - p)^j / j; the paper [1]_ changes the first coefficient, which
    helps most, and has epsilon from -1 on, so that none is negative. On confident rows 1 - p is
    built from the other classes, so that the loss keeps its digits for every epsilon.

    References
    ----------
    .. [1] Z. Leng, M. Tan, C. Liu, E. D. Cubuk, X. Shi, S. Cheng, D. Anguelov, "PolyLoss: A
       Polynomial Expansion Perspective of Classification Loss Functions", ICLR (2022).

    Examples
    --------
    >>> import fastce
    >>> round(fastce.poly_loss([[0.0, 1.0, 2.0, 3.0]], [3]), 12)
    0.796275438673
    """
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _forms.value(_check(logits, target, epsilon, options))


def poly_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = 1.0,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    reduction: str = MEAN,
    axis: int = LAST,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Poly-1 loss of a softmax and its gradient for the logits, in one pass over memory.

    With the symbols of `poly_loss`, p_k = softmax(x)_k and d the divisor of the mean (1 for the
    sum)::

        grad_k = s w_y (1 + epsilon p) (p_k - [k = y]) / d

    Parameters
    ----------
    logits, target, epsilon, weight, sample_weight, ignore_index, axis
        As in `poly_loss`.
    reduction : {"mean", "sum", "none"}, default "mean"
        As in `poly_loss`; with "none" the gradient is that of the sum: row i holds the gradient of
        value i.
    out : ndarray of the logits' shape and dtype, optional
        Where the gradient is written. It may be `logits` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    value : float or ndarray
        As `poly_loss` returns it.
    grad : ndarray
        The gradient, in the logits' shape and dtype (integers: float64); `out` itself if it was
        given. A row whose gradient is below the smallest normal number of the dtype is 0.

    Raises
    ------
    TypeError, ValueError
        As `poly_loss`, and if `out` does not fit or overlaps an input. Nothing is written then.

    Examples
    --------
    >>> import fastce
    >>> value, grad = fastce.poly_loss_value_and_grad([[0.0, 0.0]], [1])
    >>> round(value, 12), grad
    (1.19314718056, array([[ 0.75, -0.75]]))
    """
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _forms.value_and_grad(_check(logits, target, epsilon, options, (out,)))


def poly_loss_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = 1.0,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    reduction: str = MEAN,
    axis: int = LAST,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian diagonal of poly-1 loss, as boosting libraries want them.

    With the symbols of `poly_loss_value_and_grad`::

        grad_k = s w_y (1 + epsilon p) (p_k - [k = y]) / d
        hess_k = s w_y [(1 + epsilon p) p_k (1 - p_k) - epsilon p (p_k - [k = y])^2] / d

    Parameters
    ----------
    logits, target, epsilon, weight, sample_weight, ignore_index, reduction, axis
        As in `poly_loss_value_and_grad`. Boosting wants ``reduction="sum"``.
    out : pair of ndarrays of the logits' shape and dtype, optional
        Where gradient and Hessian diagonal are written. The first may be `logits` itself.

    Returns
    -------
    grad, hess : ndarray
        In the logits' shape and dtype (integers: float64). The diagonal is exact, so it may be
        negative: the loss is not convex.

    Raises
    ------
    TypeError, ValueError
        As `poly_loss_value_and_grad`.

    Examples
    --------
    >>> import fastce
    >>> grad, hess = fastce.poly_loss_grad_and_hess([[0.0, 0.0]], [1], reduction="sum")
    >>> grad, hess
    (array([[ 0.75, -0.75]]), array([[0.25, 0.25]]))
    """
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _forms.grad_and_hess(_check(logits, target, epsilon, options, as_pair(out)))
