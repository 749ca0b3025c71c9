"""Usual calls of binary cross-entropy, answered whole: from Python's arguments to the result.

As in ``usual.pyx``: little work on one thread, arguments that need no conversion; what is not usual
is answered None.
"""

cimport numpy as np

from .plain cimport apart, is_real, is_result, sum_numbers

from . import rowwise

np.import_array()

__all__ = ["binary_cross_entropy"]

cdef enum:
    # Elements from which on threads share the work (``threads.MIN_PARALLEL_WORK``).
    _MAX_ELEMENTS = 100000
    # Elements of a block, which has a partial sum (``weights.py``).
    _ELEMENT_BLOCK = 1 << 13
    # No usual call has more blocks.
    _MAX_BLOCKS = 16

ctypedef double (*flat_f32)(
    const float *x, Py_ssize_t n, const float *target, const float *positive_weight,
    const float *negative_weight, float factor, float ignore, float *values, float *grad,
    float *hess) noexcept nogil
ctypedef double (*flat_f64)(
    const double *x, Py_ssize_t n, const double *target, const double *positive_weight,
    const double *negative_weight, double factor, double ignore, double *values, double *grad,
    double *hess) noexcept nogil

_addresses = rowwise.addresses()
cdef flat_f32 flat_32 = <flat_f32> <size_t> _addresses["fastce_binary_cross_entropy_flat_f32"]
cdef flat_f64 flat_64 = <flat_f64> <size_t> _addresses["fastce_binary_cross_entropy_flat_f64"]

ctypedef fused real:
    float
    double


cdef bint in_unit_interval(const real *target, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int inside = 1
    for i in range(n):
        inside &= (target[i] >= 0) & (target[i] <= 1)
    return inside


cdef double sum_flat(
        const real *x, const real *target, Py_ssize_t n, double factor, real *grad) noexcept nogil:
    cdef double[_MAX_BLOCKS] sums
    cdef Py_ssize_t first = 0, size, b = 0
    cdef real *to
    while first < n:
        size = min(<Py_ssize_t> _ELEMENT_BLOCK, n - first)
        to = NULL
        if grad != NULL:
            to = grad + first
        if real is float:
            sums[b] = flat_32(
                x + first, size, target + first, NULL, NULL, <float> factor, 0, NULL, to, NULL)
        else:
            sums[b] = flat_64(
                x + first, size, target + first, NULL, NULL, factor, 0, NULL, to, NULL)
        first += size
        b += 1
    return sum_numbers(sums, b) * factor


def binary_cross_entropy(
        logits, target, weight, pos_weight, ignore_index, reduction, out, bint wants_grad):
    """Return the loss, or loss and gradient, of a usual call; else None.

    Contiguous logits of little work and targets of one shape and dtype, float32 or float64; no
    weights.
    """
    cdef np.ndarray x, t, g = None
    cdef Py_ssize_t n
    cdef double factor, total
    cdef void *to = NULL
    cdef bint is_double
    if not (weight is None and pos_weight is None and ignore_index is None
            and type(logits) is np.ndarray and type(target) is np.ndarray
            and type(reduction) is str):
        return None
    x, t = logits, target
    n, is_double = np.PyArray_SIZE(x), np.PyArray_TYPE(x) == np.NPY_DOUBLE
    if not (is_real(x) and is_real(t) and np.PyArray_TYPE(x) == np.PyArray_TYPE(t)
            and np.PyArray_NDIM(x) and np.PyArray_SAMESHAPE(x, t) and 0 < n < _MAX_ELEMENTS):
        return None
    factor = 1.0 / n
    if reduction != "mean":
        if reduction != "sum":
            return None
        factor = 1.0
    if is_double:
        if not in_unit_interval(<const double *> np.PyArray_DATA(t), n):
            return None
    elif not in_unit_interval(<const float *> np.PyArray_DATA(t), n):
        return None
    if out is not None:
        if not (is_result(out, x) and apart(out, t)):
            return None
        g = out
    if wants_grad:
        if g is None:
            g = np.PyArray_EMPTY(np.PyArray_NDIM(x), np.PyArray_DIMS(x), np.PyArray_TYPE(x), 0)
        to = np.PyArray_DATA(g)
    with nogil:
        if is_double:
            total = sum_flat[double](
                <double *> np.PyArray_DATA(x), <double *> np.PyArray_DATA(t), n, factor,
                <double *> to)
        else:
            total = sum_flat[float](
                <float *> np.PyArray_DATA(x), <float *> np.PyArray_DATA(t), n, factor,
                <float *> to)
    return (total, g) if wants_grad else total
