"""Usual calls of nll_loss, answered whole: from Python's arguments to the result.

A call that is not usual is answered None: the checks in Python convert its arguments or raise. What
is usual needs no conversion, and nothing was written before that was known.
"""

cimport numpy as np
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from .gather cimport (
    GATHER_BLOCK_ROWS,
    gather_labels,
    gather_rows,
    gather_sums,
    scatter_block,
    sum_block,
)
from .plain cimport apart, is_real, is_result, min_divisor, take_weights

np.import_array()

__all__ = ["nll"]

cdef enum:
    # The most class weights that are usual: they are copied.
    _MAX_WEIGHTS = 256


cdef class _Call:
    """Arguments that need no conversion; its methods take blocks from `first` to before `last`."""

    cdef gather_rows x, grad
    cdef bint is_double, narrow  # float64 entries; int32 labels
    cdef gather_labels[int32_t] labels_32
    cdef gather_labels[int64_t] labels_64
    cdef double[_MAX_WEIGHTS] class_weight
    # what is written to the gradient, one for each class or for all
    cdef double[_MAX_WEIGHTS] double_values
    cdef float[_MAX_WEIGHTS] float_values

    cdef gather_sums sum_one(self, Py_ssize_t b) noexcept nogil:
        cdef Py_ssize_t first = b * GATHER_BLOCK_ROWS
        cdef Py_ssize_t last = min(first + GATHER_BLOCK_ROWS, self.x.n)
        if self.is_double:
            if self.narrow:
                return sum_block[double, int32_t](self.x, self.labels_32, first, last, NULL)
            return sum_block[double, int64_t](self.x, self.labels_64, first, last, NULL)
        if self.narrow:
            return sum_block[float, int32_t](self.x, self.labels_32, first, last, NULL)
        return sum_block[float, int64_t](self.x, self.labels_64, first, last, NULL)

    cdef void scatter_some(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        if self.is_double:
            if self.narrow:
                scatter_block[double, int32_t](
                    self.grad, self.labels_32, first, last, self.double_values)
            else:
                scatter_block[double, int64_t](
                    self.grad, self.labels_64, first, last, self.double_values)
        elif self.narrow:
            scatter_block[float, int32_t](
                self.grad, self.labels_32, first, last, self.float_values)
        else:
            scatter_block[float, int64_t](
                self.grad, self.labels_64, first, last, self.float_values)

    def sum(self, Py_ssize_t first, Py_ssize_t last):
        """Return total and divisor of each block, or None where a label is out of range."""
        cdef Py_ssize_t b
        cdef gather_sums sums
        result = []
        for b in range(first, last):
            with nogil:
                sums = self.sum_one(b)
            if not sums.valid:
                return None
            result.append((sums.total, sums.divisor))
        return result

    def scatter(self, Py_ssize_t first, Py_ssize_t last):
        """Write the gradient's entries."""
        with nogil:
            self.scatter_some(
                first * GATHER_BLOCK_ROWS, min(last * GATHER_BLOCK_ROWS, self.x.n))


cdef bint plain_rows(np.ndarray x, Py_ssize_t axis, gather_rows *rows) noexcept:
    """Whether x is not empty, contiguous float32 or float64; `rows` become those of x."""
    cdef int ndim = np.PyArray_NDIM(x), i
    cdef Py_ssize_t itemsize
    if not (-ndim <= axis < ndim and is_real(x) and np.PyArray_SIZE(x)):
        return False
    axis = axis + ndim if axis < 0 else axis
    itemsize = np.PyArray_ITEMSIZE(x)
    rows.data, rows.n_classes, rows.inner = np.PyArray_BYTES(x), np.PyArray_DIM(x, axis), 1
    rows.n = np.PyArray_SIZE(x) // rows.n_classes
    for i in range(axis + 1, ndim):
        rows.inner *= np.PyArray_DIM(x, i)
    rows.inner_stride, rows.class_stride = itemsize, rows.inner * itemsize
    rows.outer_stride = rows.n_classes * rows.class_stride
    return True


cdef bint fits(np.ndarray target, np.ndarray x, Py_ssize_t axis) noexcept:
    """Whether the target has the shape of x without the axis."""
    cdef int i, ndim = np.PyArray_NDIM(x)
    if np.PyArray_NDIM(target) != ndim - 1:
        return False
    axis = axis + ndim if axis < 0 else axis
    for i in range(ndim - 1):
        if np.PyArray_DIM(target, i) != np.PyArray_DIM(x, i if i < axis else i + 1):
            return False
    return True


def nll(
        log_probs, target, weight, sample_weight, ignore_index, reduction, axis, out,
        bint wants_grad, split):
    """Return the loss, or loss and gradient, of a call that needs no conversion; else None.

    None stands for all that is not usual, errors included: nothing was written then. `split` is
    that of ``pool.py``.
    """
    cdef np.ndarray x, y, g = None
    cdef _Call call
    cdef gather_sums block
    cdef double total = 0.0, divisor = 0.0, factor = 1.0, value
    cdef Py_ssize_t n_blocks, n_bytes, k
    if not (sample_weight is None and type(log_probs) is np.ndarray
            and type(target) is np.ndarray and type(axis) is int
            and type(ignore_index) is int
            and type(reduction) is str and -(1 << 31) < axis < 1 << 31
            and -(1 << 62) < ignore_index < 1 << 62
            and (reduction == "mean" or reduction == "sum")):
        return None
    x, y, call = log_probs, target, _Call.__new__(_Call)
    call.narrow = np.PyArray_TYPE(y) == np.NPY_INT32
    call.is_double = np.PyArray_TYPE(x) == np.NPY_DOUBLE
    if not (plain_rows(x, axis, &call.x) and fits(y, x, axis) and np.PyArray_ISCARRAY_RO(y)
            and (call.narrow or np.PyArray_TYPE(y) == np.NPY_INT64)):
        return None
    call.labels_32.class_weight = call.labels_32.row_weight = NULL
    call.labels_64.class_weight = call.labels_64.row_weight = NULL
    call.labels_32.label, call.labels_32.ignore = <int32_t *> np.PyArray_DATA(y), ignore_index
    call.labels_64.label, call.labels_64.ignore = <int64_t *> np.PyArray_DATA(y), ignore_index
    if weight is not None:
        if not (call.x.n_classes <= _MAX_WEIGHTS
                and take_weights(weight, call.x.n_classes, call.class_weight)):
            return None
        call.labels_32.class_weight = call.labels_64.class_weight = call.class_weight
    if out is not None:
        if not (is_result(out, x) and apart(out, y) and (weight is None or apart(out, weight))):
            return None
        g = out
    n_blocks = (call.x.n + GATHER_BLOCK_ROWS - 1) // GATHER_BLOCK_ROWS
    # a cache line for each row, but no more than there are
    n_bytes = min(64 * call.x.n, np.PyArray_NBYTES(x)) + np.PyArray_NBYTES(y)
    if n_blocks == 1:
        block = call.sum_one(0)
        if not block.valid:
            return None
        total, divisor = block.total, block.divisor
    else:
        for part in split(call.sum, n_blocks, n_bytes):
            if part is None:
                return None
            for part_total, part_divisor in part:
                total += part_total
                divisor += part_divisor
    if reduction == "mean":
        if not divisor >= min_divisor():
            return None
        factor = 1.0 / divisor
    value = -(total * factor)
    if not wants_grad:
        return value
    if weight is None:
        call.class_weight[0] = 1.0
    for k in range(1 if weight is None else call.x.n_classes):
        call.double_values[k] = -(call.class_weight[k] * factor)
        call.float_values[k] = <float> call.double_values[k]
    if g is None:
        g = np.PyArray_ZEROS(np.PyArray_NDIM(x), np.PyArray_DIMS(x), np.PyArray_TYPE(x), 0)
    else:
        memset(np.PyArray_DATA(g), 0, np.PyArray_NBYTES(g))
    call.grad = call.x
    call.grad.data = np.PyArray_BYTES(g)
    if n_blocks == 1:
        call.scatter_some(0, call.x.n)
    else:
        split(call.scatter, n_blocks, n_bytes)
    return value, g
