"""Products of a block of rows, dense or CSR: ``Z = X coef_pK + intercept`` and ``G += X.T R``.

X is float32 or float64, everything else float64; float32 entries are widened in registers, so all
arithmetic is double. One thread. The arithmetic is C++ (``simd/dense.h``, ``simd/csr.h``),
compiled for several instruction sets; ``cpu.pyx`` chooses at import.

`dense_forward` and `csr_forward` check their arrays. `CheckedCsr` checks those of a CSR matrix once
and multiplies blocks of its rows; prediction uses it. `addresses` gives the functions to Numba,
which calls them in loops over row blocks without checks: the caller has checked the arrays once.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int32_t, int64_t

from . import cpu
from .functions cimport addresses_of, products_functions

__all__ = ["CheckedCsr", "addresses", "csr_forward", "dense_forward"]

ctypedef void (*_DenseForward)(
    Py_ssize_t X, Py_ssize_t row_stride, Py_ssize_t col_stride, Py_ssize_t n, Py_ssize_t p,
    Py_ssize_t coef, Py_ssize_t intercept, Py_ssize_t K, Py_ssize_t Z) noexcept nogil
ctypedef void (*_CsrForward)(
    Py_ssize_t data, Py_ssize_t indices, Py_ssize_t indptr, Py_ssize_t n,
    Py_ssize_t coef, Py_ssize_t intercept, Py_ssize_t K, Py_ssize_t Z) noexcept nogil
# The row of the first fault, or -1.
ctypedef Py_ssize_t (*_CsrFault)(
    const void *indices, const void *indptr, Py_ssize_t n, Py_ssize_t stored,
    Py_ssize_t p) noexcept nogil

cdef dict _addresses = addresses_of(products_functions(cpu.level()))


def addresses():
    """Return the addresses of the compiled functions by name.

    Every argument of every function is a ``Py_ssize_t``: sizes, strides in elements, and addresses.

    Returns
    -------
    dict of str to int
        ``fastce_dense_forward_{f32,f64}(X, row_stride, col_stride, n, p, coef, intercept, K, Z)``
            ``Z = X coef + intercept``; coef (p, K) and Z (n, K) C-contiguous, `intercept` (K,) or
            0.
        ``fastce_dense_backward_{f32,f64}(X, row_stride, col_stride, n, p, R, K, G)``
            ``G += X.T R``; R (n, K) and G (p, K) C-contiguous.
        ``fastce_csr_forward_{f32,f64}_{i32,i64}(data, indices, indptr, n, coef, intercept, K, Z)``
            As above; `indptr` points to the block's first row.
        ``fastce_csr_backward_{f32,f64}_{i32,i64}(data, indices, indptr, n, R, K, G)``
            As above.
        ``fastce_dense_read_{f32,f64}(row, col_stride, p, centre, out)``
            ``out = row - centre``, each (p,).
        ``fastce_csr_read_{f32,f64}_{i32,i64}(data, indices, indptr, p, centre, out)``
            As above; `indptr` points to the row, here and below.
        ``fastce_csr_add_pairs_{f32,f64}_{i32,i64}(data, indices, indptr, p, factor, gram)``
            The lower half of gram (p + 1, p + 1) += factor [row 1]^T [row 1]; `factor` is the
            address of a double, here and below.
        ``fastce_csr_add_moments_{f32,f64}_{i32,i64}(data, indices, indptr, factor, sums, squares)``
            sums (p,) += factor row, squares (p,) += factor row^2.
        ``fastce_csr_fault_{i32,i64}(indices, indptr, n, stored, p)``
            Returns the row of the first index or row start that points outside, or -1.
    """
    return dict(_addresses)


cdef class _Array:
    """A buffer that is held as long as this object lives."""

    cdef Py_buffer view
    cdef bint held

    def __cinit__(self, name, array, int ndim, str kinds, int flags):
        PyObject_GetBuffer(array, &self.view, flags | PyBUF_FORMAT)
        self.held = True
        if self.view.ndim != ndim:
            raise ValueError(f"{name} must have {ndim} dimensions; got {self.view.ndim}")
        if self.view.format[1] != 0 or chr(self.view.format[0]) not in kinds:
            got = self.view.format.decode()
            raise TypeError(f"{name} must have a dtype among {kinds!r}; got {got!r}")

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)

    cdef Py_ssize_t address(self):
        return <Py_ssize_t> self.view.buf

    cdef Py_ssize_t stride(self, int axis) except? -1:
        if self.view.strides[axis] % self.view.itemsize:
            raise ValueError(
                "strides must be multiples of the item size; got a view into a structured array")
        return self.view.strides[axis] // self.view.itemsize


cdef _Array _intercept_of(object intercept, Py_ssize_t K):
    """Return the intercept's buffer, or None, after checking its length."""
    if intercept is None:
        return None
    cdef _Array array = _Array("intercept", intercept, 1, "d", PyBUF_C_CONTIGUOUS)
    if array.view.shape[0] != K:
        raise ValueError(f"intercept must have {K} entries; got {array.view.shape[0]}")
    return array


def dense_forward(X, coef_pK, intercept, Z):
    """Write ``X @ coef_pK + intercept`` into `Z`.

    Parameters
    ----------
    X : buffer (n, p), float32 or float64
        Any strides.
    coef_pK : buffer (p, K), float64, C-contiguous
    intercept : buffer (K,), float64, C-contiguous, or None
    Z : buffer (n, K), float64, C-contiguous, writeable

    Raises
    ------
    ValueError
        When shapes do not fit, or an array is not laid out as said.
    TypeError
        When a dtype is another one.
    """
    cdef _Array x = _Array("X", X, 2, "fd", PyBUF_STRIDES)
    cdef _Array w = _Array("coef_pK", coef_pK, 2, "d", PyBUF_C_CONTIGUOUS)
    cdef _Array z = _Array("Z", Z, 2, "d", PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    cdef Py_ssize_t n = x.view.shape[0], p = x.view.shape[1], K = w.view.shape[1]
    if w.view.shape[0] != p:
        raise ValueError(
            f"coef_pK must have a row for each of the {p} columns of X; got {w.view.shape[0]}")
    if z.view.shape[0] != n or z.view.shape[1] != K:
        got = z.view.shape[0], z.view.shape[1]
        raise ValueError(f"Z must have shape {(n, K)}; got {got}")
    cdef _Array b = _intercept_of(intercept, K)
    cdef Py_ssize_t x_ = x.address(), rs = x.stride(0), cs = x.stride(1), w_ = w.address()
    cdef Py_ssize_t b_ = 0 if b is None else b.address(), z_ = z.address()
    cdef Py_ssize_t address = _addresses[f"fastce_dense_forward_f{8 * x.view.itemsize}"]
    cdef _DenseForward function = <_DenseForward> address
    with nogil:
        function(x_, rs, cs, n, p, w_, b_, K, z_)


cdef class CheckedCsr:
    """The three arrays of a CSR matrix, checked when this is made: no index points outside of them.

    It holds the arrays, so their memory is not freed. Nobody may edit the indices, or resize an
    array with ``refcheck=False``, while this is in use: products read them without another check.

    Parameters
    ----------
    data : buffer (nnz,), float32 or float64
    indices : buffer (nnz,), int32 or int64
    indptr : buffer (n + 1,), of the dtype of `indices`
    n_columns : int

    Raises
    ------
    ValueError
        When an index or a row start points outside; the message names the row.
    TypeError
        When a dtype is another one.
    """

    cdef _Array data, indices, indptr
    cdef Py_ssize_t n, p, function
    cdef bint wide

    def __cinit__(self, data, indices, indptr, Py_ssize_t n_columns):
        # NumPy's int64 is C's long on Linux and macOS and long long on Windows; int32 the other way
        # round.
        self.data = _Array("data", data, 1, "fd", PyBUF_C_CONTIGUOUS)
        self.indices = _Array("indices", indices, 1, "ilq", PyBUF_C_CONTIGUOUS)
        self.indptr = _Array("indptr", indptr, 1, "ilq", PyBUF_C_CONTIGUOUS)
        if self.indices.view.itemsize != self.indptr.view.itemsize:
            raise TypeError("indices and indptr must have one dtype; got two")
        if self.indptr.view.shape[0] < 1:
            raise ValueError("indptr must have at least one entry; got none")
        cdef Py_ssize_t stored = min(self.data.view.shape[0], self.indices.view.shape[0])
        cdef Py_ssize_t fault, n = self.indptr.view.shape[0] - 1
        cdef void *columns = self.indices.view.buf
        cdef void *starts = self.indptr.view.buf
        self.n, self.p = n, n_columns
        self.wide = self.indices.view.itemsize == 8
        cdef Py_ssize_t address = _addresses[f"fastce_csr_fault_i{64 if self.wide else 32}"]
        cdef _CsrFault find_fault = <_CsrFault> address
        with nogil:
            fault = find_fault(columns, starts, n, stored, n_columns)
        if fault >= 0:
            raise self.error(fault, stored)
        kind = f"f{8 * self.data.view.itemsize}_i{8 * self.indices.view.itemsize}"
        self.function = _addresses[f"fastce_csr_forward_{kind}"]

    def forward(self, Py_ssize_t first, Py_ssize_t last, coef_pK, intercept, Z):
        """Write the logits of rows `first` to `last`, ``X @ coef_pK + intercept``, into `Z`.

        Parameters
        ----------
        first, last : int
            The rows are those of ``range(first, last)``.
        coef_pK : buffer (p, K), float64, C-contiguous
        intercept : buffer (K,), float64, C-contiguous, or None
        Z : buffer (last - first, K), float64, C-contiguous, writeable

        Raises
        ------
        ValueError
            When shapes or rows do not fit.
        TypeError
            When a dtype is another one.
        """
        if not 0 <= first <= last <= self.n:
            raise ValueError(f"rows must lie in 0..{self.n}; got {first} to {last}")
        cdef _Array w = _Array("coef_pK", coef_pK, 2, "d", PyBUF_C_CONTIGUOUS)
        cdef _Array z = _Array("Z", Z, 2, "d", PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        cdef Py_ssize_t n = last - first, K = w.view.shape[1]
        if w.view.shape[0] != self.p:
            raise ValueError(
                f"coef_pK must have a row for each of the {self.p} columns of X; "
                f"got {w.view.shape[0]}")
        if z.view.shape[0] != n or z.view.shape[1] != K:
            got = z.view.shape[0], z.view.shape[1]
            raise ValueError(f"Z must have shape {(n, K)}; got {got}")
        cdef _Array b = _intercept_of(intercept, K)
        cdef Py_ssize_t data_ = self.data.address(), indices_ = self.indices.address()
        cdef Py_ssize_t indptr_ = self.indptr.address() + first * self.indptr.view.itemsize
        cdef Py_ssize_t w_ = w.address(), b_ = 0 if b is None else b.address(), z_ = z.address()
        cdef _CsrForward function = <_CsrForward> self.function
        with nogil:
            function(data_, indices_, indptr_, n, w_, b_, K, z_)

    cdef object error(self, Py_ssize_t row, Py_ssize_t stored):
        """Return the error for the first invalid row."""
        cdef int64_t first = self.entry(self.indptr, row), last = self.entry(self.indptr, row + 1)
        cdef int64_t e, index = 0
        if not 0 <= first <= last <= stored:
            return ValueError(
                f"indptr must rise from 0 to at most {stored}; "
                f"got {first}, then {last} at row {row}")
        for e in range(first, last):
            index = self.entry(self.indices, e)
            if not 0 <= index < self.p:
                break
        return ValueError(f"indices must lie in 0..{self.p - 1}; got {index} at row {row}")

    cdef int64_t entry(self, _Array array, Py_ssize_t i):
        """Return an entry of one of the arrays of integers."""
        if self.wide:
            return (<const int64_t *> array.view.buf)[i]
        return (<const int32_t *> array.view.buf)[i]


def csr_forward(data, indices, indptr, coef_pK, intercept, Z):
    """Write ``X @ coef_pK + intercept`` into `Z`, for X (n, p) in CSR form.

    Parameters
    ----------
    data : buffer (nnz,), float32 or float64
    indices : buffer (nnz,), int32 or int64
    indptr : buffer (n + 1,), of the dtype of `indices`
    coef_pK : buffer (p, K), float64, C-contiguous
    intercept : buffer (K,), float64, C-contiguous, or None
    Z : buffer (n, K), float64, C-contiguous, writeable

    Raises
    ------
    ValueError
        When shapes do not fit, or an index or a row start points outside.
    TypeError
        When a dtype is another one.
    """
    cdef _Array w = _Array("coef_pK", coef_pK, 2, "d", PyBUF_C_CONTIGUOUS)
    cdef CheckedCsr x = CheckedCsr(data, indices, indptr, w.view.shape[0])
    x.forward(0, x.n, coef_pK, intercept, Z)
