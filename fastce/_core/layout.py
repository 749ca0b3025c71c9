"""Arrays of any shape, axis, strides and float dtype to the C-contiguous memory that kernels read, and results back."""

import math
from typing import Any, NamedTuple

import numpy as np

from . import checks as _checks


class Layout(NamedTuple):
    """Where the elements of an input lie.

    `data` is C-contiguous float32 or float64: rows (n, K), or flat (n,) for elementwise losses. It
    is only read, unless `own` says that it is a copy of ours. `source` is the caller's array,
    `axis` the one that was moved last, `value_shape` the shape of unreduced losses.
    """

    data: np.ndarray
    own: bool
    source: np.ndarray
    axis: int
    value_shape: tuple[int, ...]


def as_rows(x: Any, axis: Any, name: str = "logits") -> Layout:
    """Return `x` with the classes along `axis` as rows; float16 is widened to float32."""
    if type(axis) is int and _checks.is_plain(x) and x.ndim == 2 and axis in (-1, 1) and x.shape[1]:
        return Layout(x, False, x, 1, x.shape[:1])
    source = _checks.as_float_array(x, name)
    if source.ndim == 0:
        raise ValueError(
            f"{name} must have at least one dimension, the classes; got a single number"
        )
    axis = _checks.check_axis(axis, source.ndim)
    n_classes = source.shape[axis]
    if n_classes == 0:
        raise ValueError(
            f"{name} must have at least one class; got shape {source.shape} with axis {axis}"
        )
    moved = _axis_last(source, axis)
    return _layout(moved, (-1, n_classes), source, axis, moved.shape[:-1])


def as_flat(x: Any, name: str = "logits") -> Layout:
    """Return the elements of `x`; float16 is widened to float32."""
    if _checks.is_plain(x) and x.ndim:
        return Layout(x.reshape(-1), False, x, x.ndim - 1, x.shape)
    source = _checks.as_float_array(x, name)
    return _layout(source, (-1,), source, source.ndim - 1, source.shape)


def _layout(
    moved: np.ndarray,
    shape: tuple[int, ...],
    source: np.ndarray,
    axis: int,
    value_shape: tuple[int, ...],
) -> Layout:
    dtype = np.float32 if source.dtype == np.float16 else source.dtype
    own = source.dtype != dtype or not moved.flags.c_contiguous or not moved.flags.aligned
    data = _checks.contiguous(moved, dtype).reshape(shape)
    return Layout(data if own else _checks.unlocked(data), own, source, axis, value_shape)


def _axis_last(x: np.ndarray, axis: int) -> np.ndarray:
    return x if axis == x.ndim - 1 else np.moveaxis(x, axis, -1)


def converted(target: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return a target as a C-contiguous array of the dtype of the logits; it is only read."""
    with np.errstate(over="ignore"):
        result = _checks.contiguous(target, dtype)
    if (
        target.dtype.itemsize > result.dtype.itemsize
        and (lost := np.isinf(result) & np.isfinite(target)).any()
    ):
        raise ValueError(
            f"target must be within the range of {dtype}, the dtype of the logits; got {target[lost][0]}"
        )
    return _checks.unlocked(result)


def like_data(x: np.ndarray, layout: Layout) -> np.ndarray:
    """Return a target shaped like the input in the layout and dtype of `layout.data`; it is only read."""
    return converted(_axis_last(x, layout.axis), layout.data.dtype).reshape(layout.data.shape)


def result_data(layout: Layout, out: np.ndarray | None) -> np.ndarray:
    """Return memory for a result shaped like the input: `out` itself where its layout allows, else memory of ours."""
    if out is not None and out.dtype == layout.data.dtype:
        if out is layout.data or (layout.source is layout.data and out.flags.c_contiguous):
            return out
        moved = _axis_last(out, layout.axis)
        if moved.flags.c_contiguous:
            return moved.reshape(layout.data.shape)
    return layout.data if layout.own else np.empty_like(layout.data)


def from_data(data: np.ndarray, layout: Layout, out: np.ndarray | None) -> np.ndarray:
    """Return a result in the shape, axis order and dtype of the input; in `out` if it is given."""
    if out is not None and (
        out is data or _checks.may_overlap(out, data)
    ):  # data is memory of ours else
        return out
    if (
        data.ndim == layout.source.ndim
        and layout.axis == data.ndim - 1
        and data.dtype == layout.source.dtype
        and out is None
    ):
        return data
    result = data.reshape(_axis_last(layout.source, layout.axis).shape)
    if layout.axis != result.ndim - 1:
        result = np.moveaxis(result, -1, layout.axis)
    with np.errstate(over="ignore"):  # what is above float16's largest number is inf there
        if out is not None:
            out[...] = result
            return out
        return result.astype(layout.source.dtype, copy=False)


def finish(
    total: float, values: np.ndarray | None, factor: float, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    """Return what a loss function returns: a float, or an array of the losses of this shape and dtype, where there are any."""
    if values is not None:
        with np.errstate(over="ignore"):
            return values.reshape(shape).astype(dtype)
    return total if factor else math.nan
