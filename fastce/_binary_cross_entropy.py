"""Binary cross-entropy of logits: formula, kernels, public forms.

Elements x with target t; the options become the normal form pos, neg, factor (see `_weights`), and that the coefficients a, b::

    a = factor pos t,  b = factor neg (1 - t)          an ignored element: a = b = 0
    value = a softplus(-x) + b softplus(x) = (a + b) log1p(e) + |x| (b where x > 0, a elsewhere)
    grad  = b sigmoid(x) - a sigmoid(-x)
    hess  = (a + b) sigmoid(x) sigmoid(-x)

with e = exp(-|x|) <= 1, sigmoid(|x|) = 1 / (1 + e) and sigmoid(-|x|) = e / (1 + e): nothing cancels, so both tails keep all their
digits. `_math.logistic` gives them for a chunk of elements that stays in the first cache.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import prange

from . import _checks, _layout, _rowwise, _threads, _weights
from ._jit import driver, elementwise, kernel
from ._math import logistic
from ._rows import add, finish, repeat_or_none, rows_or_none, sum_of

CHUNK = 256
_MEAN = "mean"

# Arguments: logits, target (n,); pos, neg (a period,), or None where all are 1; ignore a number of their dtype, or None; values, grad,
# hess (n,) or None, all of one dtype; grad may be logits itself; work (5, CHUNK) is scratch memory. What None asks for is not compiled.


@elementwise
def _chunk(x, t, pos, neg, scale, ignore, value, grad, hess, small, large, tail):
    # Selections between results instead of branches, and every load before them: so the loop becomes vector code.
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for k in range(x.size):
        magnitude, target, near, far, log_part = abs(x[k]), t[k], large[k], small[k], tail[k]
        positive = x[k] > zero
        up, down = near if positive else far, far if positive else near
        a, b = target, one - target
        if pos is not None:
            a, b = a * pos[k], b * neg[k]
        if ignore is not None:
            a, b = zero if target == ignore else a, zero if target == ignore else b
        # a coefficient of 0 contributes 0, however large the loss it stands at
        wrong, slope = b if positive else a, (b * up - a * down) * scale
        beyond = wrong * magnitude
        beyond = beyond if wrong != zero else zero
        if pos is None and ignore is None:
            if value is not None:
                value[k] = log_part + beyond
            if hess is not None:
                hess[k] = near * far * scale
            if grad is not None:
                grad[k] = slope
        else:
            weight = a + b
            if value is not None:
                level = weight * log_part
                value[k] = beyond + (level if weight != zero else zero)
            if hess is not None:
                curvature = weight * (near * far) * scale
                hess[k] = curvature if weight != zero else zero
            if grad is not None:
                grad[k] = slope if weight != zero else zero


@kernel
def binary_rows(x, t, pos, neg, scale, ignore, values, grad, hess, work):
    """Write what is asked for of a block of elements; return the sum of the values, before `scale`."""
    # indexed, since unpacked they would be strided to the compiler
    held, small, large, tail, value = work[0], work[1], work[2], work[3], work[4]
    total, error = 0.0, 0.0
    for i in range(0, x.size, CHUNK):
        j = i + CHUNK
        part = x[i:j]
        for k in range(part.size):  # a copy that grad cannot overlap
            held[k] = part[k]
        logistic(part, small, large, tail)
        _chunk(
            held[: part.size],
            t[i:j],
            rows_or_none(pos, i, j),
            rows_or_none(neg, i, j),
            scale,
            ignore,
            value,
            rows_or_none(grad, i, j),
            rows_or_none(hess, i, j),
            small,
            large,
            tail,
        )
        total, error = add(total, error, sum_of(value[: part.size]))
        if values is not None:
            for k in range(part.size):
                values[i + k] = value[k] * scale
    return finish(total, error)


@kernel
def _block(b, logits, target, pos, neg, scale, ignore, values, grad, hess, size, sums, work):
    i, j = b * size, (b + 1) * size
    x = logits[i:j]
    sums[b] = binary_rows(
        x,
        target[i:j],
        repeat_or_none(pos, i, i + x.size),
        repeat_or_none(neg, i, i + x.size),
        scale,
        ignore,
        rows_or_none(values, i, j),
        rows_or_none(grad, i, j),
        rows_or_none(hess, i, j),
        work[b],
    )


@driver
def _binary(logits, target, pos, neg, scale, ignore, values, grad, hess, size, sums, work):
    for b in prange(sums.size):
        _block(np.int64(b), logits, target, pos, neg, scale, ignore, values, grad, hess, size, sums, work)


class _Problem(NamedTuple):
    """A call after its checks."""

    layout: _layout.Layout
    target: np.ndarray
    form: _weights.BinaryForm
    ignore: int | None
    reduction: str

    def run(self, values: np.ndarray | None, grad: np.ndarray | None = None, hess: np.ndarray | None = None) -> float:
        """Write what is asked for; return the sum of the values."""
        logits, form = self.layout.data, self.form
        number = logits.dtype.type
        size = form.size
        n_blocks = -(-logits.size // size)
        sums, work = np.empty(n_blocks), np.empty((n_blocks, 5, CHUNK), number)
        ignore = None if self.ignore is None else number(self.ignore)
        scale = number(form.factor)
        _threads.run(_binary, logits.size, logits, self.target, form.pos, form.neg, scale, ignore, values, grad, hess, size, sums, work)
        return float(sums[0] if n_blocks == 1 else sums.sum()) * form.factor

    def values(self) -> np.ndarray | None:
        return np.empty_like(self.layout.data) if self.reduction == "none" else None

    def finish(self, total: float, values: np.ndarray | None) -> Any:
        return _layout.finish(total, values, self.form.factor, self.reduction, self.layout)


def _checked(
    logits: Any, target: Any, weight: Any, pos_weight: Any, ignore_index: Any, reduction: Any, **outs: np.ndarray | None
) -> _Problem:
    if (
        weight is None
        and pos_weight is None
        and ignore_index is None
        and reduction is _MEAN
        and "out_hess" not in outs
        and type(logits) is type(target) is np.ndarray
        and (type(outs["out"]) is np.ndarray or outs["out"] is None)
        and _rowwise.is_plain_call(logits, target, outs["out"], False)
    ):
        # nothing but defaults: the shortest way, in one call
        layout = _layout.Layout(logits.reshape(-1), False, logits, logits.ndim - 1, logits.shape)
        return _Problem(layout, target.reshape(-1), _weights.plain_binary_form(target.size, True), None, _MEAN)
    layout = _layout.as_flat(logits)
    source = layout.source
    reduction = _checks.check_reduction(reduction)
    ignore = None if ignore_index is None else _checks.as_integer(ignore_index, "ignore_index")
    targets = _checks.as_targets(target, source.shape)
    for name, out in outs.items():
        if out is not None:
            inputs = {"logits": source, "target": target, "weight": weight, "pos_weight": pos_weight}
            _checks.check_out(out, source.shape, source.dtype, inputs, name, in_place=name != "out_hess")
    weight = _checks.as_broadcast_weights(weight, source.shape, "weight")
    pos_weight = _checks.as_broadcast_weights(pos_weight, source.shape, "pos_weight")
    data = _layout.like_data(targets, layout)
    form = _weights.binary_form(data, source.shape, weight, pos_weight, ignore, reduction == "mean")
    return _Problem(layout, data, form, ignore, reduction)


def binary_cross_entropy_with_logits(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = _MEAN,
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
    problem = _checked(logits, target, weight, pos_weight, ignore_index, reduction, out=None)
    values = problem.values()
    return problem.finish(problem.run(values), values)


def binary_cross_entropy_with_logits_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = _MEAN,
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
    value = problem.run(values, grad)
    return problem.finish(value, values), _layout.from_data(grad, problem.layout, out)


def binary_cross_entropy_with_logits_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    pos_weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = _MEAN,
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
    problem.run(None, grad, hess)
    return _layout.from_data(grad, problem.layout, out_grad), _layout.from_data(hess, problem.layout, out_hess)
