"""Divergence of Kullback and Leibler from soft targets to a softmax, as in distillation.

With z = x / T, m = max_k x_k, Q = sum_k q_k and lse(z) = log-sum-exp::

    value  = T^2 sum_k q_k (log q_k - log p_k)
           = T^2 (sum_k q_k log q_k + Q (lse(z) - m / T)) + T sum_k q_k (m - x_k)
    grad_k = T (Q p_k - q_k)
    hess_k = Q p_k (1 - p_k)

Distances to the largest logit are taken before they are divided by T, so that logits far from 0
lose nothing. Each of the three sums is in float64, and keeps the digits of its terms.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._core.checks import as_pair, check_number
from .._core.jit import elementwise, kernel, reduction
from .._kernels.intrinsics import log_nonnegative, softmax_statistics, weighted_softmax
from .._kernels.protocol import implements, rows_of_step
from .._kernels.sums import clear
from . import _forms
from ._call import LAST, MEAN, Call, RowOptions, check_rows
from ._evaluate import evaluate_soft_targets
from .table import PROBABILITIES, loss_named

# The limits of the temperature: its square is a number of float32.
(_TEMPERATURE,) = loss_named("kl_divergence").numbers
# Up to here `log_nonnegative` takes numbers; logarithms of larger targets are math.log's.
_MAX_LOG = 2.0**99


class Divergence(NamedTuple):
    """The loss's parameters."""

    temperature: float


@kernel
def _largest(x):
    row_max = x[0]
    for k in range(1, x.size):
        row_max = x[k] if x[k] > row_max else row_max
    return row_max


@elementwise
def _scale(x, row_max, temperature, out):
    for k in range(x.size):
        out[k] = (x[k] - row_max) / temperature


@reduction
def _target_sums(x, q, row_max):
    # sum_k q_k and sum_k q_k (row_max - x_k); a zero contributes 0 whatever it meets
    total, gap = 0.0, 0.0
    for k in range(x.size):
        c = np.float64(q[k])
        total += c
        gap += c * (np.float64(row_max) - np.float64(x[k])) if c != 0.0 else 0.0
    return total, gap


@reduction
def _entropy_sum(q, log_q):
    # sum_k q_k log q_k
    total = 0.0
    for k in range(q.size):
        total += np.float64(q[k]) * np.float64(log_q[k]) if q[k] > 0 else 0.0
    return total


@elementwise
def _value(weight, temperature, entropy, total, log_sum, gap):
    squared = temperature * temperature
    return weight * (squared * (entropy + total * log_sum) + temperature * gap)


@elementwise
def _gradient(p, rest, q, total, weight, grad):
    # p (K,) = softmax(z), which grad may be
    narrow, one = p.dtype.type, p.dtype.type(1)
    largest = one / (one + rest)
    others = np.float64(rest) / (1.0 + np.float64(rest))
    for k in range(p.size):
        c = np.float64(q[k])
        # Q p - q, built from 1 - p where p is large, so that a confident row does not cancel
        far = (total - c) - total * others if p[k] == largest else total * np.float64(p[k]) - c
        grad[k] = narrow(weight * far)


@elementwise
def _hessian(p, rest, weight, hess):
    narrow, one = p.dtype.type, p.dtype.type(1)
    largest = one / (one + rest)
    others = np.float64(rest) / (1.0 + np.float64(rest))
    for k in range(p.size):
        share = np.float64(p[k])
        hess[k] = narrow(weight * share * (others if p[k] == largest else 1.0 - share))


@kernel
def _rows(rows, temperature, values, grad, hess, scratch):
    x, target, sample_weight = rows.x, rows.target, rows.sample_weight
    scaled, weight, row_max = scratch.rows, scratch.weight, scratch.row_max
    rest, logs = scratch.rest, scratch.logs
    # The sums of a row's target, which are needed after the gradient may have replaced x.
    totals, gaps = np.empty(x.shape[0]), np.empty(x.shape[0])
    for i in range(x.shape[0]):
        weight[i] = 1 if sample_weight[i] != 0 else 0
        largest = _largest(x[i])
        _scale(x[i], largest, x.dtype.type(temperature), scaled[i])
        totals[i], gaps[i] = _target_sums(x[i], target[i], largest)
    if grad.shape[0]:
        weighted_softmax(scaled, weight, grad, row_max, rest, logs)
    else:
        softmax_statistics(scaled, row_max, rest, logs)
    for i in range(x.shape[0]):
        s, total = sample_weight[i], totals[i]
        if s == 0:
            values[i] = 0
            if grad.shape[0]:
                clear(grad[i])
            if hess.shape[0]:
                clear(hess[i])
        else:
            if total <= _MAX_LOG:
                log_nonnegative(target[i], scaled[i])
            else:
                for k in range(x.shape[1]):
                    scaled[i, k] = math.log(target[i, k]) if target[i, k] > 0 else 0
            entropy = _entropy_sum(target[i], scaled[i])
            values[i] = _value(s, temperature, entropy, total, np.float64(logs[i]), gaps[i])
            if hess.shape[0]:
                _hessian(grad[i], rest[i], s * total, hess[i])
            if grad.shape[0]:
                _gradient(grad[i], rest[i], target[i], total, s * temperature, grad[i])


@implements(rows_of_step, Divergence)
def _rows_of_step(loss, rows, value, grad, hess, scratch):
    _rows(rows, loss.temperature, value, grad, hess, scratch)


def _check(
    logits: Any, target: Any, temperature: Any, options: RowOptions, outs: tuple[Any, ...] = ()
) -> Call:
    number = check_number(temperature, *_TEMPERATURE)
    return check_rows(
        logits, target, options, evaluate_soft_targets, PROBABILITIES, Divergence(number), outs
    )


def kl_divergence(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = 1.0,
    sample_weight: npt.ArrayLike | None = None,
    reduction: str = MEAN,
    axis: int = LAST,
) -> Any:
    """Divergence of Kullback and Leibler from target probabilities to the softmax of logits.

    The classes are along the last axis unless `axis` says otherwise: torch's layout (N, K, d1, ...)
    needs ``axis=1``, and where its K and last length are equal nothing else can tell.

    For a row of logits x, probabilities q, temperature T and sample weight s::

        loss = s T^2 sum_k q_k (log q_k - log p_k),      p = softmax(x / T),      0 log 0 = 0

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Unnormalised log-probabilities, the classes along `axis`. float16 is computed in float32,
        integers in float64.
    target : array_like shaped like `logits`
        Probabilities q, finite and not negative, which need not sum to 1: for distillation the
        softmax of the teacher's logits over T.
    temperature : float from 1e-18 to 1e18, default 1.0
        What the logits are divided by. The factor T^2 keeps the size of gradients the same for all
        temperatures [1]_.
    sample_weight : array_like shaped like `logits` without `axis`, optional
        A weight for each row.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the sum of s, which is the number of rows when `sample_weight` is
        None: torch's "batchmean".
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
        If an array or option is of the wrong kind, such as complex logits.
    ValueError
        If a shape does not fit, a probability or weight is negative or not finite, or an option is
        out of its range.

    See Also
    --------
    kl_divergence_value_and_grad : The same and its gradient, in one pass.
    kl_divergence_grad_and_hess : Gradient and Hessian diagonal.
    cross_entropy : For T = 1 the same plus the entropy of the target, which does not depend on the
        logits.

    Notes
    -----
    Its value is T^2 times that of ``torch.nn.functional.kl_div`` for ``log_softmax(x / T)``, q and
    ``reduction="batchmean"``, with weights for rows. A value is the difference of the cross-entropy
    and the entropy of the target, and its error is relative to these two: where q is close to p,
    they cancel. A gradient's error is relative to the two terms whose difference it is. Rows of
    weight zero count for nothing; NaN, infinite and masked logits mean what they mean in
    `cross_entropy`.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015.

    Examples
    --------
    >>> import fastce
    >>> teacher = fastce.softmax([[0.0, 1.0, 2.0]])
    >>> round(fastce.kl_divergence([[0.0, 1.0, 2.5]], teacher), 6)
    0.026141
    """
    options = RowOptions(sample_weight=sample_weight, reduction=reduction, axis=axis)
    return _forms.value(_check(logits, target, temperature, options))


def kl_divergence_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = 1.0,
    sample_weight: npt.ArrayLike | None = None,
    reduction: str = MEAN,
    axis: int = LAST,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Divergence from target probabilities to a softmax, and its gradient, in one pass over memory.

    With the symbols of `kl_divergence` and d the divisor of the mean (1 for the sum)::

        grad_k = s T (p_k sum_j q_j - q_k) / d

    Parameters
    ----------
    logits, target, temperature, sample_weight, axis
        As in `kl_divergence`.
    reduction : {"mean", "sum", "none"}, default "mean"
        As in `kl_divergence`; with "none" the gradient is that of the sum: row i holds the gradient
        of value i.
    out : ndarray of the logits' shape and dtype, optional
        Where the gradient is written. It may be `logits` itself, and must not overlap an input
        otherwise.

    Returns
    -------
    value : float or ndarray
        As `kl_divergence` returns it.
    grad : ndarray
        The gradient, in the logits' shape and dtype (integers: float64); `out` itself if it was
        given.

    Raises
    ------
    TypeError, ValueError
        As `kl_divergence`, and if `out` does not fit or overlaps an input. Nothing is written then.

    Examples
    --------
    >>> import fastce
    >>> value, grad = fastce.kl_divergence_value_and_grad([[0.0, 0.0]], [[0.0, 1.0]])
    >>> round(value, 12), grad
    (0.69314718056, array([[ 0.5, -0.5]]))
    """
    options = RowOptions(sample_weight=sample_weight, reduction=reduction, axis=axis)
    return _forms.value_and_grad(_check(logits, target, temperature, options, (out,)))


def kl_divergence_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = 1.0,
    sample_weight: npt.ArrayLike | None = None,
    reduction: str = MEAN,
    axis: int = LAST,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of the divergence from target probabilities to a softmax, and its Hessian diagonal.

    With the symbols of `kl_divergence_value_and_grad`::

        grad_k = s T (p_k sum_j q_j - q_k) / d
        hess_k = s p_k (1 - p_k) sum_j q_j / d

    Parameters
    ----------
    logits, target, temperature, sample_weight, reduction, axis
        As in `kl_divergence_value_and_grad`. Boosting wants ``reduction="sum"``.
    out : pair of ndarrays of the logits' shape and dtype, optional
        Where gradient and Hessian diagonal are written. The first may be `logits` itself.

    Returns
    -------
    grad, hess : ndarray
        In the logits' shape and dtype (integers: float64). The Hessian diagonal is exact.

    Raises
    ------
    TypeError, ValueError
        As `kl_divergence_value_and_grad`.

    Examples
    --------
    >>> import fastce
    >>> fastce.kl_divergence_grad_and_hess([[0.0, 0.0]], [[0.0, 1.0]], reduction="sum")
    (array([[ 0.5, -0.5]]), array([[0.25, 0.25]]))
    """
    options = RowOptions(sample_weight=sample_weight, reduction=reduction, axis=axis)
    return _forms.grad_and_hess(_check(logits, target, temperature, options, as_pair(out)))
