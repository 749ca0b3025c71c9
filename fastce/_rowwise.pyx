"""Log-sum-exp, softmax and log-softmax of rows, and sigmoid of flat arrays: one thread, no Numba.

The arithmetic is C (``_simd/rows.h``), compiled for several instruction sets; the best one that the
processor has is chosen when this module is imported. The environment variable ``FASTCE_CPU``
(``baseline``, ``v3``, ``v4``) can lower the choice, never raise it.

These functions check shapes and types, so that nothing can crash, and leave everything else (any axis,
strides, other dtypes) to ``_special.py``. All arrays are C-contiguous float32 or float64; `x` may be
read-only; `out` may be `x` itself, and must not overlap it otherwise.
"""

import os

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)

__all__ = [
    "exp_nonpositive_flat",
    "log_sigmoid_flat",
    "log_softmax_rows",
    "logsumexp_rows",
    "sigmoid_flat",
    "softmax_rows",
    "variant",
]

cdef extern from "_simd/rowwise.h" nogil:
    int fastce_best_level()
    void fastce_rowwise_use(int level)
    enum:
        LOGSUMEXP_ROWS
        SOFTMAX_ROWS
        LOG_SOFTMAX_ROWS
        EXP_NONPOSITIVE_FLAT
        SIGMOID_FLAT
        LOG_SIGMOID_FLAT
    void (**fastce_rowwise_f32)(const float *x, Py_ssize_t n, Py_ssize_t K, float *out)
    void (**fastce_rowwise_f64)(const double *x, Py_ssize_t n, Py_ssize_t K, double *out)


_LEVELS = ("baseline", "v3", "v4")


def _choose_level():
    """Return the index into ``_LEVELS`` of the instruction set to use."""
    wanted = os.environ.get("FASTCE_CPU", "") or "v4"
    if wanted not in _LEVELS:
        raise ImportError(f"FASTCE_CPU must be one of {', '.join(_LEVELS)}; got {wanted!r}")
    return min(_LEVELS.index(wanted), fastce_best_level())


_level = _choose_level()
fastce_rowwise_use(_level)


def variant():
    """Return the instruction set in use: ``"baseline"``, ``"v3"`` (AVX2, FMA) or ``"v4"`` (AVX-512)."""
    return _LEVELS[_level]


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


def logsumexp_rows(x, out):
    """Write ``log(sum_k exp(x[i, k]))`` of the rows of `x` (n, K) into `out` (n,)."""
    _apply(LOGSUMEXP_ROWS, x, out, 2, 1)


def softmax_rows(x, out):
    """Write ``exp(x[i, k]) / sum_j exp(x[i, j])`` of `x` (n, K) into `out` (n, K); `out` may be `x`."""
    _apply(SOFTMAX_ROWS, x, out, 2, 2)


def log_softmax_rows(x, out):
    """Write ``x[i, k] - log(sum_j exp(x[i, j]))`` of `x` (n, K) into `out` (n, K); `out` may be `x`."""
    _apply(LOG_SOFTMAX_ROWS, x, out, 2, 2)


def exp_nonpositive_flat(x, out):
    """Write ``exp(x)`` of `x` (n,), each entry <= 0 or NaN, into `out` (n,): the ``exp`` of all functions here."""
    _apply(EXP_NONPOSITIVE_FLAT, x, out, 1, 1)


def sigmoid_flat(x, out):
    """Write ``1 / (1 + exp(-x))`` of `x` (n,) into `out` (n,); `out` may be `x`."""
    _apply(SIGMOID_FLAT, x, out, 1, 1)


def log_sigmoid_flat(x, out):
    """Write ``-log(1 + exp(-x))`` of `x` (n,) into `out` (n,); `out` may be `x`."""
    _apply(LOG_SIGMOID_FLAT, x, out, 1, 1)
