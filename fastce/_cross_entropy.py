"""Softmax cross-entropy: formula, kernels, public forms.

Rows i, classes k, logits x, p = softmax(x), lse = log-sum-exp. The options become the normal form hit_i, row_i, scale_k, spread_k (see
`_weights`), and that the coefficients c of a row, with C_i = sum_k c_ik::

    c_ik = hit_i [k = y_i] + row_i spread_k                 class indices y
    c_ik = hit_i scale_k q_ik + row_i spread_k              probabilities q

    value_i = sum_k c_ik (lse_i - x_ik)      grad_ik = C_i p_ik - c_ik      hess_ik = C_i p_ik (1 - p_ik)

How a row keeps its digits is told in `_rows`. A row is opened (its exponentials and value), then closed (its gradient); opening and
closing come in two kinds, one for each kind of target, and are chosen by the target's type when the kernel is compiled.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import prange, types
from numba.extending import overload

from . import _checks, _layout, _threads, _weights
from ._jit import driver, kernel, reduction
from ._rows import add, block_rows, exp_row, finish, hess_row, largest_of, of_row, part, total_of

_IGNORE = -100  # torch's


@kernel
def _exp_terms(x, row_max, terms):
    # terms (K,) <- exp(x - row_max), returns rest. All work is done in `terms`, so that it may be x itself: one array has no aliases.
    if x.ctypes.data != terms.ctypes.data:
        for k in range(x.size):
            terms[k] = x[k]
    return exp_row(terms, row_max)


@reduction
def _spread_gap(spread, x, row_max):
    # sum_k spread_k (row_max - x_k); a zero spread contributes 0 whatever it meets
    total = 0.0
    for k in range(x.size):
        gap = np.float64(row_max) - np.float64(x[k])
        total += spread[k] * gap if spread[k] != 0.0 else 0.0
    return total


@kernel
def _open_index_row(x, y, hit, row, scale, spread, terms):
    row_max = largest_of(x)
    value, weight = 0.0, hit
    if hit != 0.0:
        value = hit * (np.float64(row_max) - np.float64(x[y]))
    if spread.size and row != 0.0:
        value += row * _spread_gap(spread, x, row_max)
        weight += row * spread.sum()
    rest = _exp_terms(x, row_max, terms)
    return value + weight * math.log1p(rest), rest, weight


@kernel
def _close_index_row(terms, y, rest, weight, hit, row, scale, spread):
    narrow = terms.dtype.type
    term = np.float64(terms[y])
    p, others = term / (1.0 + rest), (rest + (1.0 - term)) / (1.0 + rest)
    factor = narrow(weight / (1.0 + rest))
    # y's entry is built from the others, since p_y - 1 would cancel
    if spread.size:
        for k in range(terms.size):
            terms[k] = terms[k] * factor - narrow(row * spread[k])
        terms[y] = ((weight - hit) * p - row * spread[y]) - hit * others
    else:
        for k in range(terms.size):
            terms[k] *= factor
        terms[y] = -hit * others


@kernel
def _coefficient(q, hit, row, scale, spread, k):
    c = hit * np.float64(q[k])
    if scale.size:
        c *= scale[k]
    return c + row * spread[k] if spread.size else c


@reduction
def _coefficient_sums(x, q, hit, row, scale, spread, row_max):
    # sum_k c_k and sum_k c_k (row_max - x_k); a zero c contributes 0 whatever it meets
    weight, gap = 0.0, 0.0
    for k in range(x.size):
        c = _coefficient(q, hit, row, scale, spread, k)
        weight += c
        gap += c * (np.float64(row_max) - np.float64(x[k])) if c != 0.0 else 0.0
    return weight, gap


@kernel
def _open_probability_row(x, q, hit, row, scale, spread, terms):
    row_max = largest_of(x)
    weight, gap = _coefficient_sums(x, q, hit, row, scale, spread, row_max)
    rest = _exp_terms(x, row_max, terms)
    return gap + weight * math.log1p(rest), rest, weight


@kernel
def _close_probability_row(terms, q, rest, weight, hit, row, scale, spread):
    for k in range(terms.size):
        term = np.float64(terms[k])
        c = _coefficient(q, hit, row, scale, spread, k)
        p, others = term / (1.0 + rest), (rest + (1.0 - term)) / (1.0 + rest)
        # C p - c, built from 1 - p where p is large, so that a confident row does not cancel
        terms[k] = (weight - c) - weight * others if p > 0.5 else weight * p - c


def _open_row(x, target, hit, row, scale, spread, terms):
    # x (K,) -> value of the row, rest, C; terms (K,) becomes exp(x - max x)
    open_row = _open_probability_row if isinstance(target, np.ndarray) else _open_index_row
    return open_row(x, target, hit, row, scale, spread, terms)


def _close_row(terms, target, rest, weight, hit, row, scale, spread):
    # terms = exp(x - max x) becomes the gradient
    close_row = _close_probability_row if isinstance(target, np.ndarray) else _close_index_row
    close_row(terms, target, rest, weight, hit, row, scale, spread)


@overload(_open_row)
def _choose_open_row(x, target, hit, row, scale, spread, terms):
    open_row = _open_probability_row if isinstance(target, types.Array) else _open_index_row
    return lambda x, target, hit, row, scale, spread, terms: open_row(x, target, hit, row, scale, spread, terms)


@overload(_close_row)
def _choose_close_row(terms, target, rest, weight, hit, row, scale, spread):
    close_row = _close_probability_row if isinstance(target, types.Array) else _close_index_row
    return lambda terms, target, rest, weight, hit, row, scale, spread: close_row(terms, target, rest, weight, hit, row, scale, spread)


# In what follows: logits (n, K); target (n,) class indices or (n, K) probabilities; hit, row (n,) or (1,); scale, spread (K,) or (0,);
# values (n,) or (0,); grad, hess (n, K), of which grad may be logits itself.


@kernel
def _rows_value(logits, target, hit, row, scale, spread, values):
    total, error = 0.0, 0.0
    scratch = np.empty_like(logits[0])
    for i in range(logits.shape[0]):
        hit_i, row_i, value = of_row(hit, i), of_row(row, i), 0.0
        if hit_i != 0.0 or row_i != 0.0:
            value, _, _ = _open_row(logits[i], target[i], hit_i, row_i, scale, spread, scratch)
            total, error = add(total, error, value)
        if values.size:
            values[i] = value
    return finish(total, error)


@kernel
def rows_value_and_grad(logits, target, hit, row, scale, spread, values, grad):
    """Sum the loss of rows and write each row's value and gradient; a row with hit = row = 0 is not looked at."""
    total, error = 0.0, 0.0
    for i in range(logits.shape[0]):
        hit_i, row_i, value = of_row(hit, i), of_row(row, i), 0.0
        if hit_i != 0.0 or row_i != 0.0:
            value, rest, weight = _open_row(logits[i], target[i], hit_i, row_i, scale, spread, grad[i])
            _close_row(grad[i], target[i], rest, weight, hit_i, row_i, scale, spread)
            total, error = add(total, error, value)
        else:
            grad[i] = 0
        if values.size:
            values[i] = value
    return finish(total, error)


@kernel
def _rows_grad_and_hess(logits, target, hit, row, scale, spread, grad, hess):
    for i in range(logits.shape[0]):
        hit_i, row_i = of_row(hit, i), of_row(row, i)
        if hit_i != 0.0 or row_i != 0.0:
            _, rest, weight = _open_row(logits[i], target[i], hit_i, row_i, scale, spread, grad[i])
            hess_row(grad[i], rest, weight, hess[i])
            _close_row(grad[i], target[i], rest, weight, hit_i, row_i, scale, spread)
        else:
            grad[i] = 0
            hess[i] = 0


@driver
def _value(logits, target, hit, row, scale, spread, values):
    n, n_classes = logits.shape
    step = block_rows(n_classes)
    sums = np.zeros((n + step - 1) // step)
    for b in prange(sums.size):
        i, j = b * step, min(n, (b + 1) * step)
        sums[b] = _rows_value(logits[i:j], target[i:j], part(hit, i, j), part(row, i, j), scale, spread, part(values, i, j))
    return total_of(sums)


@driver
def _value_and_grad(logits, target, hit, row, scale, spread, values, grad):
    n, n_classes = logits.shape
    step = block_rows(n_classes)
    sums = np.zeros((n + step - 1) // step)
    for b in prange(sums.size):
        i, j = b * step, min(n, (b + 1) * step)
        sums[b] = rows_value_and_grad(
            logits[i:j], target[i:j], part(hit, i, j), part(row, i, j), scale, spread, part(values, i, j), grad[i:j]
        )
    return total_of(sums)


@driver
def _grad_and_hess(logits, target, hit, row, scale, spread, grad, hess):
    n, n_classes = logits.shape
    step = block_rows(n_classes)
    for b in prange((n + step - 1) // step):
        i, j = b * step, min(n, (b + 1) * step)
        _rows_grad_and_hess(logits[i:j], target[i:j], part(hit, i, j), part(row, i, j), scale, spread, grad[i:j], hess[i:j])


class _Problem(NamedTuple):
    """A call after its checks: the logits as rows, the arguments of the drivers, and what the result is divided by."""

    layout: _layout.Layout
    target: np.ndarray
    form: _weights.NormalForm
    reduction: str

    @property
    def arguments(self) -> tuple[np.ndarray, ...]:
        form = self.form
        return self.layout.data, self.target, form.hit, form.row, form.scale, form.spread

    def run(self, kernel_driver: Any, *results: np.ndarray) -> Any:
        return _threads.run(kernel_driver, self.layout.data.size, *self.arguments, *results)

    def values(self) -> np.ndarray:
        return np.empty(self.layout.data.shape[0] if self.reduction == "none" else 0)

    def finish(self, total: float, values: np.ndarray) -> Any:
        return _layout.finish(total, values, self.form.divisor, self.reduction, self.layout)


def _checked(
    logits: Any,
    target: Any,
    weight: Any,
    sample_weight: Any,
    ignore_index: Any,
    label_smoothing: Any,
    reduction: Any,
    axis: Any,
    **outs: np.ndarray | None,
) -> _Problem:
    layout = _layout.as_rows(logits, axis)
    n, n_classes = layout.data.shape
    reduction = _checks.check_reduction(reduction)
    smoothing = _checks.check_fraction(label_smoothing, "label_smoothing") if label_smoothing else 0.0
    ignore_index = _checks.as_integer(ignore_index, "ignore_index")
    target = np.asarray(target)
    for name, out in outs.items():
        if out is not None:
            inputs = {"logits": layout.source, "target": target, "weight": weight, "sample_weight": sample_weight}
            _checks.check_out(out, layout.source.shape, layout.source.dtype, inputs, name, in_place=name != "out_hess")
    weight = _checks.as_weights(weight, (n_classes,), "weight", "class")
    sample_weight = _checks.as_weights(sample_weight, layout.value_shape, "sample_weight", "row")
    if sample_weight is not None:
        sample_weight = sample_weight.reshape(-1)
    mean = reduction == "mean"
    if target.dtype.kind == "f" and target.shape == layout.source.shape:
        if ignore_index != _IGNORE:
            raise ValueError(f"ignore_index must be left alone when target holds probabilities; got {ignore_index}")
        form = _weights.probability_form(n, n_classes, weight, sample_weight, smoothing, mean)
        return _Problem(layout, _layout.like_data(target, layout), form, reduction)
    labels = _checks.as_labels(target, layout.value_shape)
    form = _weights.index_form(labels, n_classes, weight, sample_weight, ignore_index, smoothing, mean)
    return _Problem(layout, labels, form, reduction)


def cross_entropy(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = _IGNORE,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    axis: int = -1,
) -> Any:
    r"""Softmax cross-entropy of logits and class indices or class probabilities.

    For a row of logits x of K classes, class index y, class weights w, sample weight s and label smoothing e::

        loss = s * [ (1 - e) w_y (lse(x) - x_y)  +  e / K * sum_k w_k (lse(x) - x_k) ],      lse(x) = log(sum_k exp(x_k))

    and for probabilities q::

        loss = s * sum_k w_k ((1 - e) q_k + e / K) (lse(x) - x_k)

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Unnormalised log-probabilities, the classes along `axis`. float16 is computed in float32, integers in float64.
    target : array_like
        Integers shaped like `logits` without `axis`: class indices from 0 to K - 1. Or floats shaped like `logits`: probabilities q,
        which need not sum to 1.
    weight : array_like of shape (K,), optional
        A weight for each class.
    sample_weight : array_like shaped like `logits` without `axis`, optional
        A weight for each row.
    ignore_index : int, default -100
        Rows with this class index are skipped: no loss, zero gradient, not counted in the mean. Not for probabilities.
    label_smoothing : float from 0 to 1, default 0.0
        The part of each target that is spread evenly over all classes.
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" divides the sum by the sum of w_y s over the rows that are not ignored (class indices), or by the sum of s, which is the
        number of rows when `sample_weight` is None (probabilities).
    axis : int, default -1
        The axis of the classes; 1 for torch's layout (N, K, d1, ...).

    Returns
    -------
    float or ndarray
        The loss in nats, summed in float64; with reduction "none" an array of the rows' shape and the logits' dtype.
        The mean of no rows is NaN.

    Raises
    ------
    TypeError
        If an array or option is of the wrong kind, such as complex logits or labels that are not integers.
    ValueError
        If a shape does not fit, a label is out of range (the message names row and value), a weight is negative or not finite, all
        weights are zero, or an option is out of its range.

    See Also
    --------
    cross_entropy_value_and_grad : The same and its gradient, in one pass.
    cross_entropy_grad_and_hess : Gradient and Hessian diagonal.
    nll_loss : The same for log-probabilities.

    Notes
    -----
    The names and meanings are those of ``torch.nn.functional.cross_entropy``; `sample_weight` and `axis` are added. A row is computed
    as (max x - x_y) + log1p(rest), where rest leaves the largest term out of the sum of exponentials, so that confident rows keep
    their digits [1]_. Rows that are ignored or of weight zero are not looked at, whatever they hold; a NaN in another row makes that
    row NaN; 0 times infinity is 0.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of
       Numerical Analysis 41 (2021).

    Examples
    --------
    >>> import fastce
    >>> fastce.cross_entropy([[0.0, 1.0, 2.0, 3.0]], [3])
    0.44018969856119533
    >>> fastce.cross_entropy([[1.3, 2.0], [1.3, 2.0]], [1, 0], weight=[1.3, 2.0], reduction="none")
    array([0.80637209, 1.43414187])
    """
    problem = _checked(logits, target, weight, sample_weight, ignore_index, label_smoothing, reduction, axis)
    values = problem.values()
    return problem.finish(problem.run(_value, values), values)


def cross_entropy_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = _IGNORE,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    axis: int = -1,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Softmax cross-entropy and its gradient with respect to the logits, in one pass over memory.

    With the loss of `cross_entropy`, p = softmax(x), the coefficients c_k = s ((1 - e) w_y [k = y] + e w_k / K) of class indices or
    c_k = s w_k ((1 - e) q_k + e / K) of probabilities, and d the divisor of the mean (1 for the sum)::

        grad_k = (p_k sum_j c_j - c_k) / d

    Parameters
    ----------
    logits, target, weight, sample_weight, ignore_index, label_smoothing, axis
        As in `cross_entropy`.
    reduction : {"mean", "sum", "none"}, default "mean"
        As in `cross_entropy`; with "none" the gradient is that of the sum: row i holds the gradient of value i.
    out : ndarray of the logits' shape and dtype, optional
        Where the gradient is written. It may be `logits` itself, and must not overlap an input otherwise.

    Returns
    -------
    value : float or ndarray
        As `cross_entropy` returns it.
    grad : ndarray
        The gradient, in the logits' shape and dtype (integers: float64); `out` itself if it was given.
        For a row that is ignored, and everywhere for the mean of no rows, it is exactly 0.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`, and if `out` does not fit or overlaps an input. Nothing is written then.

    Examples
    --------
    >>> import fastce
    >>> value, grad = fastce.cross_entropy_value_and_grad([[0.0, 1.0, 2.0, 3.0]], [3])
    >>> value, grad.round(4)
    (0.44018969856119533, array([[ 0.0321,  0.0871,  0.2369, -0.3561]]))
    """
    problem = _checked(logits, target, weight, sample_weight, ignore_index, label_smoothing, reduction, axis, out=out)
    values = problem.values()
    grad = _layout.result_data(problem.layout, out)
    value = problem.run(_value_and_grad, values, grad)
    return problem.finish(value, values), _layout.from_data(grad, problem.layout, out)


def cross_entropy_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = _IGNORE,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    axis: int = -1,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of softmax cross-entropy and the diagonal of its Hessian, as boosting libraries ask of an objective.

    With the symbols of `cross_entropy_value_and_grad`::

        grad_k = (p_k sum_j c_j - c_k) / d          hess_k = p_k (1 - p_k) sum_j c_j / d

    Parameters
    ----------
    logits, target, weight, sample_weight, ignore_index, label_smoothing, reduction, axis
        As in `cross_entropy_value_and_grad`. Boosting wants ``reduction="sum"``.
    out : pair of ndarrays of the logits' shape and dtype, optional
        Where gradient and Hessian diagonal are written. The first may be `logits` itself.

    Returns
    -------
    grad, hess : ndarray
        In the logits' shape and dtype (integers: float64). The Hessian diagonal is exact, with no factor of K / (K - 1).

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy_value_and_grad`.

    Examples
    --------
    >>> import fastce
    >>> grad, hess = fastce.cross_entropy_grad_and_hess([[0.0, 0.0]], [1], reduction="sum")
    >>> grad, hess
    (array([[ 0.5, -0.5]]), array([[0.25, 0.25]]))
    """
    out_grad, out_hess = _checks.as_pair(out)
    problem = _checked(
        logits, target, weight, sample_weight, ignore_index, label_smoothing, reduction, axis, out_grad=out_grad, out_hess=out_hess
    )
    grad = _layout.result_data(problem.layout, out_grad)
    hess = _layout.result_data(problem.layout._replace(own=False), out_hess)
    problem.run(_grad_and_hess, grad, hess)
    return _layout.from_data(grad, problem.layout, out_grad), _layout.from_data(hess, problem.layout, out_hess)
