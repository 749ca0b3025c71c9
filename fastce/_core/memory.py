"""Memory of arrays: whether kernels take it as it is, and whether two arrays share it."""

from typing import Any, TypeGuard

import numpy as np

from .._native import scans
from .flags import silent

# Steps that NumPy may take to solve for a shared address before two arrays count as overlapping.
_MAX_OVERLAP_WORK = 10_000


def contiguous(x: np.ndarray, dtype: Any) -> np.ndarray:
    """Return `x` as an aligned C-contiguous array; a copy only where it is none."""
    if x.dtype == dtype or x.dtype.kind != "f":
        return np.require(x, dtype, ("C", "A"))
    with silent():  # numbers beyond a narrower dtype, signalling NaNs
        return np.require(x, dtype, ("C", "A"))


def unlocked(x: np.ndarray) -> np.ndarray:
    """Return `x`, or a writeable alias of a read-only `x`.

    Numba would compile every kernel again for read-only arrays, and no kernel writes to an input.
    """
    if x.flags.writeable:
        return x
    return np.asarray(_Alias(x))


class _Alias:
    def __init__(self, x: np.ndarray) -> None:
        interface = dict(x.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface
        self.owner = x


def is_plain(x: Any) -> TypeGuard[np.ndarray]:
    """Whether `x` is an aligned, writeable, C-contiguous array of float32 or float64.

    Kernels take such an array as it is.
    """
    return type(x) is np.ndarray and x.dtype.char in "fd" and x.dtype.isnative and x.flags.carray


def may_overlap(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether the address ranges from first to last element of `a` and `b` overlap."""
    if a.flags.c_contiguous and b.flags.c_contiguous:
        return bool(scans.overlap(a, b))
    return bool(np.may_share_memory(a, b))


def same_memory(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether `a` and `b` are the same elements in the same order."""
    if a is b:
        return True
    starts = (x.__array_interface__["data"][0] for x in (a, b))
    # The stride of an axis with one entry is never taken.
    return (
        a.shape == b.shape
        and all(n == 1 or s == t for n, s, t in zip(a.shape, a.strides, b.strides, strict=True))
        and a.dtype == b.dtype
        and next(starts) == next(starts)
    )


def overlaps(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether `a` and `b` share memory."""
    try:
        return np.shares_memory(a, b, max_work=_MAX_OVERLAP_WORK)
    except np.exceptions.TooHardError:
        return True


def overlaps_itself(a: np.ndarray) -> bool:
    """Whether two elements of `a` may be the same memory."""
    span = a.itemsize
    for stride, length in sorted(
        (abs(s), n) for s, n in zip(a.strides, a.shape, strict=True) if n > 1
    ):
        if stride < span:  # does not step over all that lies inside
            return a.size > 0
        span += stride * (length - 1)
    return False
