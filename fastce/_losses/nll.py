"""Negative log-likelihood of log-probabilities.

With target_weight_i and the factor of the options' normal form (see `weights`)::

    value_i = -factor target_weight_i l_iy      grad_ik = -factor target_weight_i [k = y_i]

There are no exponentials to share between value and gradient, so NumPy is all that it needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._core.flags import silent
from . import _forms
from ._call import IGNORE, LAST, MEAN, Call, RowOptions, check_rows
from .table import INDICES


def _evaluate(call: Call, values: Any, grad: Any, hess: Any) -> float:
    n = call.target.size
    with silent():  # infinity and NaN are results, not errors
        weight = np.broadcast_to(call.form.target_weight * call.form.factor, n)
        # rows that are ignored have weight 0
        kept = np.flatnonzero(weight)
        labels, weight = call.target[kept], -weight[kept]
        values = np.empty(n) if values is None else values
        values[:] = 0.0
        values[kept] = weight * call.layout.data[kept, labels]
        total = float(values.sum())
        if grad is not None:
            grad[...] = 0
            grad[kept, labels] = weight
    return total


def _check(log_probs: Any, target: Any, options: RowOptions, outs: tuple[Any, ...] = ()) -> Call:
    return check_rows(log_probs, target, options, _evaluate, INDICES, outs=outs, name="log_probs")


def nll_loss(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    reduction: str = MEAN,
    axis: int = LAST,
) -> Any:
    """Negative log-likelihood of class indices under log-probabilities.

    The classes are along the last axis unless `axis` says otherwise: torch's layout (N, K, d1, ...)
    needs ``axis=1``, and where its K and last length are equal nothing else can tell.

    For a row l of log-probabilities, class index y, class weights w and sample weight s: ``loss =
    -s w_y l_y``. It is `cross_entropy` for rows that went through `log_softmax` before.

    Parameters
    ----------
    log_probs : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Log-probabilities, the classes along `axis`. They are not normalised again.
    target : array_like of integers shaped like `log_probs` without `axis`
        Class indices from 0 to K - 1; whole numbers of a float dtype count as integers.
    weight : array_like of shape (K,), optional
        A weight for each class.
    sample_weight : array_like shaped like `target`, optional
        A weight for each row.
    ignore_index : int, default -100
        Rows with this class index are skipped.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the sum of w_y s over the rows that are not ignored.
    axis : int, default -1
        The axis of the classes.

    Returns
    -------
    float or ndarray
        The loss in nats; with reduction "none" an array shaped like `target`. The mean of no rows
        is NaN.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    Names and meanings are those of ``torch.nn.functional.nll_loss``; `sample_weight` and `axis` are
    added.

    Examples
    --------
    >>> import fastce
    >>> fastce.nll_loss(fastce.log_softmax([[0.0, 1.0, 2.0, 3.0]]), [3])
    0.44018969856119533
    """
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _forms.value(_check(log_probs, target, options))


def nll_loss_value_and_grad(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    reduction: str = MEAN,
    axis: int = LAST,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Negative log-likelihood and its gradient with respect to the log-probabilities.

    With the symbols of `nll_loss` and d the divisor of the mean (1 for the sum): ``grad_k = -s w_y
    [k = y] / d``.

    Parameters
    ----------
    log_probs, target, weight, sample_weight, ignore_index, reduction, axis
        As in `nll_loss`.
    out : ndarray of the log-probabilities' shape and dtype, optional
        Where the gradient is written. It may be `log_probs` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    value : float or ndarray
        As `nll_loss` returns it.
    grad : ndarray
        The gradient; `out` itself if it was given.

    Raises
    ------
    TypeError, ValueError
        As `nll_loss`, and if `out` does not fit or overlaps an input. Nothing is written then.

    Examples
    --------
    >>> import fastce
    >>> value, grad = fastce.nll_loss_value_and_grad([[-0.5, -1.0], [-2.0, -0.25]], [0, 1])
    >>> value
    0.375
    >>> grad
    array([[-0.5,  0. ],
           [ 0. , -0.5]])
    """
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _forms.value_and_grad(_check(log_probs, target, options, (out,)))
