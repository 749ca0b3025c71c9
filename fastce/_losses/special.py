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
from .._core.checks import as_float_array, check_axes, check_out
from .._core.memory import is_plain, may_overlap
from .._core.pool import MIN_SPLIT_BYTES, split
from .._native import rowwise, tiles
from . import any_axis

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
    axis: Any,
    where: Any,
    out: np.ndarray | None,
) -> np.ndarray:
    """Return a function of rows, or the same of columns, of `x` along one axis or several."""
    # the usual call, kept short
    if type(axis) is int and where is None and is_plain(x) and -x.ndim <= axis < x.ndim:
        result = layout.plain_result_memory(x, out)
        if result is not None:
            _apply(rows, columns, x, axis % x.ndim, result)
            return result
    source = as_float_array(x, "x")
    axes = _axes(axis, source)
    if out is not None:
        check_out(out, source.shape, source.dtype, {"x": x, "where": where})
    if len(axes) == 1 and where is None:
        if source.dtype.itemsize == 2:
            return _by_tiles(_BY_TILES[rows], source, axes[0], out)
        moved = layout.reordered(source)
        result = moved.result(out)
        _apply(rows, columns, moved.data, moved.order.index(axes[0]), result)
        return _from_reordered(result, moved, source, out)
    chosen, mask = (source, None) if where is None else any_axis.chosen(source, where)
    together = any_axis.merged(chosen, axes)
    result = together.restored(_along_axis(rows, columns, together.data, -1, None, None))
    if mask is not None:
        rest = 0.0 if rows is rowwise.softmax_rows else -np.inf
        result = np.where(mask, result, source.dtype.type(rest))
    place = layout.in_memory_order(result, source) if out is None else out
    return layout.deliver(result, source.dtype, place)


def _axes(axis: Any, x: np.ndarray) -> tuple[int, ...]:
    if x.ndim == 0 and axis is not None and axis != ():
        raise ValueError("x must have at least one dimension; got a single number")
    return check_axes(axis, x.ndim)


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
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = -1,
    *,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: ArrayLike | None = None,
    out: np.ndarray | None = None,
) -> Any:
    r"""Logarithm of the sum of exponentials along an axis or several, without overflow.

    The default is the last axis; that of `scipy.special.logsumexp` (and of jax's) is None, the sum
    of all elements.

    .. math:: \operatorname{logsumexp}(x) = \log \sum_k \exp x_k
        = m + \log\Bigl(1 + \sum_{k \ne j} \exp(x_k - m)\Bigr), \qquad m = x_j = \max_k x_k

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, float16, float32 or float64; integers and booleans count as
        float64. float16 is computed in float32.
    axis : int, tuple of ints or None, default -1
        The axis or axes to sum over; None sums over all elements.
    b : array_like of real numbers, optional
        Finite factors of the exponentials, ``log(sum(b * exp(x)))``, which broadcast with `x` and
        may be negative or 0 (0 times infinity is 0). They make it a sum of NumPy's, in float64.
    keepdims : bool, default False
        Whether the axes stay in the result, with length one.
    return_sign : bool, default False
        Whether to return the logarithm of the sum's magnitude, and its sign. Without it the
        logarithm of a negative sum is NaN.
    where : array_like of booleans, optional
        The elements to take, which broadcast to `x`; jax has it, SciPy not.
    out : ndarray, optional
        Where to put the result: of exactly its shape and dtype, writeable, not overlapping `x`.

    Returns
    -------
    value : ndarray or NumPy scalar
        Shaped like `x` without the axes, with the dtype of `x` and `b` together; `out` itself if
        that was given. NaN where the row holds a NaN, +inf where it holds +inf, -inf where all of
        it is -inf. The sum over an empty axis has no terms, so it is 0 and its logarithm -inf.
    sign : ndarray or NumPy scalar
        With `return_sign` only: 1, -1, or 0 where the sum is 0, in the dtype of `value`.

    Raises
    ------
    TypeError
        When `x` or `b` is complex, long double or not numeric, `axis` no integer, tuple or None,
        `where` not boolean, or `out` has another dtype.
    ValueError
        When `x` has no such axis or a tuple names one twice, shapes do not broadcast, or `out` has
        another shape, is read-only or overlaps `x`.

    Notes
    -----
    Complex numbers, which SciPy takes, are refused.

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
    >>> logsumexp([5.0, 5.0, 0.0], b=[1, -1, -1], return_sign=True)
    (np.float64(0.0), np.float64(-1.0))
    """
    rows, columns = rowwise.logsumexp_rows, rowwise.logsumexp_strided
    if (
        out is None
        and type(axis) is int
        and is_plain(x)
        and -x.ndim <= axis < x.ndim
        and not keepdims
        and b is None
        and where is None
        and not return_sign
    ):  # the usual call, kept short
        axis %= x.ndim
        result = np.empty(x.shape[:axis] + x.shape[axis + 1 :], x.dtype)
        _apply(rows, columns, x, axis, result, reduces=True)
        return result if x.ndim > 1 else result[()]
    source = as_float_array(x, "x")
    if b is not None:
        source, b = any_axis.with_factors(source, b)
    if where is not None:
        source, mask = any_axis.chosen(source, where)
        b = None if b is None else np.where(mask, b, b.dtype.type(0))
    axes = _axes(axis, source)
    lead = tuple(n for i, n in enumerate(source.shape) if i not in axes)
    kept = tuple(1 if i in axes else n for i, n in enumerate(source.shape))
    shape = kept if keepdims else lead
    if out is not None:
        inputs = {"x": x, "b": b, "where": where}
        check_out(out, shape, source.dtype, inputs, in_place=False)
    if b is None:
        result = _logsumexp(source, axes).reshape(shape)
        sign = any_axis.signs(result) if return_sign else result
    else:
        result, sign = (part.reshape(shape) for part in any_axis.scaled_logsumexp(source, b, axes))
        if not return_sign:
            result = np.where(sign < 0, np.nan, result)
    value = layout.deliver(result, source.dtype, out)
    value = value[()] if out is None else out
    if not return_sign:
        return value
    return value, layout.deliver(sign, source.dtype, None)[()]


def _logsumexp(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return logsumexp without the axes."""
    rows, columns = rowwise.logsumexp_rows, rowwise.logsumexp_strided
    if 1 < len(axes) < x.ndim or not axes:
        x = any_axis.merged(x, axes).data
        axes = (x.ndim - 1,)
    if x.dtype.itemsize == 2:
        return _logsumexp_by_tiles(x, axes)
    data, order, _ = layout.reordered(x)
    if len(axes) == x.ndim != 1:  # all elements, in whatever order
        result = np.empty((), data.dtype)
        _apply(rows, columns, data.reshape(-1), 0, result, reduces=True)
        return result
    (axis,) = axes
    place = order.index(axis)
    result = np.empty(data.shape[:place] + data.shape[place + 1 :], data.dtype)
    _apply(rows, columns, data, place, result, reduces=True)
    return layout.restored(result, tuple(i - (i > axis) for i in order if i != axis))


def _logsumexp_by_tiles(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return logsumexp of float16 or bfloat16 without one of the axes, or without all."""
    rows = x.reshape(-1) if len(axes) == x.ndim else layout.axis_last(x, axes[0])
    result = np.empty(rows.shape[:-1], x.dtype)
    if x.size:
        _run_by_tiles(tiles.logsumexp, rows, result[..., None])
    else:
        result[...] = -np.inf
    return result


def softmax(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = -1,
    *,
    where: ArrayLike | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    r"""Exponentials divided by their sum along an axis or several.

    The default is the last axis; that of `scipy.special.softmax` is None, all elements.

    .. math:: \operatorname{softmax}(x)_k = \frac{\exp(x_k - m)}{\sum_j \exp(x_j - m)},
        \qquad m = \max_j x_j

    Parameters
    ----------
    x : array_like
        Real numbers, at least one-dimensional, float16, float32 or float64; integers and booleans
        count as float64. float16 is computed in float32.
    axis : int, tuple of ints or None, default -1
        The axis or axes along which the result sums to one.
        None takes all elements together.
    where : array_like of booleans, optional
        The elements to take, which broadcast to `x`; the others are 0 in the result. jax has
        it, SciPy not.
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
        When `x` is complex, long double or not numeric, `axis` no integer, tuple or None, `where`
        not boolean, or `out` has another dtype.
    ValueError
        When `x` has no such axis or a tuple names one twice, `where` does not broadcast to `x`, or
        `out` has another shape, is read-only or overlaps `x`.

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
    return _along_axis(rowwise.softmax_rows, rowwise.softmax_strided, x, axis, where, out)


def log_softmax(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = -1,
    *,
    where: ArrayLike | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    r"""Logarithm of `softmax`, accurate also where the softmax rounds to 0 or 1.

    The default is the last axis; that of `scipy.special.log_softmax` is None, all elements.

    .. math:: \operatorname{log\_softmax}(x)_k
        = (x_k - m) - \log\Bigl(1 + \sum_{j \ne i} \exp(x_j - m)\Bigr), \qquad m = x_i = \max_j x_j

    Parameters
    ----------
    x : array_like
        Real numbers, at least one-dimensional, float16, float32 or float64; integers and booleans
        count as float64. float16 is computed in float32.
    axis : int, tuple of ints or None, default -1
        The axis or axes along which the exponentials of the result sum to one.
        None takes all elements together.
    where : array_like of booleans, optional
        The elements to take, which broadcast to `x`; the others are -inf in the result. jax has
        it, SciPy not.
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
        When `x` is complex, long double or not numeric, `axis` no integer, tuple or None, `where`
        not boolean, or `out` has another dtype.
    ValueError
        When `x` has no such axis or a tuple names one twice, `where` does not broadcast to `x`, or
        `out` has another shape, is read-only or overlaps `x`.

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
    return _along_axis(rowwise.log_softmax_rows, rowwise.log_softmax_strided, x, axis, where, out)


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
