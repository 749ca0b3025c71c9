"""Arrays of any shape, axis, strides and float dtype as the kernels take them, and back."""

import math
from typing import Any, NamedTuple

import numpy as np

from . import checks
from .flags import silent
from .memory import contiguous, is_plain, may_overlap, unlocked


class Rows(NamedTuple):
    """What must be known of logits to check a target: their shape as rows, their dtype as computed.

    `shape` is that of labels, `soft_shape` that of probabilities, whose classes lie along `axis`.
    """

    shape: tuple[int, ...]
    n_classes: int
    soft_shape: tuple[int, ...]
    axis: int
    dtype: np.dtype


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
    if type(axis) is int and is_plain(x) and x.ndim == 2 and axis in (-1, 1) and x.shape[1]:
        return Layout(x, False, x, 1, x.shape[:1])
    source, axis = as_classes(x, axis, name)
    moved = axis_last(source, axis)
    return _layout(moved, (-1, moved.shape[-1]), source, axis, moved.shape[:-1])


def as_classes(x: Any, axis: Any, name: str = "logits") -> tuple[np.ndarray, int]:
    """Return `x` as a float array with at least one class along `axis`, counted from the front."""
    source = checks.as_float_array(x, name)
    if source.ndim == 0:
        raise ValueError(
            f"{name} must have at least one dimension, the classes; got a single number"
        )
    axis = checks.check_axis(axis, source.ndim)
    if source.shape[axis] == 0:
        raise ValueError(
            f"{name} must have at least one class; got shape {source.shape} with axis {axis}"
        )
    return source, axis


def as_flat(x: Any, name: str = "logits") -> Layout:
    """Return the elements of `x`; float16 is widened to float32."""
    if is_plain(x) and x.ndim:
        return Layout(x.reshape(-1), False, x, x.ndim - 1, x.shape)
    source = checks.as_float_array(x, name)
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
    data = contiguous(moved, dtype).reshape(shape)
    return Layout(data if own else unlocked(data), own, source, axis, value_shape)


def axis_last(x: np.ndarray, axis: int) -> np.ndarray:
    """Return `x` with this axis moved to the end."""
    return x if axis == x.ndim - 1 else np.moveaxis(x, axis, -1)


def converted(target: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return a target as a C-contiguous array of the dtype of the logits; it is only read."""
    if type(target) is np.ndarray and target.dtype == dtype and target.flags.carray:
        return target
    result = contiguous(target, dtype)
    if (
        target.dtype.itemsize > result.dtype.itemsize
        and (lost := np.isinf(result) & np.isfinite(target)).any()
    ):
        raise ValueError(
            f"target must be within the range of {dtype}, the dtype of the logits; "
            f"got {target[lost][0]}"
        )
    return unlocked(result)


def like_data(x: np.ndarray, layout: Layout) -> np.ndarray:
    """Return a target like the input in the layout and dtype of `layout.data`; it is only read."""
    return converted(axis_last(x, layout.axis), layout.data.dtype).reshape(layout.data.shape)


def result_data(layout: Layout, out: np.ndarray | None) -> np.ndarray:
    """Return memory for a result like the input: that of `out` where its layout allows."""
    if out is not None and out.dtype == layout.data.dtype:
        if out is layout.data or (layout.source is layout.data and out.flags.carray):
            return out
        moved = axis_last(out, layout.axis)
        if moved.flags.carray:  # kernels are compiled for aligned arrays
            return moved.reshape(layout.data.shape)
    return layout.data if layout.own else np.empty_like(layout.data)


def from_data(data: np.ndarray, layout: Layout, out: np.ndarray | None) -> np.ndarray:
    """Return a result in the shape, axis order and dtype of the input; in `out` if it is given."""
    source = layout.source
    if out is None:
        if data.ndim == source.ndim == layout.axis + 1 and data.dtype == source.dtype:
            return data
    elif out is data or may_overlap(out, data):  # data is memory of ours else
        return out
    last = source.ndim - 1
    shape = source.shape
    result = data.reshape(
        shape[: layout.axis] + shape[layout.axis + 1 :] + shape[layout.axis :][:1]
    )
    if layout.axis != last:
        result = np.moveaxis(result, -1, layout.axis)
    return deliver(result, source.dtype, out)


def deliver(result: np.ndarray, dtype: np.dtype, out: np.ndarray | None) -> np.ndarray:
    """Return `result` as `dtype`, in `out` if that is given."""
    if result is out or (out is None and result.dtype == dtype):
        return result
    # float32 to float16 may overflow to inf or fall to 0: the right answers, no warning
    with silent():
        if out is None:
            return result.astype(dtype)
        out[...] = result
    return out


def result_memory(shape: tuple[int, ...], dtype: np.dtype, out: np.ndarray | None) -> np.ndarray:
    """Return C-contiguous memory for a result: `out` itself where it is that, else new."""
    if out is not None and out.dtype == dtype and out.flags.carray:
        return out
    return np.empty(shape, dtype)


def finish(
    total: float, values: np.ndarray | None, factor: float, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    """Return what a loss returns: a float, or `values` as an array of this shape and dtype.

    The mean of nothing, whose factor is 0, is NaN.
    """
    if values is not None:
        with silent():
            return values.reshape(shape).astype(dtype)
    return total if factor else math.nan


def outer_inner(x: np.ndarray) -> np.ndarray | None:
    """Return a view of the rows x (..., K) as (outer, inner, K); None where strides allow none."""
    if x.size == 0:
        return x.reshape(0, 1, x.shape[-1])
    groups: list[tuple[int, int]] = []
    for length, stride in zip(x.shape[:-1], x.strides[:-1], strict=True):
        if groups and groups[-1][1] == length * stride:
            groups[-1] = groups[-1][0] * length, stride
        elif length > 1:
            groups.append((length, stride))
    if len(groups) > 2:
        return None
    lengths, strides = zip(*groups, (1, 0), (1, 0), strict=True)
    return np.lib.stride_tricks.as_strided(
        x, (*lengths[:2], x.shape[-1]), (*strides[:2], x.strides[-1])
    )


# ---- any order of the axes -----------------------------------------------------------------------
# Functions of one array (softmax and the like) take rows and columns of any C-contiguous array, so
# they change the order of the axes where losses would copy.


class Reordered(NamedTuple):
    """An input as aligned, C-contiguous `data`, float32 or float64, its axes in another order.

    `order` holds the axes of the input in the order of those of data; `own` tells whether data is
    a copy.
    """

    data: np.ndarray
    order: tuple[int, ...]
    own: bool

    def result(self, out: np.ndarray | None) -> np.ndarray:
        """Return memory for a result in the order of data: that of `out`, if that is ready."""
        if out is not None and _is_ready(place := out.transpose(self.order)):
            return place
        return self.data if self.own else np.empty(self.data.shape, self.data.dtype)


def reordered(x: np.ndarray) -> Reordered:
    """Return `x` with its axes in an order in which it is ready; a copy if there is none."""
    if _is_ready(x):
        return Reordered(x, tuple(range(x.ndim)), False)
    data, order = _in_memory_order(x)
    if _is_ready(data):
        return Reordered(data, order, False)
    dtype = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    with silent():  # a signalling NaN
        copy = np.array(x, dtype=dtype, order="K")
    data, order = _in_memory_order(copy)
    return Reordered(data, order, True)  # the copy has no gaps and no negative strides


def restored(result: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Undo the reordering of axes."""
    return result.transpose([order.index(axis) for axis in range(len(order))])


def plain_result_memory(x: np.ndarray, out: np.ndarray | None) -> np.ndarray | None:
    """Return memory for a result like the plain `x`, or None if `out` must be checked first."""
    if out is None:
        return np.empty(x.shape, x.dtype)
    if out is x or (
        is_plain(out) and out.shape == x.shape and out.dtype == x.dtype and not may_overlap(x, out)
    ):
        return out
    return None


def _is_ready(x: np.ndarray) -> bool:
    return x.flags.c_contiguous and x.flags.aligned and x.dtype != np.float16


def _in_memory_order(x: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    # `x` with its axes from the longest stride to the shortest, and which axes of `x` they are
    order = tuple(sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis])))
    return x.transpose(order), order
