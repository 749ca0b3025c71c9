"""logsumexp, softmax, log_softmax, sigmoid and log_sigmoid of NumPy arrays.

Arrays of any shape, axis, strides and float dtype. The arithmetic is in ``rowwise.pyx``, on
C-contiguous arrays, along their last axis (rows) or another one (columns); this file brings arrays
into that form and results back, without a copy where another order of the axes is enough. Nothing
here compiles at run time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._core import layout
from .._core.checks import as_float_array, check_axis, check_out
from .._core.memory import is_plain, may_overlap
from .._core.pool import MIN_SPLIT_BYTES, split
from .._native import rowwise, tiles

# Bytes of a number of 16 bits where it is computed.
_COMPUTED_BYTES = 4

__all__ = ["log_sigmoid", "log_softmax", "logsumexp", "sigmoid", "softmax"]


def _apply(
    rows: Callable[..., None],
    columns: Callable[..., None],
    x: np.ndarray,
    axis: int,
    out: np.ndarray,
    reduces: bool = False,
) -> None:
    """Call `rows` if `axis` is the last one of the C-contiguous `x`, else `columns`.

    A large `x` is split into parts for several threads.
    """
    shape, large = x.shape, x.nbytes >= MIN_SPLIT_BYTES
    if axis == 1 == x.ndim - 1 and not large:
        rows(x, out)
        return
    n_classes, outer, inner = shape[axis], math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    n = outer * inner
    if inner == 1:
        x, out = x.reshape(n, n_classes), out.reshape(n if reduces else (n, n_classes))
        if not large:
            rows(x, out)
        else:
            split(
                lambda first, last: rows(x[first:last], out[first:last]),
                n,
                x.nbytes,
                min_length=64 if n_classes <= 64 else 1,
            )
        return
    x, out = (
        x.reshape(outer, n_classes, inner),
        out.reshape((outer, inner) if reduces else (outer, n_classes, inner)),
    )
    if not large:
        columns(x, out, 0, n)
    elif 64 * n_classes * x.itemsize > rowwise.UNCACHED_BYTES:
        split(
            lambda first, last: columns(x, out, first, last),
            n,
            x.nbytes,
            min_length=64,
            per_thread=1,
        )
    else:
        split(
            lambda first, last: columns(x, out, first, last),
            n,
            x.nbytes,
            min_length=min(inner, 256),
        )


def _along_axis(
    rows: Callable[..., None],
    columns: Callable[..., None],
    x: ArrayLike,
    axis: int,
    out: np.ndarray | None,
) -> np.ndarray:
    """Return a function of rows, or the same of columns, of `x` along one axis."""
    if type(axis) is int and is_plain(x) and -x.ndim <= axis < x.ndim:  # the usual call, kept short
        result = layout.plain_result_memory(x, out)
        if result is not None:
            _apply(rows, columns, x, axis % x.ndim, result)
            return result
    source = as_float_array(x, "x")
    if source.ndim == 0:
        raise ValueError("x must have at least one dimension; got a single number")
    axis = check_axis(axis, source.ndim)
    if out is not None:
        check_out(out, source.shape, source.dtype, {"x": x})
    if source.dtype.itemsize == 2:
        return _by_tiles(_BY_TILES[rows], source, axis, out)
    moved = layout.reordered(source)
    result = moved.result(out)
    _apply(rows, columns, moved.data, moved.order.index(axis), result)
    return _from_reordered(result, moved, source, out)


# The same functions of numbers of 16 bits.
_BY_TILES = {
    rowwise.logsumexp_rows: tiles.logsumexp,
    rowwise.softmax_rows: tiles.softmax,
    rowwise.log_softmax_rows: tiles.log_softmax,
    rowwise.sigmoid_flat: tiles.sigmoid,
    rowwise.log_sigmoid_flat: tiles.log_sigmoid,
}


def _by_tiles(
    function: Callable[..., None], source: np.ndarray, axis: int | None, out: np.ndarray | None
) -> np.ndarray:
    """Return a function of rows along `axis`, or of elements for None, of float16 or bfloat16."""
    if out is None:
        out = np.empty_like(source, subok=False)
    if source.size == 0:
        return out
    x, result = (
        array[..., None] if axis is None else layout.axis_last(array, axis)
        for array in (source, out)
    )
    _run_by_tiles(function, x, result)
    return out


def _run_by_tiles(function: Callable[..., None], x: np.ndarray, out: np.ndarray) -> None:
    """Write a function of the rows x (..., K) to out (..., K), or of (..., 1)."""
    view, place = layout.as_view(x), layout.as_view(out)
    split(
        lambda first, last: function(view, place, first, last),
        view.shape[0] * view.shape[1],
        x.size * _COMPUTED_BYTES,
        min_length=64 if view.shape[2] <= 64 else 1,
    )
    if not may_overlap(place, out):  # a copy of ours
        bits = layout.as_bits(out)
        bits[...] = place.reshape(bits.shape)


def _from_reordered(
    result: np.ndarray, x: layout.Reordered, source: np.ndarray, out: np.ndarray | None
) -> np.ndarray:
    if out is not None and may_overlap(out, result):  # result is memory of ours else
        return out
    return layout.deliver(layout.restored(result, x.order), source.dtype, out)


def _apply_flat(function: Callable[..., None], x: np.ndarray, out: np.ndarray) -> None:
    """Call a function of flat arrays on all elements of two C-contiguous ones.

    Large arrays are split into parts for several threads.
    """
    x, out = x.reshape(-1), out.reshape(-1)
    if x.nbytes < MIN_SPLIT_BYTES:
        function(x, out)
    else:
        split(
            lambda first, last: function(x[first:last], out[first:last]),
            x.size,
            x.nbytes,
            min_length=64,
        )


def _elementwise(function: Callable[..., None], x: ArrayLike, out: np.ndarray | None) -> Any:
    """Apply a function of a flat array to every element."""
    if is_plain(x):
        result = layout.plain_result_memory(x, out)
        if result is not None:
            _apply_flat(function, x, result)
            return result[()] if out is None else out
    source = as_float_array(x, "x")
    if out is not None:
        check_out(out, source.shape, source.dtype, {"x": x})
    if source.dtype.itemsize == 2:
        result = _by_tiles(_BY_TILES[function], source, None, out)
        return result[()] if out is None else out
    flat = layout.reordered(source)
    result = flat.result(out)
    _apply_flat(function, flat.data, result)
    result = _from_reordered(result, flat, source, out)
    return result[()] if out is None else out


def logsumexp(
    x: ArrayLike, axis: int | None = -1, *, keepdims: bool = False, out: np.ndarray | None = None
) -> Any:
    r"""Logarithm of the sum of exponentials along an axis, without overflow.

    .. math:: \operatorname{logsumexp}(x) = \log \sum_k \exp x_k
        = m + \log\Bigl(1 + \sum_{k \ne j} \exp(x_k - m)\Bigr), \qquad m = x_j = \max_k x_k

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, float16, float32 or float64; integers and booleans count as
        float64. float16 is computed in float32.
    axis : int or None, default -1
        The axis to sum over; None sums over all elements.
    keepdims : bool, default False
        Whether the axis stays in the result, with length one.
    out : ndarray, optional
        Where to put the result: of exactly its shape and dtype, writeable, not overlapping `x`.

    Returns
    -------
    ndarray or NumPy scalar
        Shaped like `x` without the axis, with the dtype of `x`; `out` itself if that was given. NaN
        where the row holds a NaN, +inf where it holds +inf, -inf where all of it is -inf. The sum
        over an empty axis has no terms, so it is 0 and its logarithm -inf.

    Raises
    ------
    TypeError
        When `x` is complex, long double or not numeric, `axis` is not an integer, or `out` has
        another dtype.
    ValueError
        When `x` has no such axis, or `out` has another shape, is read-only or overlaps `x`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41 (2021), 2311-2330.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import logsumexp
    >>> round(float(logsumexp([0.0, np.log(3.0)])), 9)  # log(4)
    1.386294361
    >>> logsumexp(np.array([[1000.0, 1000.0], [0.0, -100.0]]))  # the second is exp(-100), not 0
    array([1.00069315e+03, 3.72007598e-44])
    """
    rows, columns = rowwise.logsumexp_rows, rowwise.logsumexp_strided
    if (
        out is None
        and type(axis) is int
        and is_plain(x)
        and -x.ndim <= axis < x.ndim
        and not keepdims
    ):  # the usual call, kept short
        axis %= x.ndim
        result = np.empty(x.shape[:axis] + x.shape[axis + 1 :], x.dtype)
        _apply(rows, columns, x, axis, result, reduces=True)
        return result if x.ndim > 1 else result[()]
    source = as_float_array(x, "x")
    if axis is None:
        lead: tuple[int, ...] = ()
    elif source.ndim == 0:
        raise ValueError("x must have at least one dimension; got a single number")
    else:
        axis = check_axis(axis, source.ndim)
        lead = source.shape[:axis] + source.shape[axis + 1 :]
    kept = tuple(1 if axis is None or i == axis else n for i, n in enumerate(source.shape))
    if out is not None:
        check_out(out, kept if keepdims else lead, source.dtype, {"x": x}, in_place=False)
    if source.dtype.itemsize == 2:
        rows_last = source.reshape(-1) if axis is None else layout.axis_last(source, axis)
        result = np.empty(lead, source.dtype) if out is None else out.reshape(lead)
        if source.size:
            _run_by_tiles(tiles.logsumexp, rows_last, result[..., None])
        else:
            result[...] = -np.inf
        if out is not None:
            return out
        return (result.reshape(kept) if keepdims else result)[()]
    data, order, _ = layout.reordered(source)
    if axis is None:
        result = np.empty((), data.dtype)
        _apply(rows, columns, data.reshape(-1), 0, result, reduces=True)
    else:
        place = order.index(axis)
        result = np.empty(data.shape[:place] + data.shape[place + 1 :], data.dtype)
        _apply(rows, columns, data, place, result, reduces=True)
        result = layout.restored(result, tuple(i - (i > axis) for i in order if i != axis))
    result = layout.deliver(result.reshape(kept) if keepdims else result, source.dtype, out)
    return result[()] if out is None else out


def softmax(x: ArrayLike, axis: int = -1, *, out: np.ndarray | None = None) -> np.ndarray:
    r"""Exponentials divided by their sum along an axis.

    .. math:: \operatorname{softmax}(x)_k = \frac{\exp(x_k - m)}{\sum_j \exp(x_j - m)},
        \qquad m = \max_j x_j

    Parameters
    ----------
    x : array_like
        Real numbers, at least one-dimensional, float16, float32 or float64; integers and booleans
        count as float64. float16 is computed in float32.
    axis : int, default -1
        The axis along which the result sums to one.
    out : ndarray, optional
        Where to put the result: of exactly the shape and dtype of the result, writeable; `x`
        itself, or an array that does not overlap it.

    Returns
    -------
    ndarray
        Shaped like `x`, with its dtype; `out` itself if that was given. A row that holds NaN or
        +inf, or only -inf, is NaN throughout, as in `scipy.special.softmax`.

    Raises
    ------
    TypeError
        When `x` is complex, long double or not numeric, `axis` is not an integer, or `out` has
        another dtype.
    ValueError
        When `x` has no such axis, or `out` has another shape, is read-only or overlaps `x`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41 (2021), 2311-2330.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import softmax
    >>> softmax(np.array([[0.0, 0.0], [1000.0, -1000.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    return _along_axis(rowwise.softmax_rows, rowwise.softmax_strided, x, axis, out)


def log_softmax(x: ArrayLike, axis: int = -1, *, out: np.ndarray | None = None) -> np.ndarray:
    r"""Logarithm of `softmax`, accurate also where the softmax rounds to 0 or 1.

    .. math:: \operatorname{log\_softmax}(x)_k
        = (x_k - m) - \log\Bigl(1 + \sum_{j \ne i} \exp(x_j - m)\Bigr), \qquad m = x_i = \max_j x_j

    Parameters
    ----------
    x : array_like
        Real numbers, at least one-dimensional, float16, float32 or float64; integers and booleans
        count as float64. float16 is computed in float32.
    axis : int, default -1
        The axis along which the exponentials of the result sum to one.
    out : ndarray, optional
        Where to put the result: of exactly the shape and dtype of the result, writeable; `x`
        itself, or an array that does not overlap it.

    Returns
    -------
    ndarray
        Shaped like `x`, with its dtype; `out` itself if that was given. A row that holds a NaN, or
        only -inf, is NaN throughout; in a row with +inf that entry is NaN and the finite ones -inf,
        as in `scipy.special.log_softmax`.

    Raises
    ------
    TypeError
        When `x` is complex, long double or not numeric, `axis` is not an integer, or `out` has
        another dtype.
    ValueError
        When `x` has no such axis, or `out` has another shape, is read-only or overlaps `x`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA Journal of Numerical Analysis 41 (2021), 2311-2330.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import log_softmax
    >>> log_softmax(np.array([0.0, -50.0]))  # the first is -exp(-50), not 0
    array([-1.92874985e-22, -5.00000000e+01])
    """
    return _along_axis(rowwise.log_softmax_rows, rowwise.log_softmax_strided, x, axis, out)


def sigmoid(x: ArrayLike, *, out: np.ndarray | None = None) -> Any:
    r"""Logistic function, element by element.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}} = \frac{e^{x}}{1 + e^{x}}

    Computed with the exponential of :math:`-|x|`, so that neither tail overflows or cancels.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, float16, float32 or float64; integers and booleans count as
        float64. float16 is computed in float32.
    out : ndarray, optional
        Where to put the result: of exactly the shape and dtype of the result, writeable; `x`
        itself, or an array that does not overlap it.

    Returns
    -------
    ndarray or NumPy scalar
        Shaped like `x`, with its dtype; `out` itself if that was given. NaN stays NaN.

    Raises
    ------
    TypeError
        When `x` is complex, long double or not numeric, or `out` has another dtype.
    ValueError
        When `out` has another shape, is read-only or overlaps `x` without being it.

    References
    ----------
    .. [1] N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, SIAM, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import sigmoid
    >>> sigmoid(np.array([-1000.0, -50.0, 0.0, 50.0]))
    array([0.00000000e+00, 1.92874985e-22, 5.00000000e-01, 1.00000000e+00])
    """
    return _elementwise(rowwise.sigmoid_flat, x, out)


def log_sigmoid(x: ArrayLike, *, out: np.ndarray | None = None) -> Any:
    r"""Logarithm of the logistic function, element by element, accurate on both tails.

    .. math:: \log \sigma(x) = \min(x, 0) - \log\bigl(1 + e^{-|x|}\bigr)

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, float16, float32 or float64; integers and booleans count as
        float64. float16 is computed in float32.
    out : ndarray, optional
        Where to put the result: of exactly the shape and dtype of the result, writeable; `x`
        itself, or an array that does not overlap it.

    Returns
    -------
    ndarray or NumPy scalar
        Shaped like `x`, with its dtype; `out` itself if that was given. NaN stays NaN.

    Raises
    ------
    TypeError
        When `x` is complex, long double or not numeric, or `out` has another dtype.
    ValueError
        When `out` has another shape, is read-only or overlaps `x` without being it.

    References
    ----------
    .. [1] M. Maechler, "Accurately computing ``log(1 - exp(-|a|))``", vignette of the R package
       Rmpfr, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import log_sigmoid
    >>> log_sigmoid(np.array([-1000.0, 0.0, 40.0]))  # the last is -exp(-40), not 0
    array([-1.00000000e+03, -6.93147181e-01, -4.24835426e-18])
    """
    return _elementwise(rowwise.log_sigmoid_flat, x, out)
