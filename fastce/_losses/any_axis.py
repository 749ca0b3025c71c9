"""Special functions along several axes, of chosen elements, or with a factor for each exponential.

What `special` does along one axis, here for the rest of what SciPy's functions take. Axes that are
taken together become one, the last; elements that are left out become -inf; sums with factors,
which may be negative, are NumPy's own, in float64.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .._core.checks import as_array, as_float_array
from .._core.flags import silent


class Merged(NamedTuple):
    """An array whose `axes` are one, the last of `data`; `shape` is what they were, moved last."""

    data: np.ndarray
    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def restored(self, data: np.ndarray) -> np.ndarray:
        """Return an array like `data` with the axes where they were."""
        ends = range(-len(self.axes), 0)
        return np.moveaxis(data.reshape(self.shape), ends, self.axes)


def merged(x: np.ndarray, axes: tuple[int, ...]) -> Merged:
    """Return `x` with these axes as one; a copy where no order of the axes is that already."""
    moved = np.moveaxis(x, axes, range(-len(axes), 0))
    lead, taken = moved.shape[: x.ndim - len(axes)], [x.shape[axis] for axis in axes]
    return Merged(moved.reshape(*lead, math.prod(taken)), axes, moved.shape)


def chosen(x: np.ndarray, where: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return `x` with -inf in place of what `where` leaves out, and `where` in its shape."""
    mask = as_array(where, "where")
    if mask.dtype != np.bool_:
        raise TypeError(f"where must be an array of booleans; got dtype {mask.dtype}")
    try:
        mask = np.broadcast_to(mask, x.shape)
    except ValueError:
        raise ValueError(
            f"where must broadcast to the shape of x, {x.shape}; got shape {mask.shape}"
        ) from None
    return np.where(mask, x, x.dtype.type(-np.inf)), mask


def with_factors(x: np.ndarray, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return `x` and the factors `b` in one shape, both of the dtype of the result.

    That is their dtype together; a Python number has none of its own.
    """
    factors = as_float_array(b, "b")
    dtype = x.dtype if type(b) in (bool, int, float) else np.result_type(x, factors)
    try:
        pair = np.broadcast_arrays(x, factors)
    except ValueError:
        raise ValueError(
            f"b must broadcast with x, of shape {x.shape}; got shape {factors.shape}"
        ) from None
    with silent():  # a number of Python beyond the range of the dtype
        one, other = (array.astype(dtype) for array in pair)
    return one, other


def scaled_logsumexp(
    x: np.ndarray, b: np.ndarray, axes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the magnitude of ``sum(b * exp(x))`` and its sign, kept dimensions.

    The largest terms are taken out of the sum, and what is left goes through log1p, so a sum that
    is nearly b exp(max) keeps its digits.
    """
    with silent():
        b = b.astype(np.float64)
        x = np.where(b == 0.0, -np.inf, x.astype(np.float64))  # 0 times inf is 0
        largest = x.max(axis=axes, keepdims=True, initial=-np.inf)
        is_largest = x == largest
        head = np.where(is_largest, b, 0.0).sum(axis=axes, keepdims=True)
        terms = np.where(is_largest, 0.0, b * np.exp(x - largest))
        rest = terms.sum(axis=axes, keepdims=True)
        ratio, total = rest / head, head + rest
        near = np.log1p(np.where(ratio > -0.5, ratio, 0.0)) + np.log(np.abs(head))
        value = np.where(ratio > -0.5, near, np.log(np.abs(total))) + largest
        sign = np.where(np.isnan(value), np.nan, np.sign(total))
        return value, np.where(largest == -np.inf, sign * 0.0, sign)


def signs(value: np.ndarray) -> np.ndarray:
    """Return the signs of sums of exponentials without factors: 1, 0 for log 0, NaN for NaN."""
    return np.where(np.isnan(value), value, (value != -np.inf).astype(value.dtype))
