"""Negative log-likelihood: the entries that labels name are summed and written, block by block.

No Numba, no copy, and no arithmetic to speak of: rows are read where they lie, whatever their
strides (``gather.h``). The usual call does not come here (``usual_nll.pyx``); both ways add in one
order.
"""

cimport numpy as np
from libc.stdint cimport int64_t, uint16_t

from .gather cimport (
    GATHER_BLOCK_ROWS,
    float16,
    gather_labels,
    gather_rows,
    scatter_block,
    sum_block,
)

np.import_array()

__all__ = ["BLOCK_ROWS", "scatter_rows", "sum_rows"]

cdef extern from "numpy/arrayobject.h":
    int NPY_HALF

# Rows of one partial sum, whatever the number of threads.
BLOCK_ROWS = GATHER_BLOCK_ROWS


cdef gather_rows rows_of(np.ndarray x) except *:
    """Return the rows of x (outer, inner, K)."""
    cdef gather_rows rows
    cdef int kind = np.PyArray_TYPE(x)
    if not (np.PyArray_NDIM(x) == 3 and np.PyArray_ISBEHAVED_RO(x)):
        raise ValueError("x must be aligned and have three axes")
    if kind != NPY_HALF and kind != np.NPY_FLOAT and kind != np.NPY_DOUBLE:
        raise TypeError("x must be float16, float32 or float64")
    rows.data = np.PyArray_BYTES(x)
    rows.n = np.PyArray_DIM(x, 0) * np.PyArray_DIM(x, 1)
    rows.inner, rows.n_classes = np.PyArray_DIM(x, 1), np.PyArray_DIM(x, 2)
    rows.outer_stride, rows.inner_stride = np.PyArray_STRIDE(x, 0), np.PyArray_STRIDE(x, 1)
    rows.class_stride = np.PyArray_STRIDE(x, 2)
    return rows


cdef int _check(np.ndarray x, int kind, Py_ssize_t size, Py_ssize_t other_size) except -1:
    """Raise unless x is a contiguous array of this dtype and of one of the sizes."""
    if np.PyArray_TYPE(x) != kind or not np.PyArray_ISCARRAY_RO(x):
        raise TypeError("arrays of rows must be contiguous and of the right dtype")
    if np.PyArray_SIZE(x) not in (size, other_size):
        raise ValueError(f"arrays of rows must have {size} numbers; got {np.PyArray_SIZE(x)}")
    return 0


cdef gather_labels[int64_t] labels_of(
        np.ndarray target, np.ndarray target_weight, Py_ssize_t n) except *:
    cdef gather_labels[int64_t] labels
    _check(target, np.NPY_INT64, n, n)
    _check(target_weight, np.NPY_DOUBLE, n, n)
    labels.label, labels.ignore = <int64_t *> np.PyArray_DATA(target), -1
    labels.class_weight = NULL
    labels.row_weight = <double *> np.PyArray_DATA(target_weight)
    return labels


def sum_rows(
        np.ndarray x not None, np.ndarray target not None, np.ndarray target_weight not None,
        np.ndarray values, np.ndarray sums not None, Py_ssize_t first, Py_ssize_t last):
    """Write the sum of each block of rows from `first` to before `last` to `sums`.

    Its terms are ``target_weight_i x_iy``; minus these go to `values` (n,) float64, unless that is
    None. x (outer, inner, K) is float16, float32 or float64, of any strides; target (n,) holds
    class indices, valid in rows whose weight is not 0: others count nothing.
    """
    cdef gather_rows rows = rows_of(x)
    cdef gather_labels[int64_t] labels = labels_of(target, target_weight, rows.n)
    cdef int kind = np.PyArray_TYPE(x)
    cdef Py_ssize_t b, start, stop
    cdef double *to = NULL
    if values is not None:
        _check(values, np.NPY_DOUBLE, rows.n, rows.n)
        to = <double *> np.PyArray_DATA(values)
    if not (np.PyArray_TYPE(sums) == np.NPY_DOUBLE and np.PyArray_ISCARRAY(sums)
            and 0 <= first <= last <= np.PyArray_SIZE(sums)):
        raise TypeError("sums must be contiguous float64, one a block")
    cdef double *total = <double *> np.PyArray_DATA(sums)
    with nogil:
        for b in range(first, last):
            start, stop = b * GATHER_BLOCK_ROWS, min((b + 1) * GATHER_BLOCK_ROWS, rows.n)
            if kind == np.NPY_FLOAT:
                total[b] = sum_block[float, int64_t](rows, labels, start, stop, to).total
            elif kind == np.NPY_DOUBLE:
                total[b] = sum_block[double, int64_t](rows, labels, start, stop, to).total
            else:
                total[b] = sum_block[float16, int64_t](rows, labels, start, stop, to).total


def scatter_rows(
        np.ndarray grad not None, np.ndarray target not None, np.ndarray target_weight not None,
        np.ndarray values not None, Py_ssize_t first, Py_ssize_t last):
    """Write values_i to grad_iy in the rows from `first` to before `last` whose weight is not 0.

    As in `sum_rows`; `values` (n,) have the dtype of `grad`.
    """
    cdef gather_rows rows = rows_of(grad)
    cdef gather_labels[int64_t] labels = labels_of(target, target_weight, rows.n)
    cdef int kind = np.PyArray_TYPE(grad)
    _check(values, kind, rows.n, rows.n)
    if not np.PyArray_ISWRITEABLE(grad):
        raise ValueError("grad must be writeable")
    if not 0 <= first <= last <= rows.n:
        raise ValueError(f"rows must be from 0 to {rows.n}; got {first} to {last}")
    cdef void *items = np.PyArray_DATA(values)
    with nogil:
        if kind == np.NPY_FLOAT:
            scatter_block[float, int64_t](rows, labels, first, last, <float *> items)
        elif kind == np.NPY_DOUBLE:
            scatter_block[double, int64_t](rows, labels, first, last, <double *> items)
        else:
            scatter_block[uint16_t, int64_t](rows, labels, first, last, <uint16_t *> items)
