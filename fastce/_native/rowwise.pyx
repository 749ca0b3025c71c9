"""Log-sum-exp, softmax and log-softmax of rows and columns, and sigmoid of flat arrays: one thread, no Numba.

The arithmetic is C (``_simd/rows.h``, ``_simd/middle.h``), compiled for several instruction sets;
the best one that the processor has is chosen when this module is imported (``_cpu.pyx``).

These functions check shapes and types, so that nothing can crash, and leave everything else (any
axis, strides, other dtypes) to ``_special.py``. All arrays are C-contiguous float32 or float64; `x`
may be read-only; `out` may be `x` itself, and must not overlap it otherwise.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)

from . import cpu

__all__ = [
    "BLOCK_ROWS",
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

cdef extern from "simd/rowwise.h" nogil:
    void fastce_rowwise_use(int level)
    enum:
        LOGSUMEXP_ROWS
        SOFTMAX_ROWS
        LOG_SOFTMAX_ROWS
        EXP_NONPOSITIVE_FLAT
        SIGMOID_FLAT
        LOG_SIGMOID_FLAT
        FASTCE_BLOCK_ROWS
        FASTCE_SHORT_ROW
        FASTCE_UNCACHED_BYTES
    void (**fastce_rowwise_f32)(const float *x, Py_ssize_t n, Py_ssize_t K, float *out)
    ctypedef struct fastce_symbol:
        const char *name
        void *f32
        void *f64
    const fastce_symbol *fastce_rowwise_symbols(int level)
    void (**fastce_rowwise_f64)(const double *x, Py_ssize_t n, Py_ssize_t K, double *out)
    void (**fastce_strided_f32)(const float *x, Py_ssize_t K, Py_ssize_t inner, Py_ssize_t first, Py_ssize_t last, float *out)
    void (**fastce_strided_f64)(const double *x, Py_ssize_t K, Py_ssize_t inner, Py_ssize_t first, Py_ssize_t last, double *out)


# The most rows that the leaves take at a time; the longest row whose terms `softmax_terms` writes to
# other memory than `out`; and above how many bytes of 64 neighbouring columns only wide parts are
# quick.
BLOCK_ROWS, SHORT_ROW, UNCACHED_BYTES = FASTCE_BLOCK_ROWS, FASTCE_SHORT_ROW, FASTCE_UNCACHED_BYTES

fastce_rowwise_use(cpu.level())


def addresses():
    """Return the addresses of the C functions that Numba calls, by symbol name; each with suffix ``_f32`` and ``_f64``.

    Each takes the address of its first array, the two lengths of that array, and the addresses of
    the other arrays:

    ``fastce_softmax_statistics(x, n, K, row_max, rest, logs)``
        Of the rows x (n, K), n <= 64: the largest entry, the sum of exp(x - row_max) over all other
        entries, and log1p of that.
    ``fastce_weighted_softmax(x, n, K, weight, out, row_max, rest, logs)``
        The same, and `out` (n, K), which may be `x`, becomes weight (n,) times softmax. A row of
        weight 0 is not looked at.
    ``fastce_softmax_terms(x, n, K, weight, out, transposed, row_max, rest, logs)``,
    ``fastce_normalise_terms(out, n, K, weight, rest, transposed)``
        The two halves of weighted_softmax, so that the weights may depend on what the first one
        finds. `transposed` (60 * 64,), or (K * 64,) for K <= 60, is memory between them.
    ``fastce_logistic(x, n, 1, small, large, tail)``
        sigmoid(-|x|), sigmoid(|x|) and log1p(exp(-|x|)), each (n,).
    ``fastce_exp_nonpositive_flat(x, n, 1, out)``
        exp(x) of x <= 0.
    ``fastce_log_nonnegative_flat(x, n, 1, out)``
        log(x) of x >= 0.
    """
    cdef const fastce_symbol *symbol = fastce_rowwise_symbols(cpu.level())
    result = {}
    while symbol.name != NULL:
        result[symbol.name.decode() + "_f32"] = <Py_ssize_t> symbol.f32
        result[symbol.name.decode() + "_f64"] = <Py_ssize_t> symbol.f64
        symbol += 1
    return result


cdef int _apply(int slot, object x, object out, int ndim, int out_ndim) except -1:
    """Check the two arrays and run one of the C functions on them."""
    cdef Py_buffer source, target
    cdef Py_ssize_t n, K
    cdef bint same_shape
    PyObject_GetBuffer(x, &source, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
        try:
            if source.ndim != ndim or target.ndim != out_ndim:
                raise ValueError(f"x and out must have {ndim} and {out_ndim} dimensions; got {source.ndim} and {target.ndim}")
            n = source.shape[0]
            K = source.shape[1] if ndim == 2 else 1
            same_shape = target.shape[0] == n and (out_ndim == 1 or target.shape[1] == K)
            if not same_shape:
                raise ValueError(f"out must fit x of {n} rows and {K} columns; got another shape")
            if source.format[0] != target.format[0] or source.format[1] != 0 or target.format[1] != 0:
                raise TypeError("x and out must have one dtype; got two")
            if source.format[0] == c"f":
                with nogil:
                    fastce_rowwise_f32[slot](<const float *> source.buf, n, K, <float *> target.buf)
            elif source.format[0] == c"d":
                with nogil:
                    fastce_rowwise_f64[slot](<const double *> source.buf, n, K, <double *> target.buf)
            else:
                raise TypeError("x must be float32 or float64; got another dtype")
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return 0


cdef int _apply_strided(int slot, object x, object out, Py_ssize_t first, Py_ssize_t last) except -1:
    """Check the two arrays and the columns, and run one of the C functions on them."""
    cdef Py_buffer source, target
    cdef Py_ssize_t outer, K, inner
    cdef bint same_shape, reduces = slot == LOGSUMEXP_ROWS
    PyObject_GetBuffer(x, &source, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
        try:
            if source.ndim != 3 or target.ndim != (2 if reduces else 3):
                raise ValueError(f"x and out must have 3 and {2 if reduces else 3} dimensions; got {source.ndim} and {target.ndim}")
            outer, K, inner = source.shape[0], source.shape[1], source.shape[2]
            same_shape = target.shape[0] == outer and target.shape[target.ndim - 1] == inner and (reduces or target.shape[1] == K)
            if not same_shape:
                raise ValueError(f"out must fit x of shape {(outer, K, inner)}; got another shape")
            if not 0 <= first <= last <= outer * inner:
                raise ValueError(f"columns must be from 0 to {outer * inner}; got {first} to {last}")
            if source.format[0] != target.format[0] or source.format[1] != 0 or target.format[1] != 0:
                raise TypeError("x and out must have one dtype; got two")
            if source.format[0] == c"f":
                with nogil:
                    fastce_strided_f32[slot](<const float *> source.buf, K, inner, first, last, <float *> target.buf)
            elif source.format[0] == c"d":
                with nogil:
                    fastce_strided_f64[slot](<const double *> source.buf, K, inner, first, last, <double *> target.buf)
            else:
                raise TypeError("x must be float32 or float64; got another dtype")
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return 0


def logsumexp_rows(x, out):
    """Write ``log(sum_k exp(x[i, k]))`` of the rows of `x` (n, K) into `out` (n,)."""
    _apply(LOGSUMEXP_ROWS, x, out, 2, 1)


def softmax_rows(x, out):
    """Write ``exp(x[i, k]) / sum_j exp(x[i, j])`` of `x` (n, K) into `out` (n, K); `out` may be `x`."""
    _apply(SOFTMAX_ROWS, x, out, 2, 2)


def log_softmax_rows(x, out):
    """Write ``x[i, k] - log(sum_j exp(x[i, j]))`` of `x` (n, K) into `out` (n, K); `out` may be `x`."""
    _apply(LOG_SOFTMAX_ROWS, x, out, 2, 2)


def logsumexp_strided(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``log(sum_k exp(x[i, k, j]))`` of `x` (outer, K, inner) into `out` (outer, inner), from flat place `first` to before `last`."""
    _apply_strided(LOGSUMEXP_ROWS, x, out, first, last)


def softmax_strided(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``exp(x[i, k, j]) / sum_k exp(x[i, k, j])`` of `x` (outer, K, inner) into `out`, of its shape, which may be `x`.

    Only of the columns from `first` to before `last`; column ``i * inner + j`` is ``x[i, :, j]``.
    """
    _apply_strided(SOFTMAX_ROWS, x, out, first, last)


def log_softmax_strided(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``x[i, k, j] - log(sum_k exp(x[i, k, j]))`` likewise."""
    _apply_strided(LOG_SOFTMAX_ROWS, x, out, first, last)


def exp_nonpositive_flat(x, out):
    """Write ``exp(x)`` of `x` (n,), each entry <= 0 or NaN, into `out` (n,): the ``exp`` of all functions here."""
    _apply(EXP_NONPOSITIVE_FLAT, x, out, 1, 1)


def sigmoid_flat(x, out):
    """Write ``1 / (1 + exp(-x))`` of `x` (n,) into `out` (n,); `out` may be `x`."""
    _apply(SIGMOID_FLAT, x, out, 1, 1)


def log_sigmoid_flat(x, out):
    """Write ``-log(1 + exp(-x))`` of `x` (n,) into `out` (n,); `out` may be `x`."""
    _apply(LOG_SIGMOID_FLAT, x, out, 1, 1)
