"""Arrays of any shape, axis, strides and float dtype as the kernels take them, and back."""

import math
from typing import Any, NamedTuple

import numpy as np

from .._native import tiles
from . import checks, pool
from .flags import silent
from .memory import contiguous, is_plain, may_overlap, unlocked

_FLOAT32 = np.dtype(np.float32)


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
    """Where the rows (n, K) of an input lie, or the elements (n,) of one.

    Kernels read `data`, C-contiguous float32 or float64, or through tiles what `view` shows of the
    caller's memory, (outer, inner, K) of any strides and dtype; then data holds no rows, but has
    their dtype and number of classes. `source` is the caller's array, `axis` the one of the
    classes, `value_shape` the shape of unreduced losses.
    """

    data: np.ndarray
    view: np.ndarray | None
    source: np.ndarray
    axis: int
    value_shape: tuple[int, ...]

    @property
    def n(self) -> int:
        """The number of rows, or of elements."""
        return count(self.data, self.view)


class Result(NamedTuple):
    """Where a result like an input goes: as in `Layout`.

    `array` is what the caller gets; where no view of it can be written, `view` is memory of ours.
    """

    data: np.ndarray
    view: np.ndarray | None
    array: np.ndarray
    is_copy: bool


class Target(NamedTuple):
    """Targets of rows or elements, as in `Layout`; class indices are `data` (n,) int64."""

    data: np.ndarray
    view: np.ndarray | None = None

    @property
    def n(self) -> int:
        """The number of rows, or of elements."""
        return count(self.data, self.view)


def count(data: np.ndarray, view: np.ndarray | None) -> int:
    """Return how many rows `data` holds, or `view` shows."""
    return len(data) if view is None else view.shape[0] * view.shape[1]


def as_rows(x: Any, axis: Any, name: str = "logits") -> Layout:
    """Return `x` with the classes along `axis` as rows."""
    if type(axis) is int and is_plain(x) and x.ndim == 2 and axis in (-1, 1) and x.shape[1]:
        return Layout(x, None, x, 1, x.shape[:1])
    source, axis = as_classes(x, axis, name)
    moved = axis_last(source, axis)
    data, view = as_tiles(moved, computed_in(source.dtype))
    return Layout(data, view, source, axis, moved.shape[:-1])


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
    """Return the elements of `x`."""
    if is_plain(x) and x.ndim:
        return Layout(x.reshape(-1), None, x, x.ndim - 1, x.shape)
    source = checks.as_float_array(x, name)
    data, view = as_tiles(source[..., None], computed_in(source.dtype), flat=True)
    return Layout(data, view, source, source.ndim - 1, source.shape)


def computed_in(dtype: np.dtype) -> np.dtype:
    """Return the dtype that numbers of `dtype` are computed in: that of 16 bits are widened."""
    return _FLOAT32 if dtype.itemsize == 2 else dtype


def axis_last(x: np.ndarray, axis: int) -> np.ndarray:
    """Return `x` with this axis moved to the end."""
    return x if axis == x.ndim - 1 else np.moveaxis(x, axis, -1)


def as_tiles(
    rows: np.ndarray, dtype: np.dtype, flat: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the two first fields of a `Layout` of rows (..., K), which kernels read as `dtype`.

    With `flat` they are elements, of K = 1.
    """
    shape = (-1,) if flat else (-1, rows.shape[-1])
    if rows.dtype == dtype and rows.flags.c_contiguous and rows.flags.aligned:
        return unlocked(rows.reshape(shape)), None
    if rows.size == 0:
        return np.empty(rows.shape, dtype).reshape(math.prod(rows.shape[:-1]), *shape[1:]), None
    return np.empty((0, *shape[1:]), dtype), as_view(rows)


def as_view(rows: np.ndarray) -> np.ndarray:
    """Return rows (..., K) as (outer, inner, K), of which tiles are made.

    It is a copy where strides or addresses allow no view. uint16 stands for bfloat16.
    """
    view = outer_inner(rows) if rows.flags.aligned else None
    if view is None:
        view = contiguous(rows, rows.dtype).reshape(1, -1, rows.shape[-1])
    return as_bits(view)


def as_bits(x: np.ndarray) -> np.ndarray:
    """Return bfloat16 as uint16, which stands for it in `fastce._native.tiles`; `x` else."""
    return x.view(np.uint16) if x.dtype.char not in "efd" else x


def like_input(x: np.ndarray, layout: Layout) -> Target:
    """Return a target like the input; it is only read."""
    flat = layout.data.ndim == 1
    return as_target(x[..., None] if flat else axis_last(x, layout.axis), layout.data.dtype, flat)


def as_target(rows: np.ndarray, dtype: np.dtype, flat: bool = False) -> Target:
    """Return a target (..., K) that kernels read as `dtype`."""
    is_wide = dtype == np.float64 and rows.dtype.itemsize == 2
    if is_wide or not (rows.dtype.isnative and checks.is_float(rows.dtype)):
        rows = contiguous(rows, dtype)  # tiles of float64 are not made of 16 bits
    return Target(*as_tiles(rows, dtype, flat))


def loaded(data: np.ndarray, view: np.ndarray | None) -> np.ndarray:
    """Return rows or elements in `data`, or those that `view` shows, read into memory of ours."""
    if view is None:
        return data
    n = count(data, view)
    rows = np.empty((n, *data.shape[1:]), data.dtype)
    pool.split(
        lambda first, last: tiles.load_rows(view, rows, first, last), n, rows.nbytes, min_length=64
    )
    return rows


def store(rows: np.ndarray, result: Result) -> None:
    """Write rows or elements, float32 or float64 in memory of ours, to a result."""
    view = result.view
    if view is None:
        result.data[...] = rows
        return
    pool.split(
        lambda first, last: tiles.store_rows(rows, view, first, last),
        count(result.data, view),
        rows.nbytes,
        min_length=64,
    )


def result_like(layout: Layout, out: np.ndarray | None) -> Result:
    """Return memory for a result like the input, in the order of its axes: `out` if it is given."""
    source, data, flat = layout.source, layout.data, layout.data.ndim == 1
    is_new = out is None
    if out is None:
        out = np.empty_like(source, subok=False)
    is_last = flat or layout.axis == source.ndim - 1
    is_ready = layout.view is None and is_last and out.dtype == data.dtype
    if is_ready and (is_new or out.flags.carray):
        return Result(out.reshape(data.shape), None, out, False)
    rows = out[..., None] if flat else axis_last(out, layout.axis)
    if out.dtype == data.dtype and rows.flags.carray:  # kernels are compiled for aligned arrays
        return Result(rows.reshape((-1, *data.shape[1:])) if out.size else data, None, out, False)
    if out.size == 0:
        return Result(data, None, out, False)
    view = outer_inner(rows) if out.flags.aligned else None
    if view is None:
        view = np.empty((1, layout.n, rows.shape[-1]), out.dtype)
        return Result(data[:0], as_bits(view), out, True)
    return Result(data[:0], as_bits(view), out, False)


def finish_result(result: Result, layout: Layout) -> np.ndarray:
    """Return the caller's array after a kernel has written the result."""
    if result.is_copy:
        flat = layout.data.ndim == 1
        place = result.array[..., None] if flat else axis_last(result.array, layout.axis)
        bits = as_bits(place)
        bits[...] = result.view.reshape(bits.shape)
    return result.array


def in_memory_order(result: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return memory for a result in the order of the axes of `source`: `result` if it has that."""
    like = np.empty_like(source)
    has_order = result.dtype == like.dtype and all(
        one == other or n == 1
        for one, other, n in zip(result.strides, like.strides, like.shape, strict=True)
    )
    return result if has_order else like


def deliver(result: np.ndarray, dtype: np.dtype, out: np.ndarray | None) -> np.ndarray:
    """Return `result` as `dtype`, in `out` if that is given."""
    if result is out or (out is None and result.dtype == dtype):
        return result
    if out is None and dtype.itemsize == 2 and result.flags.carray:
        return narrowed(result, dtype)
    if out is None:
        out = np.empty_like(result, dtype)
    if out.nbytes < pool.MIN_SPLIT_BYTES:
        _copy(result, out)
    else:  # in another order of memory it takes longer than the loss itself
        longest = int(np.argmax(out.shape))
        source, place = np.moveaxis(result, longest, 0), np.moveaxis(out, longest, 0)
        pool.split(lambda a, b: _copy(source[a:b], place[a:b]), len(place), out.nbytes)
    return out


def _copy(source: np.ndarray, out: np.ndarray) -> None:
    # float32 to float16 may overflow to inf or fall to 0: the right answers, no warning
    with silent():
        out[...] = source


def narrowed(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the contiguous `x`, float32 or float64, as numbers of 16 bits, rounded once."""
    out, flat = np.empty(x.shape, dtype), x.reshape(-1)
    bits = as_bits(out.reshape(1, -1, 1))
    pool.split(
        lambda first, last: tiles.store_rows(flat, bits, first, last),
        flat.size,
        flat.nbytes,
        min_length=64,
    )
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
        if values.dtype == dtype:
            return values.reshape(shape)
        if dtype.itemsize == 2:
            return narrowed(values, dtype).reshape(shape)
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
    inner = groups[-1][0] if groups else 1
    return x.reshape(-1, inner, x.shape[-1])  # a view, since NumPy merges axes by the same rule


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
    data, order = _in_memory_order(np.array(x, order="K"))
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
    return x.flags.c_contiguous and x.flags.aligned


def _in_memory_order(x: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    # `x` with its axes from the longest stride to the shortest, and which axes of `x` they are
    order = tuple(sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis])))
    return x.transpose(order), order
