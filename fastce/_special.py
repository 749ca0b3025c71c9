"""logsumexp, softmax, log_softmax, sigmoid and log_sigmoid of NumPy arrays: any shape, axis, strides and float dtype.

The arithmetic is in ``_rowwise.pyx``, on contiguous rows; this file brings arrays into that form and results back. Nothing
here compiles at run time or starts a thread.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _rowwise
from ._checks import as_float_array, check_axis, check_out, contiguous

__all__ = ["log_sigmoid", "log_softmax", "logsumexp", "sigmoid", "softmax"]

_HALF = np.dtype(np.float16)
_SINGLE = np.dtype(np.float32)


def _working(dtype: np.dtype) -> np.dtype:
    """Return the dtype to compute in."""
    return _SINGLE if dtype == _HALF else dtype


def _deliver(result: np.ndarray, dtype: np.dtype, out: np.ndarray | None) -> np.ndarray:
    """Return `result` as `dtype`, in `out` if that is given."""
    if out is None and result.dtype == dtype:
        return result
    with np.errstate(all="ignore"):  # float32 to float16 may overflow to inf or fall to 0: the right answers, no warning
        if out is None:
            return result.astype(dtype)
        out[...] = result
    return out


def _along_axis(function: Any, x: ArrayLike, axis: int, out: np.ndarray | None) -> np.ndarray:
    """Apply a function of rows, (n, K) to (n, K), along one axis."""
    source = as_float_array(x, "x")
    if source.ndim == 0:
        raise ValueError("x must have at least one dimension; got a single number")
    axis = check_axis(axis, source.ndim)
    shape, dtype = source.shape, source.dtype
    if out is not None:
        check_out(out, shape, dtype, {"x": source})
    if axis == source.ndim - 1 and source.flags.c_contiguous and dtype != _HALF:
        result = out if out is not None and out.flags.c_contiguous else np.empty(shape, dtype)
        if source.ndim == 2:
            function(source, result)
        elif source.size:
            function(source.reshape(-1, shape[-1]), result.reshape(-1, shape[-1]))
        return result if result is out else _deliver(result, dtype, out)
    moved = np.moveaxis(source, axis, -1)
    result = np.array(moved, dtype=_working(dtype), order="C")  # always a copy, so that it can be worked on in place
    if result.size:
        rows = result.reshape(-1, shape[axis])
        function(rows, rows)
    return _deliver(np.moveaxis(result, -1, axis), dtype, out)


def _elementwise(function: Any, x: ArrayLike, out: np.ndarray | None) -> Any:
    """Apply a function of a flat array to every element."""
    source = as_float_array(x, "x")
    dtype = source.dtype
    if out is not None:
        check_out(out, source.shape, dtype, {"x": source})
    if source.flags.c_contiguous and dtype != _HALF:
        result = out if out is not None and out.flags.c_contiguous else np.empty(source.shape, dtype)
        function(source.reshape(-1), result.reshape(-1))
    else:
        result = np.array(source, dtype=_working(dtype), order="C")
        flat = result.reshape(-1)
        function(flat, flat)
    if result is not out:
        result = _deliver(result, dtype, out)
    return result[()] if out is None else out


def logsumexp(x: ArrayLike, axis: int | None = -1, *, keepdims: bool = False, out: np.ndarray | None = None) -> Any:
    r"""Logarithm of the sum of exponentials along an axis, without overflow.

    .. math:: \operatorname{logsumexp}(x) = \log \sum_k \exp x_k = m + \log\Bigl(1 + \sum_{k \ne j} \exp(x_k - m)\Bigr),
        \qquad m = x_j = \max_k x_k

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, float16, float32 or float64; integers and booleans count as float64. float16 is computed in float32.
    axis : int or None, default -1
        The axis to sum over; None sums over all elements.
    keepdims : bool, default False
        Whether the axis stays in the result, with length one.
    out : ndarray, optional
        Where to put the result: of exactly its shape and dtype, writeable, not overlapping `x`.

    Returns
    -------
    ndarray or NumPy scalar
        Shaped like `x` without the axis, with the dtype of `x`; `out` itself if that was given. NaN where the row holds a NaN,
        +inf where it holds +inf, -inf where all of it is -inf. The sum over an empty axis has no terms, so it is 0 and its
        logarithm -inf.

    Raises
    ------
    TypeError
        When `x` is complex, long double or not numeric, `axis` is not an integer, or `out` has another dtype.
    ValueError
        When `x` has no such axis, or `out` has another shape, is read-only or overlaps `x`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax functions",
       IMA Journal of Numerical Analysis 41 (2021), 2311-2330.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import logsumexp
    >>> round(float(logsumexp([0.0, np.log(3.0)])), 9)  # log(4)
    1.386294361
    >>> logsumexp(np.array([[1000.0, 1000.0], [0.0, -100.0]]))  # the second is exp(-100), not 0
    array([1.00069315e+03, 3.72007598e-44])
    """
    source = as_float_array(x, "x")
    shape, dtype = source.shape, source.dtype
    if axis is None:
        rows = source.reshape(1, -1)
        lead: tuple[int, ...] = ()
        kept = (1,) * source.ndim
    else:
        if source.ndim == 0:
            raise ValueError("x must have at least one dimension; got a single number")
        axis = check_axis(axis, source.ndim)
        lead = shape[:axis] + shape[axis + 1 :]
        kept = (*shape[:axis], 1, *shape[axis + 1 :])
        rows = source if axis == source.ndim - 1 else np.moveaxis(source, axis, -1)
    if out is not None:
        check_out(out, kept if keepdims else lead, dtype, {"x": source}, in_place=False)
    rows = contiguous(rows, _working(dtype))
    if rows.ndim != 2:
        rows = rows.reshape(math.prod(lead), rows.shape[-1])  # -1 for the first would not do for an empty axis
    result = np.empty(rows.shape[0], rows.dtype)
    _rowwise.logsumexp_rows(rows, result)
    result = _deliver(result.reshape(kept if keepdims else lead), dtype, out)
    return result[()] if out is None else out


def softmax(x: ArrayLike, axis: int = -1, *, out: np.ndarray | None = None) -> np.ndarray:
    r"""Exponentials divided by their sum along an axis.

    .. math:: \operatorname{softmax}(x)_k = \frac{\exp(x_k - m)}{\sum_j \exp(x_j - m)}, \qquad m = \max_j x_j

    Parameters
    ----------
    x : array_like
        Real numbers, at least one-dimensional, float16, float32 or float64; integers and booleans count as float64.
        float16 is computed in float32.
    axis : int, default -1
        The axis along which the result sums to one.
    out : ndarray, optional
        Where to put the result: of exactly the shape and dtype of the result, writeable; `x` itself, or an array that does not
        overlap it.

    Returns
    -------
    ndarray
        Shaped like `x`, with its dtype; `out` itself if that was given. A row that holds NaN or +inf, or only -inf, is NaN
        throughout, as in `scipy.special.softmax`.

    Raises
    ------
    TypeError
        When `x` is complex, long double or not numeric, `axis` is not an integer, or `out` has another dtype.
    ValueError
        When `x` has no such axis, or `out` has another shape, is read-only or overlaps `x`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax functions",
       IMA Journal of Numerical Analysis 41 (2021), 2311-2330.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import softmax
    >>> softmax(np.array([[0.0, 0.0], [1000.0, -1000.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    return _along_axis(_rowwise.softmax_rows, x, axis, out)


def log_softmax(x: ArrayLike, axis: int = -1, *, out: np.ndarray | None = None) -> np.ndarray:
    r"""Logarithm of `softmax`, accurate also where the softmax rounds to 0 or 1.

    .. math:: \operatorname{log\_softmax}(x)_k = (x_k - m) - \log\Bigl(1 + \sum_{j \ne i} \exp(x_j - m)\Bigr), \qquad m = x_i = \max_j x_j

    Parameters
    ----------
    x : array_like
        Real numbers, at least one-dimensional, float16, float32 or float64; integers and booleans count as float64.
        float16 is computed in float32.
    axis : int, default -1
        The axis along which the exponentials of the result sum to one.
    out : ndarray, optional
        Where to put the result: of exactly the shape and dtype of the result, writeable; `x` itself, or an array that does not
        overlap it.

    Returns
    -------
    ndarray
        Shaped like `x`, with its dtype; `out` itself if that was given. A row that holds a NaN, or only -inf, is NaN throughout;
        in a row with +inf that entry is NaN and the finite ones -inf, as in `scipy.special.log_softmax`.

    Raises
    ------
    TypeError
        When `x` is complex, long double or not numeric, `axis` is not an integer, or `out` has another dtype.
    ValueError
        When `x` has no such axis, or `out` has another shape, is read-only or overlaps `x`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax functions",
       IMA Journal of Numerical Analysis 41 (2021), 2311-2330.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import log_softmax
    >>> log_softmax(np.array([0.0, -50.0]))  # the first is -exp(-50), not 0
    array([-1.92874985e-22, -5.00000000e+01])
    """
    return _along_axis(_rowwise.log_softmax_rows, x, axis, out)


def sigmoid(x: ArrayLike, *, out: np.ndarray | None = None) -> Any:
    r"""Logistic function, element by element.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}} = \frac{e^{x}}{1 + e^{x}}

    Computed with the exponential of :math:`-|x|`, so that neither tail overflows or cancels.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, float16, float32 or float64; integers and booleans count as float64. float16 is computed in float32.
    out : ndarray, optional
        Where to put the result: of exactly the shape and dtype of the result, writeable; `x` itself, or an array that does not
        overlap it.

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
    return _elementwise(_rowwise.sigmoid_flat, x, out)


def log_sigmoid(x: ArrayLike, *, out: np.ndarray | None = None) -> Any:
    r"""Logarithm of the logistic function, element by element, accurate on both tails.

    .. math:: \log \sigma(x) = \min(x, 0) - \log\bigl(1 + e^{-|x|}\bigr)

    Parameters
    ----------
    x : array_like
        Real numbers of any shape, float16, float32 or float64; integers and booleans count as float64. float16 is computed in float32.
    out : ndarray, optional
        Where to put the result: of exactly the shape and dtype of the result, writeable; `x` itself, or an array that does not
        overlap it.

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
    .. [1] M. Maechler, "Accurately computing log(1 - exp(-|a|))", vignette of the R package Rmpfr, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce import log_sigmoid
    >>> log_sigmoid(np.array([-1000.0, 0.0, 40.0]))  # the last is -exp(-40), not 0
    array([-1.00000000e+03, -6.93147181e-01, -4.24835426e-18])
    """
    return _elementwise(_rowwise.log_sigmoid_flat, x, out)
