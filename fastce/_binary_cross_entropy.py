"""Binary cross-entropy of logits: formula, kernels, public forms.

Elements x with target t; the options become the normal form pos, neg (see `_weights`), and that the coefficients a, b::

    a = pos t,  b = neg (1 - t)          an ignored element: a = b = 0
    value = a softplus(-x) + b softplus(x)
    grad  = b sigmoid(x) - a sigmoid(-x)
    hess  = (a + b) sigmoid(x) sigmoid(-x)

With e = exp(-|x|) <= 1: softplus(-|x|) = log1p(e), softplus(|x|) = |x| + log1p(e), sigmoid(|x|) = 1 / (1 + e), sigmoid(-|x|) = e / (1 + e):
nothing cancels, so both tails keep all their digits.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import prange

from . import _checks, _layout, _threads, _weights
from ._jit import driver, kernel, scalar
from ._math import exp, log1p
from ._rows import repeat, sum_of, total_of


@scalar
def _coefficients(t, pos, neg, ignore, zero, one):
    keep = t != ignore
    return pos * t if keep else zero, neg * (one - t) if keep else zero


@scalar
def _value_and_grad_of(x, a, b, zero, one):
    # Selections between results instead of branches, so that the loop becomes vector code.
    magnitude = abs(x)
    term = exp(-magnitude)
    tail = log1p(term)
    large = one / (one + term)
    small = term * large
    above, below = (magnitude, zero) if x > zero else (zero, magnitude)
    up, down = (large, small) if x > zero else (small, large)
    # a coefficient of 0 contributes 0, however large the loss it stands at
    value_a, grad_a = (a * (tail + below), a * down) if a != zero else (zero, zero)
    value_b, grad_b = (b * (tail + above), b * up) if b != zero else (zero, zero)
    return value_a + value_b, grad_b - grad_a


@scalar
def _hess_of(x, weight, zero, one):
    term = exp(-abs(x))
    large = one / (one + term)
    return weight * large * (term * large) if weight != zero else zero


# In what follows: logits, target, pos, neg, values, grad, hess (n,), all of one dtype; grad may be logits itself. The loops read the
# logits from `grad`, after a copy where it is another array: one array has no aliases.


@kernel
def _copy(source, result):
    if source.ctypes.data != result.ctypes.data:
        for k in range(source.size):
            result[k] = source[k]


@kernel
def _flat_value(logits, target, pos, neg, ignore, values):
    zero, one = logits.dtype.type(0), logits.dtype.type(1)
    for k in range(logits.size):
        a, b = _coefficients(target[k], pos[k], neg[k], ignore, zero, one)
        values[k], _ = _value_and_grad_of(logits[k], a, b, zero, one)
    return sum_of(values)


@kernel
def flat_value_and_grad(logits, target, pos, neg, ignore, values, grad):
    """Write each element's value and gradient; return the sum of the values."""
    _copy(logits, grad)
    zero, one = grad.dtype.type(0), grad.dtype.type(1)
    for k in range(grad.size):
        a, b = _coefficients(target[k], pos[k], neg[k], ignore, zero, one)
        values[k], grad[k] = _value_and_grad_of(grad[k], a, b, zero, one)
    return sum_of(values)


@kernel
def _flat_grad_and_hess(logits, target, pos, neg, ignore, grad, hess):
    _copy(logits, grad)
    zero, one = grad.dtype.type(0), grad.dtype.type(1)
    for k in range(grad.size):
        a, b = _coefficients(target[k], pos[k], neg[k], ignore, zero, one)
        hess[k] = _hess_of(grad[k], a + b, zero, one)
        _, grad[k] = _value_and_grad_of(grad[k], a, b, zero, one)


# In the drivers pos and neg repeat with a period of `chunk` or are as long as the logits; values is (n,) or (0,).


@driver
def _value(logits, target, pos, neg, ignore, chunk, values):
    sums = np.zeros((logits.size + chunk - 1) // chunk)
    for c in prange(sums.size):
        i, j = c * chunk, min(logits.size, (c + 1) * chunk)
        losses = values[i:j] if values.size else np.empty_like(logits[i:j])
        sums[c] = _flat_value(logits[i:j], target[i:j], repeat(pos, i, j), repeat(neg, i, j), ignore, losses)
    return total_of(sums)


@driver
def _value_and_grad(logits, target, pos, neg, ignore, chunk, values, grad):
    sums = np.zeros((logits.size + chunk - 1) // chunk)
    for c in prange(sums.size):
        i, j = c * chunk, min(logits.size, (c + 1) * chunk)
        losses = values[i:j] if values.size else np.empty_like(logits[i:j])
        sums[c] = flat_value_and_grad(logits[i:j], target[i:j], repeat(pos, i, j), repeat(neg, i, j), ignore, losses, grad[i:j])
    return total_of(sums)


@driver
def _grad_and_hess(logits, target, pos, neg, ignore, chunk, grad, hess):
    for c in prange((logits.size + chunk - 1) // chunk):
        i, j = c * chunk, min(logits.size, (c + 1) * chunk)
        _flat_grad_and_hess(logits[i:j], target[i:j], repeat(pos, i, j), repeat(neg, i, j), ignore, grad[i:j], hess[i:j])


class _Problem(NamedTuple):
    """A call after its checks."""

    layout: _layout.Layout
    target: np.ndarray
    form: _weights.BinaryForm
    ignore: float
    reduction: str

    def run(self, kernel_driver: Any, *results: np.ndarray) -> Any:
        logits, form = self.layout.data, self.form
        ignore = logits.dtype.type(self.ignore)
        return _threads.run(kernel_driver, logits.size, logits, self.target, form.pos, form.neg, ignore, form.chunk, *results)

    def values(self) -> np.ndarray:
        return np.empty(self.layout.data.size if self.reduction == "none" else 0, dtype=self.layout.data.dtype)

    def finish(self, total: float, values: np.ndarray) -> Any:
        return _layout.finish(total, values, self.form.divisor, self.reduction, self.layout)


def _checked(
    logits: Any, target: Any, weight: Any, pos_weight: Any, ignore_index: Any, reduction: Any, **outs: np.ndarray | None
) -> _Problem:
    layout = _layout.as_flat(logits)
    source = layout.source
    reduction = _checks.check_reduction(reduction)
    ignore = math.nan if ignore_index is None else float(_checks.as_integer(ignore_index, "ignore_index"))
    targets = _checks.as_targets(target, source.shape)
    for name, out in outs.items():
        if out is not None:
            inputs = {"logits": source, "target": target, "weight": weight, "pos_weight": pos_weight}
            _checks.check_out(out, source.shape, source.dtype, inputs, name, in_place=name != "out_hess")
    weight = _checks.as_broadcast_weights(weight, source.shape, "weight")
    pos_weight = _checks.as_broadcast_weights(pos_weight, source.shape, "pos_weight")
    data = _layout.like_data(targets, layout)
    form = _weights.binary_form(data, source.shape, weight, pos_weight, data.dtype.type(ignore), reduction == "mean")
    return _Problem(layout, data, form, ignore, reduction)


def binary_cross_entropy_with_logits(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Any:
    """Binary (sigmoid) cross-entropy of logits and targets from 0 to 1, element by element.

    For an element x with target t, weight w and weight of positives v::

        loss = w (v t softplus(-x) + (1 - t) softplus(x)),      softplus(x) = log(1 + exp(x))

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers
        Log-odds, of any shape. float16 is computed in float32, integers in float64.
    target : array_like of the logits' shape
        From 0 to 1: labels, as floats, integers or booleans, or probabilities. Converted to the logits' dtype.
    weight : array_like that broadcasts to the logits' shape, optional
        A weight for each element.
    pos_weight : array_like that broadcasts to the logits' shape, optional
        A weight for the positive part, usually one for each column: above 1 it raises recall, below 1 precision.
    ignore_index : int, optional
        Elements with this target are skipped: no loss, zero gradient, not counted in the mean. It may be outside [0, 1].
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the number of elements that are not ignored, whatever the weights.

    Returns
    -------
    float or ndarray
        The loss in nats, summed in float64; with reduction "none" an array of the logits' shape and dtype.
        The mean of no elements is NaN.

    Raises
    ------
    TypeError
        If an array or option is of the wrong kind, such as complex logits.
    ValueError
        If `target` has another shape or an entry outside [0, 1] (the message names it), weights are negative, not finite, all zero or
        do not broadcast, or an option is out of its range.

    See Also
    --------
    binary_cross_entropy_with_logits_value_and_grad : The same and its gradient, in one pass.
    binary_cross_entropy_with_logits_grad_and_hess : Gradient and Hessian diagonal.
    binary_cross_entropy : The same for probabilities.

    Notes
    -----
    Names and meanings are those of ``torch.nn.functional.binary_cross_entropy_with_logits``; `ignore_index` is added, and targets
    outside [0, 1] are refused. With softplus(-|x|) = log1p(exp(-|x|)) nothing cancels, so both tails keep all their digits [1]_. The
    loss of infinite logits is 0 or infinite, never NaN; 0 times infinity is 0.

    References
    ----------
    .. [1] M. Maechler, "Accurately computing log(1 - exp(-|a|))", vignette of the R package Rmpfr (2012).

    Examples
    --------
    >>> import fastce
    >>> fastce.binary_cross_entropy_with_logits([-15.0, 0.0, 2.0], [0, 1, 1])
    0.27335849916839716
    >>> fastce.binary_cross_entropy_with_logits([-15.0, 2.0], [0.0, -1.0], ignore_index=-1, reduction="none")
    array([3.05902274e-07, 0.00000000e+00])
    """
    problem = _checked(logits, target, weight, pos_weight, ignore_index, reduction)
    values = problem.values()
    return problem.finish(problem.run(_value, values), values)


def binary_cross_entropy_with_logits_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Binary cross-entropy of logits and its gradient with respect to the logits, in one pass over memory.

    With the symbols of `binary_cross_entropy_with_logits` and d the divisor of the mean (1 for the sum)::

        grad = w ((1 - t) sigmoid(x) - v t sigmoid(-x)) / d

    Parameters
    ----------
    logits, target, weight, pos_weight, ignore_index
        As in `binary_cross_entropy_with_logits`.
    reduction : {"mean", "sum", "none"}, default "mean"
        As there; with "none" the gradient is that of the sum: each element holds the derivative of its own value.
    out : ndarray of the logits' shape and dtype, optional
        Where the gradient is written. It may be `logits` itself, and must not overlap an input otherwise.

    Returns
    -------
    value : float or ndarray
        As `binary_cross_entropy_with_logits` returns it.
    grad : ndarray
        The gradient, in the logits' shape and dtype (integers: float64); `out` itself if it was given.

    Raises
    ------
    TypeError, ValueError
        As `binary_cross_entropy_with_logits`, and if `out` does not fit or overlaps an input. Nothing is written then.

    Examples
    --------
    >>> import fastce
    >>> fastce.binary_cross_entropy_with_logits_value_and_grad([0.0, 0.0], [0, 1])
    (0.6931471805599453, array([ 0.25, -0.25]))
    """
    problem = _checked(logits, target, weight, pos_weight, ignore_index, reduction, out=out)
    values = problem.values()
    grad = _layout.result_data(problem.layout, out)
    value = problem.run(_value_and_grad, values, grad)
    return problem.finish(value, values), _layout.from_data(grad, problem.layout, out)


def binary_cross_entropy_with_logits_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of binary cross-entropy and the diagonal of its Hessian, as boosting libraries ask of an objective.

    With the symbols of `binary_cross_entropy_with_logits_value_and_grad`::

        grad = w ((1 - t) sigmoid(x) - v t sigmoid(-x)) / d      hess = w ((1 - t) + v t) sigmoid(x) sigmoid(-x) / d

    Parameters
    ----------
    logits, target, weight, pos_weight, ignore_index, reduction
        As in `binary_cross_entropy_with_logits_value_and_grad`. Boosting wants ``reduction="sum"``.
    out : pair of ndarrays of the logits' shape and dtype, optional
        Where gradient and Hessian diagonal are written. The first may be `logits` itself.

    Returns
    -------
    grad, hess : ndarray
        In the logits' shape and dtype (integers: float64). Different elements do not interact: the diagonal is the whole Hessian.

    Raises
    ------
    TypeError, ValueError
        As `binary_cross_entropy_with_logits_value_and_grad`.

    Examples
    --------
    >>> import fastce
    >>> fastce.binary_cross_entropy_with_logits_grad_and_hess([0.0, 0.0], [0, 1], reduction="sum")
    (array([ 0.5, -0.5]), array([0.25, 0.25]))
    """
    out_grad, out_hess = _checks.as_pair(out)
    problem = _checked(logits, target, weight, pos_weight, ignore_index, reduction, out_grad=out_grad, out_hess=out_hess)
    grad = _layout.result_data(problem.layout, out_grad)
    hess = _layout.result_data(problem.layout._replace(own=False), out_hess)
    problem.run(_grad_and_hess, grad, hess)
    return _layout.from_data(grad, problem.layout, out_grad), _layout.from_data(hess, problem.layout, out_hess)
