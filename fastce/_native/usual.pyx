"""Usual calls of cross-entropy of rows, answered whole: from Python's arguments to the result.

The checks in Python and the way into a function that Numba compiled take 5 us, a small loss less
than one. Here are calls of little work on one thread whose arguments need no conversion, without
Numba. A call that is not usual is answered None, and nothing was written: the checks in Python
convert its arguments or raise. The arithmetic is one C++ function for both ways, which gives both
the same bits.
"""

cimport numpy as np
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.float cimport FLT_MAX
from libc.stdint cimport int32_t, int64_t, uint64_t

from .plain cimport apart, is_real, is_result, min_divisor, sum_numbers, take_weights

from . import rowwise

np.import_array()

__all__ = ["cross_entropy", "sum_of"]

cdef enum:
    # Elements from which on threads share the work (``threads.MIN_PARALLEL_WORK``).
    _MAX_ELEMENTS = 100000
    # Elements from which on other Python threads may run meanwhile.
    _MIN_NOGIL_ELEMENTS = 4096
    # Elements of a block, which has a partial sum (``sums.py``).
    _ROW_BLOCK = 1 << 15
    # No usual call has more blocks.
    _MAX_BLOCKS = 16
    # The most class weights that are usual.
    _MAX_WEIGHTS = 256

ctypedef double (*rows_f32)(
    const float *x, Py_ssize_t n, Py_ssize_t K, const int64_t *labels, const double *weight,
    Py_ssize_t n_weights, double factor, double *values, float *grad, float *hess) noexcept nogil
ctypedef double (*rows_f64)(
    const double *x, Py_ssize_t n, Py_ssize_t K, const int64_t *labels, const double *weight,
    Py_ssize_t n_weights, double factor, double *values, double *grad, double *hess) noexcept nogil
ctypedef double (*general_f32)(
    const float *x, Py_ssize_t n, Py_ssize_t K, const int64_t *labels, const float *probabilities,
    const double *target_weight, Py_ssize_t n_targets, const double *sample_weight,
    Py_ssize_t n_samples, double factor, const double *class_weight, const double *smoothing,
    double *values, float *grad) noexcept nogil
ctypedef double (*general_f64)(
    const double *x, Py_ssize_t n, Py_ssize_t K, const int64_t *labels, const double *probabilities,
    const double *target_weight, Py_ssize_t n_targets, const double *sample_weight,
    Py_ssize_t n_samples, double factor, const double *class_weight, const double *smoothing,
    double *values, double *grad) noexcept nogil

_addresses = rowwise.addresses()
cdef rows_f32 rows_32 = <rows_f32> <size_t> _addresses["fastce_cross_entropy_rows_f32"]
cdef rows_f64 rows_64 = <rows_f64> <size_t> _addresses["fastce_cross_entropy_rows_f64"]
cdef general_f32 general_32 = (
    <general_f32> <size_t> _addresses["fastce_cross_entropy_general_rows_f32"])
cdef general_f64 general_64 = (
    <general_f64> <size_t> _addresses["fastce_cross_entropy_general_rows_f64"])


def sum_of(np.ndarray x not None):
    """Return the sum of a contiguous float64 array, in the order of `numpy.sum`."""
    if not (np.PyArray_TYPE(x) == np.NPY_DOUBLE and np.PyArray_ISCARRAY_RO(x)):
        raise TypeError("x must be contiguous float64")
    cdef double total
    with nogil:
        total = sum_numbers(<double *> np.PyArray_DATA(x), np.PyArray_SIZE(x))
    return total


cdef struct Rows:
    Py_ssize_t n
    Py_ssize_t n_classes
    int64_t *label
    double *weight
    double *row_weight
    Py_ssize_t n_weights
    double factor
    double *smoothing
    void *grad


cdef bint all_classes(const int64_t *label, Py_ssize_t n, int64_t n_classes) noexcept nogil:
    # the sign of k or of n_classes - 1 - k tells, without a branch
    cdef uint64_t signs = 0, last = <uint64_t> (n_classes - 1)
    cdef Py_ssize_t i
    for i in range(n):
        signs |= <uint64_t> label[i] | (last - <uint64_t> label[i])
    return not signs >> 63


cdef bint set_weights(
        Rows *rows, int64_t ignore, const double *class_weight, const double *row_weight,
        bint mean) noexcept nogil:
    """Whether all labels are classes or ignored; write the weights of the rows and the factor."""
    cdef Py_ssize_t i
    cdef int64_t k
    cdef double w, own, divisor
    cdef bint several = class_weight != NULL or row_weight != NULL
    if not several and all_classes(rows.label, rows.n, rows.n_classes) and not (
            0 <= ignore < rows.n_classes):
        rows.weight[0] = rows.row_weight[0] = 1.0
        rows.n_weights = 1
        rows.factor = 1.0 / rows.n if mean else 1.0
        return True
    for i in range(rows.n):
        k, w, own = rows.label[i], 0.0, 0.0
        if k != ignore:
            if not 0 <= k < rows.n_classes:
                return False
            w = own = row_weight[i] if row_weight != NULL else 1.0
            if class_weight != NULL:
                w = w * class_weight[k]
            if w > FLT_MAX:
                return False
        rows.weight[i], rows.row_weight[i] = w, own
    rows.n_weights = rows.n
    rows.factor = 1.0
    if mean:
        divisor = sum_numbers(rows.weight, rows.n)
        if not divisor >= min_divisor():
            return False
        rows.factor = 1.0 / divisor
    return True


cdef void smooth(
        Rows *rows, double label_smoothing, const double *class_weight, double *to) noexcept nogil:
    """Write the parts of smoothing, and what they leave to the targets: as ``weights.py``."""
    cdef Py_ssize_t i
    cdef double part = label_smoothing / rows.n_classes
    for i in range(rows.n_classes):
        to[i] = part if class_weight == NULL else part * class_weight[i]
    for i in range(rows.n_weights):
        rows.weight[i] *= 1.0 - label_smoothing
    rows.smoothing = to


cdef double sum_rows(const Rows *rows, void *x, bint is_double) noexcept nogil:
    cdef double[_MAX_BLOCKS] sums
    cdef Py_ssize_t size = max(<Py_ssize_t> 1, _ROW_BLOCK // rows.n_classes)
    cdef Py_ssize_t first = 0, n, n_weights, b = 0, start, itemsize = 8 if is_double else 4
    cdef const double *weight = rows.weight
    cdef const double *row_weight = rows.row_weight
    cdef char *part
    cdef char *grad = NULL
    while first < rows.n:
        n = min(size, rows.n - first)
        start = first * rows.n_classes * itemsize
        part = <char *> x + start
        n_weights = 1
        if rows.n_weights > 1:
            weight, row_weight, n_weights = rows.weight + first, rows.row_weight + first, n
        if rows.grad != NULL:
            grad = <char *> rows.grad + start
        if rows.smoothing != NULL:
            if is_double:
                sums[b] = general_64(
                    <double *> part, n, rows.n_classes, rows.label + first, NULL, weight,
                    n_weights, row_weight, n_weights, rows.factor, NULL, rows.smoothing, NULL,
                    <double *> grad)
            else:
                sums[b] = general_32(
                    <float *> part, n, rows.n_classes, rows.label + first, NULL, weight,
                    n_weights, row_weight, n_weights, rows.factor, NULL, rows.smoothing, NULL,
                    <float *> grad)
        elif is_double:
            sums[b] = rows_64(
                <double *> part, n, rows.n_classes, rows.label + first, weight, n_weights,
                rows.factor, NULL, <double *> grad, NULL)
        else:
            sums[b] = rows_32(
                <float *> part, n, rows.n_classes, rows.label + first, weight, n_weights,
                rows.factor, NULL, <float *> grad, NULL)
        first += n
        b += 1
    return sum_numbers(sums, b)


def cross_entropy(
        logits, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction,
        axis, out, bint wants_grad):
    """Return the loss, or loss and gradient, of a usual call; else None.

    Rows (n, K) of little work, contiguous float32 or float64, and class indices, int64 or int32;
    weights are arrays of floats.
    """
    cdef np.ndarray x, y, g = None
    cdef Rows rows
    cdef double[_MAX_WEIGHTS] class_weight
    cdef double total, smoothed
    cdef Py_ssize_t i
    cdef int64_t ignore
    cdef bint narrow, mean
    if not (type(logits) is np.ndarray and type(target) is np.ndarray
            and type(reduction) is str and type(ignore_index) is int and type(axis) is int
            and type(label_smoothing) is float and type(z_loss) is float
            and 0.0 <= label_smoothing <= 1.0 and z_loss == 0.0 and (axis == -1 or axis == 1)
            and -(1 << 62) < ignore_index < 1 << 62):
        return None
    mean = reduction == "mean"
    if not mean and reduction != "sum":
        return None
    x, y, ignore, smoothed = logits, target, ignore_index, label_smoothing
    narrow = np.PyArray_TYPE(y) == np.NPY_INT32
    if not (np.PyArray_NDIM(x) == 2 and np.PyArray_NDIM(y) == 1 and is_real(x)
            and (narrow or np.PyArray_TYPE(y) == np.NPY_INT64) and np.PyArray_ISCARRAY_RO(y)
            and 0 < np.PyArray_SIZE(x) < _MAX_ELEMENTS
            and np.PyArray_DIM(x, 0) == np.PyArray_DIM(y, 0)):
        return None
    rows.n, rows.n_classes, rows.grad = np.PyArray_DIM(x, 0), np.PyArray_DIM(x, 1), NULL
    rows.smoothing = NULL
    if weight is not None and not (
            rows.n_classes <= _MAX_WEIGHTS
            and take_weights(weight, rows.n_classes, class_weight)):
        return None
    if out is not None:
        if not (is_result(out, x) and apart(out, y) and (weight is None or apart(out, weight))
                and (sample_weight is None or (
                    type(sample_weight) is np.ndarray and apart(out, sample_weight)))):
            return None
        g = out
    # weights of the rows twice, and their labels; the parts of smoothing
    cdef double *memory = <double *> PyMem_Malloc((
        3 * rows.n + (0 if smoothed == 0.0 else rows.n_classes)) * sizeof(double))
    if memory == NULL:
        raise MemoryError()
    try:
        rows.weight, rows.row_weight = memory, memory + rows.n
        rows.label = <int64_t *> np.PyArray_DATA(y)
        if narrow:
            rows.label = <int64_t *> (memory + 2 * rows.n)
            for i in range(rows.n):
                rows.label[i] = (<int32_t *> np.PyArray_DATA(y))[i]
        if sample_weight is not None and not take_weights(
                sample_weight, rows.n, memory + rows.n):
            return None
        if not set_weights(
                &rows, ignore, <double *> NULL if weight is None else class_weight,
                <double *> NULL if sample_weight is None else memory + rows.n, mean):
            return None
        if smoothed != 0.0:
            smooth(
                &rows, smoothed, <double *> NULL if weight is None else class_weight,
                memory + 3 * rows.n)
        if wants_grad:
            if g is None:
                g = np.PyArray_EMPTY(2, np.PyArray_DIMS(x), np.PyArray_TYPE(x), 0)
            rows.grad = np.PyArray_DATA(g)
        if np.PyArray_SIZE(x) < _MIN_NOGIL_ELEMENTS:
            total = sum_rows(&rows, np.PyArray_DATA(x), np.PyArray_TYPE(x) == np.NPY_DOUBLE)
        else:
            with nogil:
                total = sum_rows(&rows, np.PyArray_DATA(x), np.PyArray_TYPE(x) == np.NPY_DOUBLE)
    finally:
        PyMem_Free(memory)
    return (total, g) if wants_grad else total
