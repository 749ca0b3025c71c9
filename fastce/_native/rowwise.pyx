"""logsumexp, softmax and log_softmax of rows, sigmoid of flat arrays: one thread, no Numba.

The arithmetic is C++ (``simd/rows.h``, ``simd/strided_rows.h``), compiled for several instruction
sets; the best one that the processor has is chosen when this module is imported (``cpu.pyx``).

These functions check shapes and types, so that nothing can crash; ``_losses/special.py`` handles
everything else (any axis, strides, other dtypes). All arrays are C-contiguous float32 or float64;
`x` may be read-only; `out` may be `x` itself, and must not overlap it otherwise.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)

from . import cpu
from .functions cimport addresses_of, rowwise_functions

__all__ = [
    "BLOCK_ROWS",
    "MAX_SOFT_CLASSES",
    "SHORT_ROW",
    "UNCACHED_BYTES",
    "addresses",
    "exp_nonpositive_flat",
    "log_sigmoid_flat",
    "log_softmax_rows",
    "log_softmax_strided",
    "logsumexp_rows",
    "logsumexp_strided",
    "sigmoid_flat",
    "softmax_rows",
    "softmax_strided",
]

cdef extern from "simd/sizes.h" namespace "fastce" nogil:
    Py_ssize_t block_rows, short_row, uncached_bytes, max_soft_classes

# The largest number of rows in a call of the functions of `addresses`.
BLOCK_ROWS = block_rows
# The longest row that is transposed; its terms are written to `transposed` instead of `out`.
SHORT_ROW = short_row
# The most classes of `fastce_probability_rows`.
MAX_SOFT_CLASSES = max_soft_classes
# From this size on, in bytes, 64 neighbouring strided rows do not stay in the caches, and only wide
# ranges of them are fast.
UNCACHED_BYTES = uncached_bytes

cdef dict _addresses = addresses_of(rowwise_functions(cpu.level()))

ctypedef void (*_RowsFloat)(
    const float *x, Py_ssize_t n, Py_ssize_t K, float *out) noexcept nogil
ctypedef void (*_RowsDouble)(
    const double *x, Py_ssize_t n, Py_ssize_t K, double *out) noexcept nogil
ctypedef void (*_StridedFloat)(
    const float *x, Py_ssize_t K, Py_ssize_t inner, Py_ssize_t first, Py_ssize_t last,
    float *out) noexcept nogil
ctypedef void (*_StridedDouble)(
    const double *x, Py_ssize_t K, Py_ssize_t inner, Py_ssize_t first, Py_ssize_t last,
    double *out) noexcept nogil

# The two forms of a function.
cdef struct _Pair:
    Py_ssize_t f32
    Py_ssize_t f64


cdef _Pair _pair(str name):
    cdef _Pair pair
    pair.f32, pair.f64 = _addresses[f"fastce_{name}_f32"], _addresses[f"fastce_{name}_f64"]
    return pair


cdef _Pair _logsumexp_rows = _pair("logsumexp_rows")
cdef _Pair _softmax_rows = _pair("softmax_rows")
cdef _Pair _log_softmax_rows = _pair("log_softmax_rows")
cdef _Pair _logsumexp_strided = _pair("logsumexp_strided")
cdef _Pair _softmax_strided = _pair("softmax_strided")
cdef _Pair _log_softmax_strided = _pair("log_softmax_strided")
cdef _Pair _exp_nonpositive_flat = _pair("exp_nonpositive_flat")
cdef _Pair _sigmoid_flat = _pair("sigmoid_flat")
cdef _Pair _log_sigmoid_flat = _pair("log_sigmoid_flat")


def addresses():
    """Return the addresses of the compiled functions by name; those that Numba calls are told here.

    Each name has the suffix ``_f32`` or ``_f64``. Each function takes the address of its first
    array, the two lengths of that array, and the addresses of the other arrays:

    ``fastce_softmax_statistics(x, n, K, row_max, rest, logs)``
        Of the rows x (n, K), n <= 64: the largest entry, rest = the sum of exp(x - row_max) over
        all other entries, and log1p(rest).
    ``fastce_weighted_softmax(x, n, K, weight, out, row_max, rest, logs)``
        The same, and `out` (n, K), which may be `x`, becomes weight (n,) times softmax. Rows
        of weight 0 are not read, and become 0.
    ``fastce_softmax_terms(x, n, K, weight, out, transposed, row_max, rest, logs)``,
    ``fastce_normalise_terms(out, n, K, weight, rest, transposed)``
        The two halves of weighted_softmax, so that the weights may depend on what the first one
        finds. `transposed`, (K * 64,) for K <= 60, keeps the terms in between.
    ``fastce_logistic(x, n, 1, small, large, tail)``
        sigmoid(-|x|), sigmoid(|x|) and log1p(exp(-|x|)), each (n,).
    ``fastce_exp_nonpositive_flat(x, n, 1, out)``
        exp(x) of x <= 0.
    ``fastce_log_nonnegative_flat(x, n, 1, out)``
        log(x) of x >= 0.

    Four functions are whole losses. They return the sum of the values, a double, and take null for
    what is not wanted:

    ``fastce_cross_entropy_rows(x, n, K, labels, weight, n_weights, factor, values, grad, hess)``
        Of class indices, int64, which are in range where the weight is not 0. The weights, one or
        n doubles, and the values are multiplied with the double `factor`; `grad` may be `x`.
    ``fastce_probability_rows(x, n, K, target, weight, n_weights, factor, class_weight, smoothing,
    values, grad)``
        Of probabilities of K <= MAX_SOFT_CLASSES classes, with K class weights and K parts of
        smoothing, doubles.
    ``fastce_cross_entropy_general_rows(x, n, K, labels, probabilities, target_weight, n_targets,
    sample_weight, n_samples, factor, class_weight, smoothing, values, grad)``
        Of class indices with smoothing, or of probabilities of any number of classes, where labels
        are null and both weights the same.
    ``fastce_binary_cross_entropy_flat(x, n, target, positive_weight, negative_weight, factor,
    ignore, values, grad, hess)``
        Of elements; all arrays and numbers are of one type. The sum is that before the factor.
    """
    return dict(_addresses)


cdef int _check_one_dtype(const Py_buffer *x, const Py_buffer *out) except -1:
    """Raise unless both buffers hold items of the same, single-letter format."""
    if x.format[0] != out.format[0] or x.format[1] != 0 or out.format[1] != 0:
        raise TypeError("x and out must have one dtype; got two")
    return 0


cdef int _apply(_Pair functions, object x, object out, int ndim, int out_ndim) except -1:
    """Check the two arrays and run one of the compiled functions on them."""
    cdef Py_buffer source, target
    cdef Py_ssize_t n, K
    cdef bint same_shape
    PyObject_GetBuffer(x, &source, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
        try:
            if source.ndim != ndim or target.ndim != out_ndim:
                raise ValueError(
                    f"x and out must have {ndim} and {out_ndim} dimensions; "
                    f"got {source.ndim} and {target.ndim}")
            n = source.shape[0]
            K = source.shape[1] if ndim == 2 else 1
            same_shape = target.shape[0] == n and (out_ndim == 1 or target.shape[1] == K)
            if not same_shape:
                raise ValueError(f"out must fit x of {n} rows and {K} columns; got another shape")
            _check_one_dtype(&source, &target)
            if source.format[0] == c"f":
                with nogil:
                    (<_RowsFloat> functions.f32)(
                        <const float *> source.buf, n, K, <float *> target.buf)
            elif source.format[0] == c"d":
                with nogil:
                    (<_RowsDouble> functions.f64)(
                        <const double *> source.buf, n, K, <double *> target.buf)
            else:
                raise TypeError("x must be float32 or float64; got another dtype")
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return 0


cdef int _apply_strided(
        _Pair functions, bint reduces, object x, object out, Py_ssize_t first,
        Py_ssize_t last) except -1:
    """Check the two arrays and the range of strided rows, and run one of the compiled functions."""
    cdef Py_buffer source, target
    cdef Py_ssize_t outer, K, inner, out_ndim
    cdef bint same_shape
    PyObject_GetBuffer(x, &source, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
        try:
            out_ndim = 2 if reduces else 3
            if source.ndim != 3 or target.ndim != out_ndim:
                raise ValueError(
                    f"x and out must have 3 and {out_ndim} dimensions; "
                    f"got {source.ndim} and {target.ndim}")
            outer, K, inner = source.shape[0], source.shape[1], source.shape[2]
            same_shape = target.shape[0] == outer and target.shape[target.ndim - 1] == inner
            same_shape = same_shape and (reduces or target.shape[1] == K)
            if not same_shape:
                raise ValueError(f"out must fit x of shape {(outer, K, inner)}; got another shape")
            if not 0 <= first <= last <= outer * inner:
                raise ValueError(
                    f"columns must be from 0 to {outer * inner}; got {first} to {last}")
            _check_one_dtype(&source, &target)
            if source.format[0] == c"f":
                with nogil:
                    (<_StridedFloat> functions.f32)(
                        <const float *> source.buf, K, inner, first, last, <float *> target.buf)
            elif source.format[0] == c"d":
                with nogil:
                    (<_StridedDouble> functions.f64)(
                        <const double *> source.buf, K, inner, first, last, <double *> target.buf)
            else:
                raise TypeError("x must be float32 or float64; got another dtype")
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return 0


def logsumexp_rows(x, out):
    """Write ``log(sum_k exp(x[i, k]))`` of the rows of `x` (n, K) into `out` (n,)."""
    _apply(_logsumexp_rows, x, out, 2, 1)


def softmax_rows(x, out):
    """Write ``exp(x[i, k]) / sum_j exp(x[i, j])`` of `x` (n, K) into `out` (n, K), or `x`."""
    _apply(_softmax_rows, x, out, 2, 2)


def log_softmax_rows(x, out):
    """Write ``x[i, k] - log(sum_j exp(x[i, j]))`` of `x` (n, K) into `out` (n, K), or `x`."""
    _apply(_log_softmax_rows, x, out, 2, 2)


def logsumexp_strided(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``log(sum_k exp(x[i, k, j]))`` of `x` (outer, K, inner) into `out` (outer, inner).

    Only the strided rows from `first` to before `last`; number ``i * inner + j`` is ``x[i, :, j]``.
    """
    _apply_strided(_logsumexp_strided, True, x, out, first, last)


def softmax_strided(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``exp(x[i, k, j]) / sum_k exp(x[i, k, j])`` of `x` (outer, K, inner) to `out` or `x`.

    Only the strided rows from `first` to before `last`; number ``i * inner + j`` is ``x[i, :, j]``.
    """
    _apply_strided(_softmax_strided, False, x, out, first, last)


def log_softmax_strided(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``x[i, k, j] - log(sum_k exp(x[i, k, j]))`` likewise."""
    _apply_strided(_log_softmax_strided, False, x, out, first, last)


def exp_nonpositive_flat(x, out):
    """Write ``exp(x)`` of `x` (n,), each entry <= 0 or NaN, into `out` (n,)."""
    _apply(_exp_nonpositive_flat, x, out, 1, 1)


def sigmoid_flat(x, out):
    """Write ``1 / (1 + exp(-x))`` of `x` (n,) into `out` (n,); `out` may be `x`."""
    _apply(_sigmoid_flat, x, out, 1, 1)


def log_sigmoid_flat(x, out):
    """Write ``-log(1 + exp(-x))`` of `x` (n,) into `out` (n,); `out` may be `x`."""
    _apply(_log_sigmoid_flat, x, out, 1, 1)
