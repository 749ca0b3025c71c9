"""Binary cross-entropy of probabilities.

Of probabilities p, targets t and weights w::

    value = -w (t log p + (1 - t) log(1 - p)),      grad = w (p - t) / (p (1 - p))

with torch's limits on both. There are no exponentials to share between value and gradient, so NumPy
is all that it needs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._core import checks, layout
from .._core.flags import silent
from . import _forms
from ._call import MEAN, Call, check_outs

# The largest -log p, and the smallest p (1 - p) that the gradient is divided by: torch's.
_MAX_COST = 100.0
_MIN_VARIANCE = 1e-12


class _Form(NamedTuple):
    """Weights (n,) or (1,), and the divisor of the mean; `factor` is 0 for a mean over nothing."""

    weight: np.ndarray
    divisor: float
    factor: float


def _evaluate(call: Call, values: Any, grad: layout.Result | None, hess: None) -> float:
    p, t, form = call.layout.data, call.target.data, call.form
    with silent():
        cost_p = np.minimum(-np.log(p), _MAX_COST)
        cost_q = np.minimum(-np.log1p(-p), _MAX_COST)
        costs = form.weight * (t * cost_p + (1 - t) * cost_q)
        total = float(costs.sum(dtype=np.float64)) / (form.divisor or 1.0)
        if values is not None:
            values[:] = costs
        if grad is not None:
            variance = np.maximum(p * (1 - p), p.dtype.type(_MIN_VARIANCE))
            slopes = form.weight / (form.divisor or 1.0) * (p - t) / variance
            layout.store(slopes.astype(p.dtype, copy=False), grad)
    return total


def _check(
    probs: Any, target: Any, weight: Any, reduction: Any, outs: tuple[Any, ...] = ()
) -> Call:
    x = layout.as_flat(probs, "probs")
    shape = x.source.shape
    reduction = checks.check_reduction(reduction)
    check_outs(outs, x, {"probs": probs, "target": target, "weight": weight})
    targets = checks.as_targets(target, shape)
    if weight is None:
        weight = np.ones(1)
    else:
        weight = checks.as_broadcast_weights(weight, shape, "weight")
        weight = np.broadcast_to(weight, shape).reshape(-1)
    p, t = layout.loaded(x.data, x.view), layout.loaded(*layout.like_input(targets, x))
    checks.check_unit_interval(p.reshape(shape), "probs")
    checks.check_unit_interval(t.reshape(shape), "target")
    divisor = float(x.source.size) if reduction == "mean" else 1.0
    form = _Form(weight, divisor, 1.0 / divisor if divisor else 0.0)
    x = x._replace(data=p)
    return Call(x, layout.Target(t), form, reduction == "none", outs, _evaluate, None, np.float64)


def binary_cross_entropy(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    reduction: str = MEAN,
) -> Any:
    """Binary cross-entropy of probabilities and targets from 0 to 1, element by element.

    For a probability p with target t and weight w::

        loss = -w (t max(log(p), -100) + (1 - t) max(log(1 - p), -100))

    Prefer `binary_cross_entropy_with_logits` where there are logits: it keeps the digits that
    rounding p to 1 loses.

    Parameters
    ----------
    probs : array_like of float16, float32, float64 or integers
        Probabilities of the positive class, of any shape.
    target : array_like of the shape of `probs`
        From 0 to 1: labels, as floats, integers or booleans, or probabilities.
    weight : array_like that broadcasts to the shape of `probs`, optional
        A weight for each element.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the number of elements, whatever the weights.

    Returns
    -------
    float or ndarray
        The loss in nats; with reduction "none" an array of the shape and dtype of `probs`. The mean
        of no elements is NaN.

    Raises
    ------
    TypeError
        If an array is of the wrong kind.
    ValueError
        If shapes differ, `probs` or `target` has an entry outside [0, 1] (the message names it), or
        weights are negative or not finite.

    Notes
    -----
    Names and meanings are those of ``torch.nn.functional.binary_cross_entropy``, its limit of -100
    on logarithms included.

    Examples
    --------
    >>> import fastce
    >>> fastce.binary_cross_entropy([0.5, 1.0, 1.0], [1, 1, 0], reduction="none")
    array([  0.69314718,   0.        , 100.        ])
    """
    return _forms.value(_check(probs, target, weight, reduction))


def binary_cross_entropy_value_and_grad(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    reduction: str = MEAN,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Binary cross-entropy of probabilities and its gradient with respect to the probabilities.

    With the symbols of `binary_cross_entropy` and d the divisor of the mean (1 for the sum)::

        grad = w (p - t) / max(p (1 - p), 1e-12) / d

    Parameters
    ----------
    probs, target, weight, reduction
        As in `binary_cross_entropy`.
    out : ndarray of the shape and dtype of `probs`, optional
        Where the gradient is written. It may be `probs` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    value : float or ndarray
        As `binary_cross_entropy` returns it.
    grad : ndarray
        The gradient; `out` itself if it was given.

    Raises
    ------
    TypeError, ValueError
        As `binary_cross_entropy`, and if `out` does not fit or overlaps an input. Nothing is
        written then.

    Notes
    -----
    The limit 1e-12 is that of ``torch.nn.functional.binary_cross_entropy``.

    Examples
    --------
    >>> import fastce
    >>> fastce.binary_cross_entropy_value_and_grad([0.5, 0.5], [0, 1])
    (0.6931471805599453, array([ 1., -1.]))
    """
    return _forms.value_and_grad(_check(probs, target, weight, reduction, (out,)))
