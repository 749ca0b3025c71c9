"""Softmax cross-entropy: public forms.

With the coefficients c of a row (see `_cross_entropy_kernels`) and C = sum_k c_k::

    value = sum_k c_k (lse - x_k)      grad_k = C p_k - c_k      hess_k = C p_k (1 - p_k)

and what z-loss adds to them.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _checks, _layout, _rows, _rowwise, _threads, _weights
from . import _cross_entropy_kernels as kernels

_IGNORE = -100  # torch's
_OFF, _LAST = 0.0, -1
_MEAN = "mean"
_NO_VALUES = np.empty(0)


class _Problem(NamedTuple):
    """A call after its checks: the logits as rows, the arguments of the drivers, and what the result is divided by."""

    layout: _layout.Layout
    target: np.ndarray
    form: _weights.NormalForm
    reduction: str
    z_loss: float

    def run(self, values: np.ndarray, grad: np.ndarray | None = None, hess: np.ndarray | None = None) -> float:
        """Write what is asked for; return the sum of the values."""
        logits, form = self.layout.data, self.form
        rows, n_blocks, step = _rows.blocks(*logits.shape)
        sums, work = np.empty(n_blocks), np.empty((n_blocks, 5, step), logits.dtype)
        results = values, grad, hess, rows, sums, work
        if self.target.ndim == 1 and not form.spread.size and not self.z_loss:
            _threads.run(kernels.index, logits.size, logits, self.target, form.hit, form.factor, *results)
        else:
            numbers = form.hit, form.row, form.scale, form.spread, self.z_loss, form.factor
            _threads.run(kernels.general, logits.size, logits, self.target, *numbers, *results)
        return float(sums[0]) if n_blocks == 1 else float(sums.sum())

    def values(self) -> np.ndarray:
        return np.empty(self.layout.data.shape[0]) if self.reduction == "none" else _NO_VALUES

    def finish(self, total: float, values: np.ndarray) -> Any:
        return _layout.finish(total, values, self.form.factor, self.reduction, self.layout)


def _checked(
    logits: Any,
    target: Any,
    weight: Any,
    sample_weight: Any,
    ignore_index: Any,
    label_smoothing: Any,
    z_loss: Any,
    reduction: Any,
    axis: Any,
    **outs: np.ndarray | None,
) -> _Problem:
    if (
        weight is None
        and sample_weight is None
        and label_smoothing is _OFF
        and z_loss is _OFF
        and ignore_index is _IGNORE
        and reduction is _MEAN
        and axis is _LAST
        and "out_hess" not in outs
        and type(logits) is type(target) is np.ndarray
        and (type(outs["out"]) is np.ndarray or outs["out"] is None)
        and _rowwise.is_plain_call(logits, target, outs["out"], True)
    ):
        # nothing but defaults: the shortest way, in one call
        return _Problem(
            _layout.Layout(logits, False, logits, 1, logits.shape[:1]), target, _weights.plain_form(target.size, True), _MEAN, _OFF
        )
    layout = _layout.as_rows(logits, axis)
    n_classes = layout.data.shape[1]
    reduction = _checks.check_reduction(reduction)
    smoothing = _checks.check_fraction(label_smoothing, "label_smoothing")
    z_loss = _checks.check_coefficient(z_loss, "z_loss")
    ignore_index = _checks.as_integer(ignore_index, "ignore_index")
    target = _checks.as_array(target, "target")
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
        probabilities = _layout.like_data(target, layout)
        form = _weights.probability_form(probabilities, layout.value_shape, weight, sample_weight, smoothing, mean)
        return _Problem(layout, probabilities, form, reduction, z_loss)
    labels = _checks.as_labels(target, layout.value_shape, probabilities_shape=layout.source.shape)
    form = _weights.index_form(labels, layout.value_shape, n_classes, weight, sample_weight, ignore_index, smoothing, mean)
    return _Problem(layout, labels, form, reduction, z_loss)


def cross_entropy(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = _IGNORE,
    label_smoothing: float = _OFF,
    z_loss: float = _OFF,
    reduction: str = _MEAN,
    axis: int = _LAST,
) -> Any:
    r"""Softmax cross-entropy of logits and class indices or class probabilities.

    For a row of logits x of K classes, class index y, class weights w, sample weight s, label smoothing e and z-loss z::

        loss = s * [ (1 - e) w_y (lse(x) - x_y)  +  e / K * sum_k w_k (lse(x) - x_k)  +  z lse(x)^2 ]

    with lse(x) = log(sum_k exp(x_k)), and for probabilities q::

        loss = s * [ sum_k w_k ((1 - e) q_k + e / K) (lse(x) - x_k)  +  z lse(x)^2 ]

    Parameters
    ----------
    logits : array_like of float16, float32, float64 or integers, shape (..., K, ...)
        Unnormalised log-probabilities, the classes along `axis`. float16 is computed in float32, integers in float64.
    target : array_like
        Integers shaped like `logits` without `axis`: class indices from 0 to K - 1. Or floats shaped like `logits`: probabilities q,
        finite and not negative, which need not sum to 1.
    weight : array_like of shape (K,), optional
        A weight for each class.
    sample_weight : array_like shaped like `logits` without `axis`, optional
        A weight for each row.
    ignore_index : int, default -100
        Rows with this class index are skipped: no loss, zero gradient, not counted in the mean. Not for probabilities.
    label_smoothing : float from 0 to 1, default 0.0
        The part of each target that is spread evenly over all classes. A class whose logit is -inf is masked out: the part is spread
        over the other classes alone (torch returns inf).
    z_loss : float, default 0.0
        Coefficient of the squared log-normaliser, which keeps logits from drifting; 1e-4 is usual for large models [2]_.
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
    A row whose largest logit is +inf, or whose logits are all -inf, is NaN.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of
       Numerical Analysis 41 (2021).
    .. [2] A. Chowdhery et al., "PaLM: Scaling Language Modeling with Pathways", JMLR 24 (2023), section 5.

    Examples
    --------
    >>> import fastce
    >>> fastce.cross_entropy([[0.0, 1.0, 2.0, 3.0]], [3])
    0.44018969856119533
    >>> fastce.cross_entropy([[1.3, 2.0], [1.3, 2.0]], [1, 0], weight=[1.3, 2.0], reduction="none")
    array([0.8063721 , 1.43414186])
    """
    problem = _checked(logits, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis, out=None)
    values = problem.values()
    return problem.finish(problem.run(values), values)


def cross_entropy_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = _IGNORE,
    label_smoothing: float = _OFF,
    z_loss: float = _OFF,
    reduction: str = _MEAN,
    axis: int = _LAST,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Softmax cross-entropy and its gradient with respect to the logits, in one pass over memory.

    With the loss of `cross_entropy`, p = softmax(x), the coefficients c_k = s ((1 - e) w_y [k = y] + e w_k / K) of class indices or
    c_k = s w_k ((1 - e) q_k + e / K) of probabilities, and d the divisor of the mean (1 for the sum)::

        grad_k = (p_k (sum_j c_j + 2 s z lse) - c_k) / d

    Parameters
    ----------
    logits, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, axis
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
    problem = _checked(logits, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis, out=out)
    values = problem.values()
    grad = _layout.result_data(problem.layout, out)
    value = problem.run(values, grad)
    return problem.finish(value, values), _layout.from_data(grad, problem.layout, out)


def cross_entropy_grad_and_hess(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = _IGNORE,
    label_smoothing: float = _OFF,
    z_loss: float = _OFF,
    reduction: str = _MEAN,
    axis: int = _LAST,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of softmax cross-entropy and the diagonal of its Hessian, as boosting libraries ask of an objective.

    With the symbols of `cross_entropy_value_and_grad`::

        grad_k = (p_k (sum_j c_j + 2 s z lse) - c_k) / d
        hess_k = (p_k (1 - p_k) (sum_j c_j + 2 s z lse) + 2 s z p_k^2) / d

    Parameters
    ----------
    logits, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis
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
        logits, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis, out_grad=out_grad, out_hess=out_hess
    )
    grad = _layout.result_data(problem.layout, out_grad)
    hess = _layout.result_data(problem.layout._replace(own=False), out_hess)
    problem.run(_NO_VALUES, grad, hess)
    return _layout.from_data(grad, problem.layout, out_grad), _layout.from_data(hess, problem.layout, out_hess)
