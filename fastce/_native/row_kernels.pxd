"""Kernels of rows for Cython code of users, of float32 and float64.

Rows x (n, K) are C-contiguous. The functions run on one thread, need no lock of Python's and
allocate nothing; `out` may be `x`.
"""

cimport cython


# log(sum_k exp(x_ik)), out (n,)
cdef void logsumexp_rows(
    const cython.floating *x, Py_ssize_t n, Py_ssize_t K, cython.floating *out) noexcept nogil

# exp(x_ik) / sum_j exp(x_ij), out (n, K)
cdef void softmax_rows(
    const cython.floating *x, Py_ssize_t n, Py_ssize_t K, cython.floating *out) noexcept nogil

# x_ik - log(sum_j exp(x_ij)), out (n, K)
cdef void log_softmax_rows(
    const cython.floating *x, Py_ssize_t n, Py_ssize_t K, cython.floating *out) noexcept nogil
