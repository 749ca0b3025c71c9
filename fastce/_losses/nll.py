"""Losses of probabilities and log-probabilities: formulas, public forms.

Negative log-likelihood, with hit_i from the normal form of the options (see `_weights`): value_i =
-hit_i l_iy, grad_ik = -hit_i [k = y_i]. Binary cross-entropy: value = -w (t log p + (1 - t) log(1 -
p)), grad = w (p - t) / (p (1 - p)), with torch's limits on both.

No exponentials are to be saved here, so NumPy is all the kernel it takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._core import checks as _checks
from .._core import layout as _layout
from . import weights as _weights

_IGNORE = -100  # these three are torch's
_LARGEST_COST = 100.0
_SMALLEST_VARIANCE = 1e-12


class _Likelihood:
    """A call after its checks."""

    def __init__(
        self,
        log_probs: Any,
        target: Any,
        weight: Any,
        sample_weight: Any,
        ignore_index: Any,
        reduction: Any,
        axis: Any,
        out: Any,
    ) -> None:
        self.layout = _layout.as_rows(log_probs, axis, "log_probs")
        n, n_classes = self.layout.data.shape
        self.reduction = _checks.check_reduction(reduction)
        self.out = out
        if out is not None:
            source = self.layout.source
            inputs = {
                "log_probs": log_probs,
                "target": target,
                "weight": weight,
                "sample_weight": sample_weight,
            }
            _checks.check_out(out, source.shape, source.dtype, inputs)
        weight = _checks.as_weights(weight, (n_classes,), "weight", "class")
        sample_weight = _checks.as_weights(
            sample_weight, self.layout.value_shape, "sample_weight", "row"
        )
        if sample_weight is not None:
            sample_weight = sample_weight.reshape(-1)
        ignore_index = _checks.as_integer(ignore_index, "ignore_index")
        labels = _checks.as_labels(target, self.layout.value_shape)
        form = _weights.index_form(
            labels,
            self.layout.value_shape,
            n_classes,
            weight,
            sample_weight,
            ignore_index,
            0.0,
            self.reduction == "mean",
        )
        self.factor = form.factor
        hit = np.broadcast_to(form.hit * form.factor, n)
        self.n_rows = n
        self.kept = np.flatnonzero((hit != 0.0) & (labels != ignore_index))
        self.labels, self.hit = labels[self.kept], hit[self.kept]

    def value(self) -> Any:
        values = np.zeros(self.n_rows)
        with np.errstate(all="ignore"):  # what is infinite or NaN is the answer, not news
            values[self.kept] = -self.hit * self.layout.data[self.kept, self.labels]
            total = float(values.sum())
        wanted = values if self.reduction == "none" else None
        return _layout.finish(
            total, wanted, self.factor, self.layout.value_shape, self.layout.source.dtype
        )

    def grad(self) -> np.ndarray:
        grad = _layout.result_data(self.layout, self.out)
        grad[...] = 0
        grad[self.kept, self.labels] = -self.hit
        return _layout.from_data(grad, self.layout, self.out)


def nll_loss(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = _IGNORE,
    reduction: str = "mean",
    axis: int = -1,
) -> Any:
    """Negative log-likelihood of class indices under log-probabilities.

    For a row l of log-probabilities, class index y, class weights w and sample weight s: ``loss =
    -s w_y l_y``. It is `cross_entropy` for rows that went through `log_softmax` before.

    Parameters
    ----------
    log_probs : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Log-probabilities, the classes along `axis`. They are not normalised again.
    target : array_like of integers shaped like `log_probs` without `axis`
        Class indices from 0 to K - 1.
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
    return _Likelihood(
        log_probs, target, weight, sample_weight, ignore_index, reduction, axis, None
    ).value()


def nll_loss_value_and_grad(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = _IGNORE,
    reduction: str = "mean",
    axis: int = -1,
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
    problem = _Likelihood(
        log_probs, target, weight, sample_weight, ignore_index, reduction, axis, out
    )
    value = problem.value()
    return value, problem.grad()


def _binary(probs: Any, target: Any, weight: Any, reduction: Any, out: Any) -> tuple[Any, ...]:
    layout = _layout.as_flat(probs, "probs")
    source = layout.source
    reduction = _checks.check_reduction(reduction)
    if out is not None:
        _checks.check_out(
            out, source.shape, source.dtype, {"probs": probs, "target": target, "weight": weight}
        )
    targets = _checks.as_targets(target, source.shape)
    weight = _checks.as_broadcast_weights(weight, source.shape, "weight")
    _checks.check_unit_interval(source, "probs")
    _checks.check_unit_interval(targets, "target")
    factor = np.ones(1) if weight is None else np.broadcast_to(weight, source.shape).reshape(-1)
    divisor = float(source.size) if reduction == "mean" else 1.0
    return layout, reduction, _layout.like_data(targets, layout), factor, divisor


def _binary_value(
    layout: _layout.Layout, reduction: str, t: np.ndarray, factor: np.ndarray, divisor: float
) -> Any:
    p = layout.data
    with np.errstate(all="ignore"):
        cost_p, cost_q = (
            np.minimum(-np.log(p), _LARGEST_COST),
            np.minimum(-np.log1p(-p), _LARGEST_COST),
        )
        values = factor * (t * cost_p + (1 - t) * cost_q)
        total = float(values.sum(dtype=np.float64)) / (divisor or 1.0)
    return _layout.finish(
        total,
        values if reduction == "none" else None,
        divisor,
        layout.value_shape,
        layout.source.dtype,
    )


def binary_cross_entropy(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    reduction: str = "mean",
) -> Any:
    """Binary cross-entropy of probabilities and targets from 0 to 1, element by element.

    For a probability p with target t and weight w::

        loss = -w (t max(log(p), -100) + (1 - t) max(log(1 - p), -100))

    Prefer `binary_cross_entropy_with_logits` where the logits are at hand: it keeps the digits that
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
    return _binary_value(*_binary(probs, target, weight, reduction, None))


def binary_cross_entropy_value_and_grad(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    reduction: str = "mean",
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
    layout, reduction, t, factor, divisor = _binary(probs, target, weight, reduction, out)
    value = _binary_value(layout, reduction, t, factor, divisor)
    grad, p = _layout.result_data(layout, out), layout.data
    grad[...] = (
        factor
        / (divisor or 1.0)
        * (p - t)
        / np.maximum(p * (1 - p), p.dtype.type(_SMALLEST_VARIANCE))
    )
    return value, _layout.from_data(grad, layout, out)
