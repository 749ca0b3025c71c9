"""What an argument must be: every check and every error message on arrays and options.

Each function returns the argument in the form that kernels take, or raises an error that names the
argument, the rule, what came, and where. No check writes to its argument.
"""

import numbers
import operator
import sys
from typing import Any

import numpy as np

from .flags import silent
from .memory import contiguous, may_overlap, overlaps, overlaps_itself, same_memory, unlocked

REDUCTIONS = ("mean", "sum", "none")
LARGEST_WEIGHT = float(np.finfo(np.float32).max)
_INT64 = np.dtype(np.int64)
_FLOAT64 = np.dtype(np.float64)
_FLOATS = (np.float16, np.float32, np.float64)


def is_float(dtype: np.dtype) -> bool:
    """Whether this is a dtype of floats that is taken, bfloat16 of the package ml_dtypes too."""
    return dtype.type in _FLOATS or dtype.name == "bfloat16"


def as_array(x: Any, name: str) -> np.ndarray:
    """Return `x` as an array of whatever dtype."""
    if type(x) is np.ndarray:
        return x
    if is_sparse(x):
        raise TypeError(f"{name} must be a dense array; got a sparse matrix (its toarray() is one)")
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must be an array without a mask; got a masked array "
            "(use weights or ignore_index instead)"
        )
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"{name} must be an array; got a {type(x).__name__} that is not one: {error}"
        ) from None


def as_float_array(x: Any, name: str) -> np.ndarray:
    """Return `x` as an array of float16, bfloat16, float32 or float64 in native byte order.

    Integers and booleans become float64.
    """
    array = x if type(x) is np.ndarray else as_array(x, name)
    if is_float(array.dtype):
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    raise TypeError(
        f"{name} must be an array of float16, bfloat16, float32, float64, integers or booleans; "
        f"got dtype {array.dtype}"
    )


def check_axis(axis: Any, ndim: int, name: str = "axis") -> int:
    """Return `axis` counted from the front."""
    try:
        index = operator.index(None if isinstance(axis, bool) else axis)
    except TypeError:
        raise TypeError(f"{name} must be an integer; got {axis!r}") from None
    if not -ndim <= index < ndim:
        raise ValueError(
            f"{name} must be from {-ndim} to {ndim - 1} for an array of {ndim} dimensions; "
            f"got {axis}"
        )
    return index % ndim


def check_axes(axis: Any, ndim: int, name: str = "axis") -> tuple[int, ...]:
    """Return an axis, a tuple of them, or all of them for None, counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    if not isinstance(axis, tuple):
        return (check_axis(axis, ndim, name),)
    axes = tuple(check_axis(one, ndim, name) for one in axis)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name} must not name an axis twice; got {axis}")
    return axes


def check_out(
    out: Any,
    shape: tuple[int, ...],
    dtype: Any,
    inputs: dict[str, Any],
    name: str = "out",
    in_place: bool = True,
) -> None:
    """Check that results of this shape and dtype can be written to `out` without changing `inputs`.

    With `in_place` the first of `inputs` may be `out` itself, element for element.
    """
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array; got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"{name} must have shape {shape}; got {out.shape}")
    if out.dtype != dtype:
        raise TypeError(f"{name} must have dtype {np.dtype(dtype)}; got {out.dtype}")
    flags = out.flags
    if not flags.writeable:
        raise ValueError(f"{name} must be writeable; got a read-only array")
    if not flags.c_contiguous and overlaps_itself(out):
        raise ValueError(
            f"{name} must not overlap itself; got strides {out.strides} for shape {out.shape}"
        )
    for position, (other_name, other) in enumerate(inputs.items()):
        if other is None or (in_place and position == 0 and other is out):
            continue
        other = as_array(other, other_name)  # a buffer of another kind may be the same memory, too
        if not may_overlap(out, other):
            continue
        may_be = in_place and position == 0
        if may_be and same_memory(out, other):
            continue
        if overlaps(out, other):
            rule = (
                f"be {other_name} itself or not overlap it"
                if may_be
                else f"not overlap {other_name}"
            )
            raise ValueError(
                f"{name} must {rule}; got an array that shares memory with {other_name}"
            )


def is_sparse(X: Any) -> bool:
    """Tell whether X is one of SciPy's sparse matrices or arrays, without importing them."""
    module = sys.modules.get("scipy.sparse")
    return module is not None and bool(module.issparse(X))


def as_pair(out: Any, name: str = "out") -> tuple[Any, Any]:
    """Return the two arrays of `out`, or None twice; they must not overlap."""
    if out is None:
        return None, None
    if not isinstance(out, tuple | list) or len(out) != 2:
        came = f"{len(out)} of them" if isinstance(out, tuple | list) else type(out).__name__
        raise TypeError(f"{name} must be a pair of arrays (grad, hess); got {came}")
    first, second = out
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray) and overlaps(first, second):
        raise ValueError(f"{name} must be two arrays that share no memory; got overlapping ones")
    return first, second


def as_integer(value: Any, name: str) -> int:
    """Return `value` as an int of 64 bits; floats are not integers, even whole ones."""
    try:
        integer = operator.index(None if isinstance(value, bool) else value)
    except TypeError:
        raise TypeError(f"{name} must be an integer; got {value!r}") from None
    if not -(2**63) <= integer < 2**63:
        raise ValueError(f"{name} must be an integer of 64 bits; got {value!r}")
    return integer


def check_reduction(reduction: Any) -> str:
    """Return `reduction` if it is one of the three."""
    if isinstance(reduction, str) and reduction in REDUCTIONS:
        return reduction
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none'; got {reduction!r}")


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond all floats
        return np.inf


def check_fraction(value: Any, name: str) -> float:
    """Return `value` as a float within [0, 1]."""
    return check_number(value, name, 0.0, 1.0)


def check_coefficient(value: Any, name: str) -> float:
    """Return `value` as a finite float that is not negative."""
    if type(value) is float and 0.0 <= value < np.inf:
        return value
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a finite number, not negative; got {value!r}")
    number = _as_float(value)
    if not 0.0 <= number < np.inf:
        raise ValueError(f"{name} must be finite and not negative; got {value!r}")
    return number


def check_number(value: Any, name: str, least: float, most: float) -> float:
    """Return `value` as a float from `least` to `most`."""
    if type(value) is float and least <= value <= most:
        return value
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number from {least:g} to {most:g}; got {value!r}")
    number = _as_float(value)
    if not least <= number <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}; got {value!r}")
    return number


def as_weights(
    weights: Any, shape: tuple[int, ...], name: str, each: str, hint: str = ""
) -> np.ndarray:
    """Return weights of exactly this shape as a contiguous float64 array: finite, none negative.

    `hint` ends the message where the shape is another one.
    """
    if (
        type(weights) is np.ndarray
        and weights.dtype is _FLOAT64
        and weights.flags.carray
        and weights.shape == shape
    ):
        return check_nonnegative(weights, name, each)
    array = as_float_array(weights, name)
    if array.shape != shape:
        raise ValueError(
            f"{name} must have shape {shape}, one number for each {each}; "
            f"got shape {array.shape}{hint}"
        )
    return unlocked(check_nonnegative(contiguous(array, np.float64), name, each))


def check_nonnegative(weights: np.ndarray, name: str, each: str = "row") -> np.ndarray:
    """Return `weights` if they are finite and none is negative."""
    if weights.size == 0:
        return weights
    bad = ~((weights >= 0.0) & (weights < np.inf))
    if bad.any():
        raise ValueError(f"{name} must be finite and not negative; {_found(weights, bad, each)}")
    return check_not_huge(weights, name, each)


def check_not_huge(weights: np.ndarray, name: str, each: str = "row") -> np.ndarray:
    """Return `weights` if each is within the range of float32.

    Kernels multiply with them in the dtype of the logits.
    """
    if weights.size and not weights.max() <= LARGEST_WEIGHT:
        raise ValueError(
            f"{name} must be at most {LARGEST_WEIGHT:.3g}; "
            f"{_found(weights, ~(weights <= LARGEST_WEIGHT), each)}"
        )
    return weights


def as_labels(
    target: Any,
    shape: tuple[int, ...],
    name: str = "target",
    probabilities_shape: tuple[int, ...] | None = None,
    hint: str = "",
) -> np.ndarray:
    """Return class indices of exactly this shape as a flat, contiguous int64 array.

    Whole numbers of a float dtype are class indices, too: boosting libraries hand over such labels.
    Their range is not checked. `probabilities_shape` is the shape that probabilities would have
    had, None where they are not allowed. `hint` ends the message where the shape is another one.
    """
    array = as_array(target, name)
    if array.shape == shape and array.dtype is _INT64 and array.flags.carray and len(shape) == 1:
        return array
    if array.size == 0 and array.shape == shape:
        return np.empty(0, dtype=np.int64)
    if array.dtype.kind == "f" and array.shape == shape and _are_whole(array):
        return array.astype(np.int64).reshape(-1)
    hint = hint if array.shape != shape else ""
    if array.dtype.kind not in "iu":
        rule = f"{name} must be integers (class indices) of shape {shape}"
        if probabilities_shape is not None:
            rule += f" or floats (probabilities) of shape {probabilities_shape}"
        wrong_shape = (
            array.dtype.kind == "f"
            and probabilities_shape is not None
            and array.ndim == len(probabilities_shape)
        )
        raise (ValueError if wrong_shape else TypeError)(
            f"{rule}; got dtype {array.dtype} and shape {array.shape}{hint}"
        )
    if array.shape != shape:
        other = (
            ""
            if probabilities_shape is None
            else f", or be floats (probabilities) of shape {probabilities_shape}"
        )
        got = f"got dtype {array.dtype} and shape {array.shape}{hint}"
        raise ValueError(f"{name} must have shape {shape}, one class index a row{other}; {got}")
    if array.dtype == np.uint64 and array.size and (array > np.iinfo(np.int64).max).any():
        raise ValueError(
            f"{name} must be class indices; {_found(array, array > np.iinfo(np.int64).max)}"
        )
    return unlocked(contiguous(array, np.int64).reshape(-1))


def _are_whole(x: np.ndarray) -> bool:
    """Whether all of these floats are integers of 64 bits."""
    with silent():  # signalling NaNs
        return bool(((x == np.floor(x)) & (np.abs(x) < 2.0**63)).all())


def label_error(
    target: np.ndarray, row: int, shape: tuple[int, ...], n_classes: int, ignore_index: int
) -> ValueError:
    """Return the error for a label out of range at a row of flat targets of this shape."""
    where = tuple(int(i) for i in np.unravel_index(row, shape))
    return ValueError(
        f"target must be class indices from 0 to {n_classes - 1} (or ignore_index {ignore_index}); "
        f"got {target[row]}{_at(where)}"
    )


def check_unit_interval(x: np.ndarray, name: str) -> None:
    """Check that every entry is from 0 to 1; NaN is not."""
    bad = ~((x >= 0) & (x <= 1))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise unit_interval_error(x[where], where, name)


def unit_interval_error(value: Any, where: tuple[int, ...], name: str) -> ValueError:
    """Return the error for an entry outside [0, 1]."""
    return ValueError(f"{name} must be from 0 to 1; got {value}{_at(where)}")


def probability_error(value: Any, where: tuple[int, ...]) -> ValueError:
    """Return the error for an entry that is no probability, not even an unnormalised one."""
    return ValueError(f"target must be finite and not negative; got {value}{_at(where)}")


def range_error(value: Any, dtype: np.dtype) -> ValueError:
    """Return the error for an entry of a target that the dtype of the logits cannot hold."""
    rule = f"target must be within the range of {dtype}, the dtype of the logits"
    return ValueError(f"{rule}; got {value}")


def as_broadcast_weights(weights: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Return weights that broadcast to this shape, and do not widen it, as float64.

    They must be finite, and none negative.
    """
    array = as_float_array(weights, name)
    try:
        fits = np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} must broadcast to the shape of the input, {shape}; got shape {array.shape}"
        )
    return check_nonnegative(array.astype(np.float64), name, "position")


def as_targets(
    target: Any, shape: tuple[int, ...], name: str = "target", hint: str = ""
) -> np.ndarray:
    """Return targets of exactly this shape as floats; their range is not checked.

    `hint` ends the message where the shape is another one.
    """
    array = as_float_array(target, name)
    if array.shape != shape:
        raise ValueError(
            f"{name} must have the shape of the input, {shape}; got shape {array.shape}{hint}"
        )
    return array


def _at(where: tuple[int, ...], each: str = "row") -> str:
    if not where:
        return ""
    return f" at {each} {where[0]}" if len(where) == 1 else f" at index {where}"


def _found(array: np.ndarray, bad: np.ndarray, each: str = "row") -> str:
    where = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"got {array[where]}{_at(where, each)}"
