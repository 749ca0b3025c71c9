"""A checked call of a loss, on rows or on elements.

`check_rows` and `check_elements` check the arguments of a public function and make a `Call` of
them; `_forms` makes results of that. One scan in C (`scans.is_plain_call`) recognises a call with
nothing but defaults, since the checks in Python would take longer than the loss itself. It accepts
only calls for which the checks below change nothing, which a test compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._core import checks, layout
from .._core.layout import Layout, Rows, Target
from .._native import scans
from . import weights
from .table import INDICES, PROBABILITIES
from .weights import RowForm

# The defaults of public functions. A call that does not set them passes these objects themselves,
# so that ``is`` recognises it.
IGNORE = -100  # torch's
OFF = 0.0
LAST = -1
MEAN = "mean"
# What the target of a loss of rows may be.
EITHER = "either"  # INDICES or PROBABILITIES
# What users of torch need to know whose call fails.
_AXIS_HINT = " (with classes on axis 1, as in torch, pass axis=1)"
# Elements of the largest target that `scans.is_plain_call` scans, on one thread; several threads
# scan larger ones (see `weights`).
_MAX_PLAIN_SIZE = 1 << 16


class RowOptions(NamedTuple):
    """The options of a loss of rows, unchecked."""

    weight: Any = None
    sample_weight: Any = None
    ignore_index: Any = IGNORE
    label_smoothing: Any = OFF
    z_loss: Any = OFF
    reduction: Any = MEAN
    axis: Any = LAST


class ElementOptions(NamedTuple):
    """The options of a loss of elements, unchecked."""

    weight: Any = None
    pos_weight: Any = None
    ignore_index: Any = None
    reduction: Any = MEAN


class Call(NamedTuple):
    """A checked call.

    ``evaluate(call, values, grad, hess)`` writes what is not None and returns the reduced loss; the
    factor 1 / divisor is in all of them. `loss` are the parameters of a loss of its own (see
    `fastce._kernels.protocol`). `unreduced` tells whether values are wanted, of `value_dtype`;
    `outs` is where the caller wants derivatives, None for new memory.
    """

    layout: Layout
    target: Target
    form: Any
    unreduced: bool
    outs: tuple[Any, ...]
    evaluate: Callable[..., float]
    loss: Any
    value_dtype: Any


# ---- checks --------------------------------------------------------------------------------------


def _is_plain(logits: Any, target: Any, outs: tuple[Any, ...], labels: bool) -> bool:
    """Whether nothing is left to check of a call without options."""
    out = outs[0] if outs else None
    return (
        len(outs) < 2
        and type(logits) is type(target) is np.ndarray
        and (out is None or type(out) is np.ndarray)
        and target.size <= _MAX_PLAIN_SIZE
        and scans.is_plain_call(logits, target, out, labels)
    )


def check_outs(outs: tuple[Any, ...], x: Layout, inputs: dict[str, Any]) -> None:
    """Check that derivatives can be written to `outs`.

    The first of them may be the first of `inputs` itself.
    """
    for i, out in enumerate(outs):
        if out is not None:
            name = "out" if len(outs) == 1 else f"out[{i}]"
            checks.check_out(out, x.source.shape, x.source.dtype, inputs, name, in_place=i == 0)


def check_rows(
    logits: Any,
    target: Any,
    options: RowOptions,
    evaluate: Callable[..., float],
    targets: str = EITHER,
    loss: Any = None,
    outs: tuple[Any, ...] = (),
    name: str = "logits",
) -> Call:
    """Check the arguments of a loss of rows whose target is of one of the kinds `targets`."""
    weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, axis = options
    if (
        weight is None
        and sample_weight is None
        and label_smoothing is OFF
        and z_loss is OFF
        and ignore_index is IGNORE
        and reduction is MEAN
        and axis is LAST
        and targets is not PROBABILITIES
        and _is_plain(logits, target, outs, labels=True)
    ):
        x = Layout(logits, None, logits, 1, logits.shape[:1])
        form = weights.plain_row_form(target.size)
        return Call(x, Target(target), form, False, outs, evaluate, loss, np.float64)
    x = layout.as_rows(logits, axis, name)
    if outs:
        inputs = {
            name: logits,
            "target": target,
            "weight": weight,
            "sample_weight": sample_weight,
        }
        check_outs(outs, x, inputs)
    shape = x.source.shape
    rows = Rows(x.value_shape, shape[x.axis], shape, x.axis, x.data.dtype)
    target, form, unreduced = check_row_options(target, rows, options, targets)
    return Call(x, target, form, unreduced, outs, evaluate, loss, np.float64)


def check_row_options(
    target: Any, rows: Rows, options: RowOptions, targets: str = EITHER
) -> tuple[Target, RowForm, bool]:
    """Check all arguments of a loss of rows but the logits.

    Return the target, the normal form, and whether the loss of every row is wanted.
    """
    weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction, _ = options
    hint = _AXIS_HINT if rows.axis == len(rows.soft_shape) - 1 > 1 else ""
    if reduction is not MEAN:
        reduction = checks.check_reduction(reduction)
    if label_smoothing is not OFF:
        label_smoothing = checks.check_fraction(label_smoothing, "label_smoothing")
    if z_loss is not OFF:
        z_loss = checks.check_coefficient(z_loss, "z_loss")
    if ignore_index is not IGNORE:
        ignore_index = checks.as_integer(ignore_index, "ignore_index")
    if type(target) is not np.ndarray:
        target = checks.as_array(target, "target")
    if weight is not None:
        weight = checks.as_weights(weight, (rows.n_classes,), "weight", "class", hint)
    if sample_weight is not None:
        sample_weight = checks.as_weights(sample_weight, rows.shape, "sample_weight", "row", hint)
        sample_weight = sample_weight.reshape(-1)
    mean = reduction == "mean"
    shape = rows.soft_shape
    if targets is PROBABILITIES:
        target = checks.as_targets(target, shape, hint=hint)
    is_float = target.dtype.kind == "f" or checks.is_float(target.dtype)
    if targets is not INDICES and is_float and target.shape == shape:
        if ignore_index != IGNORE:
            raise ValueError(
                "ignore_index must be left alone when target holds probabilities; "
                f"got {ignore_index}"
            )
        taken = layout.as_target(layout.axis_last(target, rows.axis), rows.dtype)
        form = weights.probability_form(taken, rows, weight, sample_weight, label_smoothing, mean)
    else:
        soft_shape = None if targets is INDICES else shape
        target = checks.as_labels(target, rows.shape, "target", soft_shape, hint)
        form = weights.index_form(
            target, rows, weight, sample_weight, ignore_index, label_smoothing, mean
        )
        taken = Target(target)
    if z_loss:
        form = form._replace(z_loss=z_loss)
    return taken, form, reduction == "none"


def check_elements(
    logits: Any,
    target: Any,
    options: ElementOptions,
    evaluate: Callable[..., float],
    loss: Any = None,
    outs: tuple[Any, ...] = (),
) -> Call:
    """Check the arguments of a loss of elements."""
    weight, pos_weight, ignore_index, reduction = options
    if (
        weight is None
        and pos_weight is None
        and ignore_index is None
        and reduction is MEAN
        and _is_plain(logits, target, outs, labels=False)
    ):
        x = Layout(logits.reshape(-1), None, logits, logits.ndim - 1, logits.shape)
        form = weights.plain_element_form(target.size)
        return Call(x, Target(target.reshape(-1)), form, False, outs, evaluate, loss, logits.dtype)
    x = layout.as_flat(logits)
    shape = x.source.shape
    if reduction is not MEAN:
        reduction = checks.check_reduction(reduction)
    if ignore_index is not None:
        ignore_index = checks.as_integer(ignore_index, "ignore_index")
    targets = checks.as_targets(target, shape)
    if outs:
        inputs = {"logits": logits, "target": target, "weight": weight, "pos_weight": pos_weight}
        check_outs(outs, x, inputs)
    if weight is not None:
        weight = checks.as_broadcast_weights(weight, shape, "weight")
    if pos_weight is not None:
        pos_weight = checks.as_broadcast_weights(pos_weight, shape, "pos_weight")
    data = layout.like_input(targets, x)
    mean = reduction == "mean"
    form = weights.element_form(data, shape, weight, pos_weight, ignore_index, mean)
    unreduced = reduction == "none"
    return Call(x, data, form, unreduced, outs, evaluate, loss, x.data.dtype)
