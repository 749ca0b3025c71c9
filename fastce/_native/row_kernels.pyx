"""The kernels of rows that Cython code of users calls: ``from fastce cimport softmax_rows``.

They are those that fastce itself calls, for the instruction set in use.
"""

from . import rowwise

ctypedef void (*_RowsFloat)(
    const float *x, Py_ssize_t n, Py_ssize_t K, float *out) noexcept nogil
ctypedef void (*_RowsDouble)(
    const double *x, Py_ssize_t n, Py_ssize_t K, double *out) noexcept nogil

cdef dict _addresses = rowwise.addresses()
cdef Py_ssize_t _logsumexp_f32 = _addresses["fastce_logsumexp_rows_f32"]
cdef Py_ssize_t _logsumexp_f64 = _addresses["fastce_logsumexp_rows_f64"]
cdef Py_ssize_t _softmax_f32 = _addresses["fastce_softmax_rows_f32"]
cdef Py_ssize_t _softmax_f64 = _addresses["fastce_softmax_rows_f64"]
cdef Py_ssize_t _log_softmax_f32 = _addresses["fastce_log_softmax_rows_f32"]
cdef Py_ssize_t _log_softmax_f64 = _addresses["fastce_log_softmax_rows_f64"]


cdef void logsumexp_rows(
        const cython.floating *x, Py_ssize_t n, Py_ssize_t K,
        cython.floating *out) noexcept nogil:
    if cython.floating is float:
        (<_RowsFloat> _logsumexp_f32)(x, n, K, out)
    else:
        (<_RowsDouble> _logsumexp_f64)(x, n, K, out)


cdef void softmax_rows(
        const cython.floating *x, Py_ssize_t n, Py_ssize_t K,
        cython.floating *out) noexcept nogil:
    if cython.floating is float:
        (<_RowsFloat> _softmax_f32)(x, n, K, out)
    else:
        (<_RowsDouble> _softmax_f64)(x, n, K, out)


cdef void log_softmax_rows(
        const cython.floating *x, Py_ssize_t n, Py_ssize_t K,
        cython.floating *out) noexcept nogil:
    if cython.floating is float:
        (<_RowsFloat> _log_softmax_f32)(x, n, K, out)
    else:
        (<_RowsDouble> _log_softmax_f64)(x, n, K, out)
