"""Negative log-likelihood of log-probabilities.

With target_weight_i and the factor of the options' normal form (see `weights`)::

    value_i = -factor target_weight_i l_iy      grad_ik = -factor target_weight_i [k = y_i]

There are no exponentials, so nothing is copied or compiled: entries are gathered where they lie
(``_native/gather.pyx``). The usual call is answered whole by ``_native/usual_nll.pyx``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._core import checks, layout, pool
from .._core.flags import silent
from .._core.layout import Rows
from .._native import gather, usual_nll
from ._call import IGNORE, LAST, MEAN, RowOptions, check_row_options
from .table import INDICES

# Bytes that the entry of a row moves: a cache line.
_LINE = 64


def _loss(x: np.ndarray, target: np.ndarray, weight: np.ndarray, factor: float, each: bool) -> Any:
    """Return the loss of rows x (..., K), or that of each row."""
    values = np.empty(target.size) if each else None
    sums = np.empty(-(-target.size // gather.BLOCK_ROWS))
    if x.dtype.char in "efd":
        entries = layout.outer_inner(np.require(x, requirements="A"))
    else:  # bfloat16
        entries = layout.loaded(*layout.as_tiles(x, layout.computed_in(x.dtype)))[:, None]
    if entries is None:
        entries = np.ascontiguousarray(x).reshape(-1, 1, x.shape[-1])

    def sum_blocks(first: int, last: int) -> None:
        gather.sum_rows(entries, target, weight, values, sums, first, last)

    pool.split(sum_blocks, sums.size, _LINE * target.size)
    total = 0.0
    for part in sums.tolist():
        total += part
    return layout.finish(-(total * factor), values, factor, x.shape[:-1], x.dtype)


def _write_gradient(
    grad: np.ndarray, target: np.ndarray, weight: np.ndarray, factor: float
) -> None:
    """Write the gradient to grad (..., K), which is all 0."""
    with silent():
        entries = (-(weight * factor)).astype(grad.dtype)
    if grad.dtype.char not in "efd":  # the bits of bfloat16 are scattered like those of float16
        entries, grad = entries.view(np.float16), grad.view(np.float16)
    place = layout.outer_inner(grad) if grad.flags.aligned else None
    if place is None:
        place = np.zeros((target.size, 1, grad.shape[-1]), grad.dtype)

    def scatter(first: int, last: int) -> None:
        gather.scatter_rows(place, target, weight, entries, first, last)

    pool.split(scatter, target.size, _LINE * target.size)
    if not np.may_share_memory(place, grad):
        grad[...] = place.reshape(grad.shape)


def _evaluate(
    log_probs: Any, target: Any, options: RowOptions, wants_grad: bool, out: np.ndarray | None
) -> Any:
    """Return the loss, or loss and gradient, of any call."""
    x, axis = layout.as_classes(log_probs, options.axis, "log_probs")
    rows_first = layout.axis_last(x, axis)
    rows = Rows(rows_first.shape[:-1], rows_first.shape[-1], x.shape, axis, x.dtype)
    if out is not None:
        inputs = {
            "log_probs": log_probs,
            "target": target,
            "weight": options.weight,
            "sample_weight": options.sample_weight,
        }
        checks.check_out(out, x.shape, x.dtype, inputs)
    taken, form, unreduced = check_row_options(target, rows, options, INDICES)
    target = taken.data
    weight = np.broadcast_to(form.target_weight, target.size).copy()
    loss = _loss(rows_first, target, weight, form.factor, unreduced)
    if not wants_grad:
        return loss
    if out is None:
        grad = np.zeros_like(x, subok=False)
    else:
        grad = out
        grad[...] = 0
    _write_gradient(layout.axis_last(grad, axis), target, weight, form.factor)
    return loss, grad


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
    result = usual_nll.nll(
        log_probs,
        target,
        weight,
        sample_weight,
        ignore_index,
        reduction,
        axis,
        None,
        False,
        pool.split,
    )
    if result is not None:
        return result
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _evaluate(log_probs, target, options, False, None)


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
    result = usual_nll.nll(
        log_probs,
        target,
        weight,
        sample_weight,
        ignore_index,
        reduction,
        axis,
        out,
        True,
        pool.split,
    )
    if result is not None:
        return result
    options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
    return _evaluate(log_probs, target, options, True, out)
