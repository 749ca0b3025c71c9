"""Arguments that kernels take as they are: what the modules of usual calls ask of arrays."""

cimport numpy as np
from libc.float cimport FLT_MAX


cdef extern from "sums.h" namespace "fastce" nogil:
    double sum_numbers(const double *x, Py_ssize_t n)


cdef inline bint is_real(np.ndarray x) noexcept:
    """Whether x is contiguous, aligned float32 or float64; it may be read-only."""
    cdef int kind = np.PyArray_TYPE(x)
    return (kind == np.NPY_FLOAT or kind == np.NPY_DOUBLE) and np.PyArray_ISCARRAY_RO(x)


cdef inline bint apart(np.ndarray a, np.ndarray b) noexcept:
    """Whether contiguous arrays share no memory."""
    return (
        np.PyArray_BYTES(a) >= np.PyArray_BYTES(b) + np.PyArray_NBYTES(b)
        or np.PyArray_BYTES(b) >= np.PyArray_BYTES(a) + np.PyArray_NBYTES(a))


cdef inline bint is_result(object out, np.ndarray x) noexcept:
    """Whether `out` can take a result like x: x itself, or an array that is apart from it."""
    cdef np.ndarray result
    if type(out) is not np.ndarray:
        return False
    result = out
    return (
        np.PyArray_TYPE(result) == np.PyArray_TYPE(x) and np.PyArray_ISCARRAY(result)
        and np.PyArray_SAMESHAPE(result, x) and (result is x or apart(result, x)))


cdef inline bint take_weights(object weight, Py_ssize_t n, double *to) except -1:
    """Whether `weight` are n valid weights of rows or classes; they are copied to `to`."""
    cdef np.ndarray w
    cdef Py_ssize_t i
    cdef bint valid = True
    if type(weight) is not np.ndarray:
        return False
    w = weight
    if not (np.PyArray_NDIM(w) == 1 and np.PyArray_DIM(w, 0) == n and is_real(w)):
        return False
    for i in range(n):
        if np.PyArray_TYPE(w) == np.NPY_FLOAT:
            to[i] = (<float *> np.PyArray_DATA(w))[i]
        else:
            to[i] = (<double *> np.PyArray_DATA(w))[i]
        valid = valid and 0.0 <= to[i] <= FLT_MAX
    return valid


cdef inline double min_divisor() noexcept nogil:
    """The inverse of a smaller divisor may be infinite: 2^-1000 (see ``weights.py``)."""
    return 9.332636185032189e-302
