"""A call of a loss after its checks, on rows or on elements, and the three forms that every loss of logits has."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._core import checks as _checks
from .._core import layout as _layout
from .._core import threads as _threads
from .._kernels import sigmoid as binary_kernels
from .._kernels import softmax as kernels
from .._kernels import sums as _rows
from .._native import scans as _scans
from . import weights as _weights

# The defaults of public functions. A call that leaves them alone passes these very objects, so it
# is told by identity.
IGNORE = -100  # torch's
OFF, LAST = 0.0, -1
MEAN = "mean"
_NO_VALUES = np.empty(0)
# Larger targets are checked by several threads (see `_weights`).
_MOST_PLAIN = 1 << 16
# What the caller knows each as.
_OUTS = {"out": "out", "out_grad": "out[0]", "out_hess": "out[1]"}


def _is_plain(logits: Any, target: Any, outs: dict[str, Any], labels: bool) -> bool:
    """Whether nothing is left to check; only for a call without options."""
    return (
        "out_hess" not in outs
        and type(logits) is type(target) is np.ndarray
        and (type(outs["out"]) is np.ndarray or outs["out"] is None)
        and target.size <= _MOST_PLAIN
        and _scans.is_plain_call(logits, target, outs["out"], labels)
    )


def _check_outs(outs: dict[str, Any], layout: _layout.Layout, inputs: dict[str, Any]) -> None:
    for name, out in outs.items():
        if out is not None:
            _checks.check_out(
                out,
                layout.source.shape,
                layout.source.dtype,
                inputs,
                _OUTS[name],
                in_place=name != "out_hess",
            )


# ---- rows ----------------------------------------------------------------------------------------


class Rows(NamedTuple):
    """A call after its checks: the logits as rows, the arguments of the drivers, and what the result is divided by."""

    layout: _layout.Layout
    target: np.ndarray
    form: _weights.NormalForm
    reduction: str
    z_loss: float
    modulation: Any

    def run(
        self,
        values: np.ndarray | None = None,
        grad: np.ndarray | None = None,
        hess: np.ndarray | None = None,
    ) -> float:
        """Write what is asked for; return the sum of the values."""
        logits, form = self.layout.data, self.form
        n, n_classes = logits.shape
        rows, n_blocks, step = _rows.blocks(n, n_classes)
        work_rows = kernels.WORK_ROWS + (
            0 if self.modulation is None else _rows.turned(n_classes, step)
        )
        sums, work = np.empty(n_blocks), np.empty((n_blocks, work_rows, step), logits.dtype)
        results = _NO_VALUES if values is None else values, grad, hess, rows, sums, work
        if self.target.ndim == 1 and not form.spread.size and not self.z_loss:
            _threads.run(
                kernels.index,
                logits.size,
                logits,
                self.target,
                form.hit,
                form.factor,
                self.modulation,
                *results,
            )
        else:
            numbers = form.hit, form.row, form.scale, form.spread, self.z_loss, form.factor
            _threads.run(kernels.general, logits.size, logits, self.target, *numbers, *results)
        return float(sums[0]) if n_blocks == 1 else float(sums.sum())

    def values(self) -> np.ndarray | None:
        """Return memory for unreduced losses, None where they are not asked for."""
        return np.empty(self.layout.data.shape[0]) if self.reduction == "none" else None

    def finish(self, total: float, values: np.ndarray | None) -> Any:
        """Return what the loss function returns."""
        return _layout.finish(
            total, values, self.form.factor, self.layout.value_shape, self.layout.source.dtype
        )


def check_rows(
    logits: Any,
    target: Any,
    weight: Any,
    sample_weight: Any,
    ignore_index: Any,
    label_smoothing: Any,
    z_loss: Any,
    reduction: Any,
    axis: Any,
    modulation: Any = None,
    **outs: np.ndarray | None,
) -> Rows:
    """Check the arguments of a loss of rows. With a `modulation` (see `_cross_entropy_kernels`) the target is class indices."""
    if (
        weight is None
        and sample_weight is None
        and label_smoothing is OFF
        and z_loss is OFF
        and ignore_index is IGNORE
        and reduction is MEAN
        and axis is LAST
        and _is_plain(logits, target, outs, labels=True)
    ):
        # nothing but defaults: the shortest way, in one call
        layout = _layout.Layout(logits, False, logits, 1, logits.shape[:1])
        return Rows(layout, target, _weights.plain_form(target.size, True), MEAN, OFF, modulation)
    layout = _layout.as_rows(logits, axis)
    _check_outs(
        outs,
        layout,
        {"logits": logits, "target": target, "weight": weight, "sample_weight": sample_weight},
    )
    target, form, reduction, z_loss = check_row_options(
        target,
        layout.value_shape,
        layout.data.shape[1],
        None if modulation is not None else layout.source.shape,
        lambda probabilities: _layout.like_data(probabilities, layout),
        weight,
        sample_weight,
        ignore_index,
        label_smoothing,
        z_loss,
        reduction,
    )
    return Rows(layout, target, form, reduction, z_loss, modulation)


def check_row_options(
    target: Any,
    shape: tuple[int, ...],
    n_classes: int,
    probabilities_shape: tuple[int, ...] | None,
    as_probabilities: Callable[[np.ndarray], np.ndarray],
    weight: Any,
    sample_weight: Any,
    ignore_index: Any,
    label_smoothing: Any,
    z_loss: Any,
    reduction: Any,
) -> tuple[np.ndarray, _weights.NormalForm, str, float]:
    """Check all but the logits of a loss of rows of this shape; return target, normal form, reduction and z_loss.

    The target is class indices, or probabilities if it has their shape (None: it cannot), and
    `as_probabilities` makes rows of them.
    """
    reduction = _checks.check_reduction(reduction)
    smoothing = _checks.check_fraction(label_smoothing, "label_smoothing")
    z_loss = _checks.check_coefficient(z_loss, "z_loss")
    ignore_index = _checks.as_integer(ignore_index, "ignore_index")
    target = _checks.as_array(target, "target")
    weight = _checks.as_weights(weight, (n_classes,), "weight", "class")
    sample_weight = _checks.as_weights(sample_weight, shape, "sample_weight", "row")
    if sample_weight is not None:
        sample_weight = sample_weight.reshape(-1)
    mean = reduction == "mean"
    if target.dtype.kind == "f" and target.shape == probabilities_shape:
        if ignore_index != IGNORE:
            raise ValueError(
                f"ignore_index must be left alone when target holds probabilities; got {ignore_index}"
            )
        target = as_probabilities(target)
        return (
            target,
            _weights.probability_form(target, shape, weight, sample_weight, smoothing, mean),
            reduction,
            z_loss,
        )
    labels = _checks.as_labels(target, shape, probabilities_shape=probabilities_shape)
    form = _weights.index_form(
        labels, shape, n_classes, weight, sample_weight, ignore_index, smoothing, mean
    )
    return labels, form, reduction, z_loss


# ---- elements ------------------------------------------------------------------------------------


class Elements(NamedTuple):
    """A call after its checks: the logits as one row of elements."""

    layout: _layout.Layout
    target: np.ndarray
    form: _weights.BinaryForm
    ignore: int | None
    reduction: str
    modulation: Any

    def run(
        self,
        values: np.ndarray | None = None,
        grad: np.ndarray | None = None,
        hess: np.ndarray | None = None,
    ) -> float:
        """Write what is asked for; return the sum of the values."""
        logits, form = self.layout.data, self.form
        number = logits.dtype.type
        size = form.size
        n_blocks = -(-logits.size // size)
        sums, work = (
            np.empty(n_blocks),
            np.empty((n_blocks, binary_kernels.WORK_ROWS, binary_kernels.CHUNK), number),
        )
        ignore = None if self.ignore is None else number(self.ignore)
        scale = number(form.factor)
        numbers = form.pos, form.neg, scale, ignore, self.modulation
        _threads.run(
            binary_kernels.binary,
            logits.size,
            logits,
            self.target,
            *numbers,
            values,
            grad,
            hess,
            size,
            sums,
            work,
        )
        return float(sums[0] if n_blocks == 1 else sums.sum()) * form.factor

    def values(self) -> np.ndarray | None:
        """Return memory for unreduced losses, None where they are not asked for."""
        return np.empty_like(self.layout.data) if self.reduction == "none" else None

    def finish(self, total: float, values: np.ndarray | None) -> Any:
        """Return what the loss function returns."""
        return _layout.finish(
            total, values, self.form.factor, self.layout.value_shape, self.layout.source.dtype
        )


def check_elements(
    logits: Any,
    target: Any,
    weight: Any,
    pos_weight: Any,
    ignore_index: Any,
    reduction: Any,
    modulation: Any = None,
    **outs: np.ndarray | None,
) -> Elements:
    """Check the arguments of a loss of elements."""
    if (
        weight is None
        and pos_weight is None
        and ignore_index is None
        and reduction is MEAN
        and _is_plain(logits, target, outs, labels=False)
    ):
        # nothing but defaults: the shortest way, in one call
        layout = _layout.Layout(logits.reshape(-1), False, logits, logits.ndim - 1, logits.shape)
        return Elements(
            layout,
            target.reshape(-1),
            _weights.plain_binary_form(target.size, True),
            None,
            MEAN,
            modulation,
        )
    layout = _layout.as_flat(logits)
    source = layout.source
    reduction = _checks.check_reduction(reduction)
    ignore = None if ignore_index is None else _checks.as_integer(ignore_index, "ignore_index")
    targets = _checks.as_targets(target, source.shape)
    _check_outs(
        outs,
        layout,
        {"logits": logits, "target": target, "weight": weight, "pos_weight": pos_weight},
    )
    weight = _checks.as_broadcast_weights(weight, source.shape, "weight")
    pos_weight = _checks.as_broadcast_weights(pos_weight, source.shape, "pos_weight")
    data = _layout.like_data(targets, layout)
    form = _weights.binary_form(data, source.shape, weight, pos_weight, ignore, reduction == "mean")
    return Elements(layout, data, form, ignore, reduction, modulation)


# ---- forms ---------------------------------------------------------------------------------------


def value(problem: Rows | Elements) -> Any:
    """Return the loss."""
    values = problem.values()
    return problem.finish(problem.run(values), values)


def value_and_grad(problem: Rows | Elements, out: np.ndarray | None) -> tuple[Any, np.ndarray]:
    """Return the loss and its gradient, which is written to `out`."""
    values = problem.values()
    grad = _layout.result_data(problem.layout, out)
    total = problem.run(values, grad)
    return problem.finish(total, values), _layout.from_data(grad, problem.layout, out)


def grad_and_hess(
    problem: Rows | Elements, out_grad: np.ndarray | None, out_hess: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian diagonal, which are written to the outs."""
    grad = _layout.result_data(problem.layout, out_grad)
    hess = _layout.result_data(problem.layout._replace(own=False), out_hess)
    problem.run(None, grad, hess)
    return _layout.from_data(grad, problem.layout, out_grad), _layout.from_data(
        hess, problem.layout, out_hess
    )
