# distutils: language = c++
"""Rows wherever they lie and in whatever dtype, as tiles that kernels take (``simd/tiles.h``).

An array of rows is (outer, inner, K), aligned, of any strides, float16, float32 or float64; uint16
stands for bfloat16, which NumPy has no dtype for. Elements are rows of length one.
"""

cimport numpy as np
from libc.stdint cimport int64_t, intptr_t
from libc.stdlib cimport free, malloc

from . import cpu, rowwise
from .functions cimport addresses_of, tiles_functions

np.import_array()

__all__ = [
    "PADDING", "MEMORY_WORDS", "addresses", "describe", "load_rows", "log_sigmoid", "log_softmax",
    "logsumexp", "scan_interval", "sigmoid", "softmax", "store_rows",
]

cdef extern from "numpy/arrayobject.h":
    int NPY_HALF

cdef extern from "simd/memory.h" namespace "fastce" nogil:
    cdef struct memory:
        int64_t data, kind, n_classes, inner, outer_stride, inner_stride, class_stride, n
    int64_t memory_half, memory_bfloat16, memory_float, memory_double
    Py_ssize_t tile_padding

ctypedef void (*_LoadFloats)(
    const memory *m, Py_ssize_t first, Py_ssize_t n, float *tile) noexcept nogil
ctypedef void (*_LoadDoubles)(
    const memory *m, Py_ssize_t first, Py_ssize_t n, double *tile) noexcept nogil
ctypedef void (*_StoreFloats)(
    const memory *m, Py_ssize_t first, Py_ssize_t n, const float *tile) noexcept nogil
ctypedef void (*_StoreDoubles)(
    const memory *m, Py_ssize_t first, Py_ssize_t n, const double *tile) noexcept nogil
ctypedef Py_ssize_t (*_ScanFloats)(
    const memory *m, Py_ssize_t first, Py_ssize_t last, Py_ssize_t step, float *tile,
    float highest, float ignore, Py_ssize_t *n_ignored) noexcept nogil
ctypedef Py_ssize_t (*_ScanDoubles)(
    const memory *m, Py_ssize_t first, Py_ssize_t last, Py_ssize_t step, double *tile,
    double highest, double ignore, Py_ssize_t *n_ignored) noexcept nogil
ctypedef void (*_RowsFloat)(
    const float *x, Py_ssize_t n, Py_ssize_t K, float *out) noexcept nogil

cdef dict _addresses = addresses_of(tiles_functions(cpu.level()))


cdef void *_address(str name):
    return <void *> <Py_ssize_t> _addresses[f"fastce_{name}"]


cdef _LoadFloats load_floats = <_LoadFloats> _address("load_rows_f32")
cdef _LoadDoubles load_doubles = <_LoadDoubles> _address("load_rows_f64")
cdef _StoreFloats store_floats = <_StoreFloats> _address("store_rows_f32")
cdef _StoreDoubles store_doubles = <_StoreDoubles> _address("store_rows_f64")
cdef _ScanFloats scan_floats = <_ScanFloats> _address("scan_rows_f32")
cdef _ScanDoubles scan_doubles = <_ScanDoubles> _address("scan_rows_f64")


cdef _RowsFloat _function(str name):
    """Return a function of contiguous float32 rows of ``rowwise.pyx``."""
    return <_RowsFloat> <Py_ssize_t> rowwise.addresses()[f"fastce_{name}_f32"]


cdef _RowsFloat logsumexp_rows = _function("logsumexp_rows")
cdef _RowsFloat softmax_rows = _function("softmax_rows")
cdef _RowsFloat log_softmax_rows = _function("log_softmax_rows")
cdef _RowsFloat sigmoid_flat = _function("sigmoid_flat")
cdef _RowsFloat log_sigmoid_flat = _function("log_sigmoid_flat")

# Numbers behind the rows of a tile that may be written, too.
PADDING = tile_padding
# Integers of a description.
MEMORY_WORDS = sizeof(memory) // sizeof(int64_t)

cdef enum:
    # Elements of a tile here: it and what a kernel makes of it stay in the first cache.
    _TILE = 2048
    # The fewest rows of a tile: a line of the cache, where neighbouring rows are neighbours in it.
    _MIN_ROWS = 16


def addresses():
    """Return the addresses of the compiled functions by name; Numba calls these.

    ``fastce_load_rows_{f32,f64}(memory, first, n, tile)``
        Write n rows from number `first` to tile (n, K), of float32 or float64. `memory` is what
        `describe` returned. `PADDING` numbers behind the tile may be written, too.
    ``fastce_store_rows_{f32,f64}(memory, first, n, tile)``
        Write them back, rounded once. `PADDING` numbers behind the tile may be read, too.
    """
    return dict(_addresses)


cdef memory _memory_of(np.ndarray x, bint writes) except *:
    cdef memory m
    cdef int kind = np.PyArray_TYPE(x)
    cdef Py_ssize_t size = np.PyArray_ITEMSIZE(x)
    if not (np.PyArray_NDIM(x) == 3 and np.PyArray_ISBEHAVED_RO(x)):
        raise ValueError("rows must be an aligned array of three axes")
    if writes and not np.PyArray_ISWRITEABLE(x):
        raise ValueError("rows must be writeable")
    if kind == NPY_HALF:
        m.kind = memory_half
    elif kind == np.NPY_USHORT:
        m.kind = memory_bfloat16
    elif kind == np.NPY_FLOAT:
        m.kind = memory_float
    elif kind == np.NPY_DOUBLE:
        m.kind = memory_double
    else:
        raise TypeError("rows must be float16, uint16 for bfloat16, float32 or float64")
    m.data = <intptr_t> np.PyArray_DATA(x)
    m.n = np.PyArray_DIM(x, 0) * np.PyArray_DIM(x, 1)
    m.inner, m.n_classes = max(1, np.PyArray_DIM(x, 1)), np.PyArray_DIM(x, 2)
    m.outer_stride = np.PyArray_STRIDE(x, 0) // size
    m.inner_stride = np.PyArray_STRIDE(x, 1) // size
    # rows of one entry are columns of one, too
    m.class_stride = np.PyArray_STRIDE(x, 2) // size if m.n_classes > 1 else 1
    if m.inner == 1:  # then the rows are those of the outer axis
        m.inner, m.inner_stride = max(1, np.PyArray_DIM(x, 0)), m.outer_stride
    return m


def describe(tuple inputs not None, tuple outputs not None):
    """Return a table (n, MEMORY_WORDS) int64 of where the rows of these arrays lie.

    An array may be None; its row of the table is 0.
    """
    cdef Py_ssize_t i, n_inputs = len(inputs)
    cdef np.npy_intp[2] shape = [n_inputs + len(outputs), MEMORY_WORDS]
    cdef np.ndarray table = np.PyArray_ZEROS(2, shape, np.NPY_INT64, 0)
    cdef memory *rows = <memory *> np.PyArray_DATA(table)
    for i in range(shape[0]):
        x = inputs[i] if i < n_inputs else outputs[i - n_inputs]
        if x is not None:
            rows[i] = _memory_of(x, i >= n_inputs)
    return table


cdef Py_ssize_t _rows_of_tile(memory x, memory out) noexcept:
    """Return how many rows a tile takes: whole lines of the cache where rows are neighbours."""
    cdef Py_ssize_t rows = max(<Py_ssize_t> 1, _TILE // max(<Py_ssize_t> 1, x.n_classes))
    if x.inner_stride == 1 or out.inner_stride == 1:
        return max(rows, <Py_ssize_t> _MIN_ROWS)
    return rows


cdef int _check_range(memory m, Py_ssize_t first, Py_ssize_t last) except -1:
    if not 0 <= first <= last <= m.n:
        raise ValueError(f"rows must be from 0 to {m.n}; got {first} to {last}")
    return 0


cdef int _check_tile(np.ndarray tile, memory m, Py_ssize_t n, bint writes) except -1:
    cdef int kind = np.PyArray_TYPE(tile)
    if kind != np.NPY_DOUBLE and (kind != np.NPY_FLOAT or m.kind == memory_double and writes):
        raise TypeError("a tile must be float64, or float32 where the rows are no float64")
    if not (np.PyArray_ISCARRAY(tile) and np.PyArray_SIZE(tile) == n * m.n_classes):
        raise ValueError(f"a tile must be contiguous, {n} rows of {m.n_classes}")
    return 0


def load_rows(np.ndarray x not None, np.ndarray tile not None, Py_ssize_t first, Py_ssize_t last):
    """Write the rows of x from `first` to before `last` to the same rows of `tile`.

    tile has all rows, float32 or float64, contiguous; float64 only of float32 and float64.
    """
    cdef memory m = _memory_of(x, False)
    _copy(m, tile, first, last, False)


def store_rows(np.ndarray tile not None, np.ndarray x not None, Py_ssize_t first, Py_ssize_t last):
    """Write the rows of `tile` from `first` to before `last` to those of x, rounded once."""
    cdef memory m = _memory_of(x, True)
    _copy(m, tile, first, last, True)


cdef int _copy(
        memory m, np.ndarray tile, Py_ssize_t first, Py_ssize_t last, bint writes) except -1:
    # by a tile of our own, which has padding
    cdef Py_ssize_t K = m.n_classes, step = _rows_of_tile(m, m)
    cdef Py_ssize_t size = np.PyArray_ITEMSIZE(tile), i, n
    cdef bint is_float = np.PyArray_TYPE(tile) == np.NPY_FLOAT
    cdef char *data = <char *> np.PyArray_DATA(tile)
    cdef char *own
    _check_tile(tile, m, m.n, writes)
    _check_range(m, first, last)
    if not (is_float or writes or m.kind == memory_float or m.kind == memory_double):
        raise TypeError("float64 tiles are of float32 and float64 rows only")
    own = <char *> malloc((step * K + tile_padding) * size)
    if own == NULL:
        raise MemoryError()
    with nogil:
        i = first
        while i < last:
            n = min(step, last - i)
            if writes:
                copy_bytes(own, data + i * K * size, n * K * size)
                if is_float:
                    store_floats(&m, i, n, <const float *> own)
                else:
                    store_doubles(&m, i, n, <const double *> own)
            else:
                if is_float:
                    load_floats(&m, i, n, <float *> own)
                else:
                    load_doubles(&m, i, n, <double *> own)
                copy_bytes(data + i * K * size, own, n * K * size)
            i += step
    free(own)
    return 0


cdef extern from "string.h" nogil:
    void copy_bytes "memcpy" (void *to, const void *source, size_t n)


def scan_interval(
        np.ndarray x not None, double highest, double ignore, Py_ssize_t first, Py_ssize_t last):
    """Return how many entries of some rows of x are `ignore`, or -1 - i if one is bad.

    Bad is what is neither from 0 to `highest` nor `ignore` (NaN: nothing is); i counts from the
    first entry of row `first`. The rows are those from `first` to before `last`.
    """
    cdef memory m = _memory_of(x, False)
    cdef Py_ssize_t step = _rows_of_tile(m, m), n_ignored = 0, place
    cdef bint is_double = m.kind == memory_double
    cdef char *tile
    _check_range(m, first, last)
    tile = <char *> malloc((step * m.n_classes + tile_padding) * (8 if is_double else 4))
    if tile == NULL:
        raise MemoryError()
    with nogil:
        if is_double:
            place = scan_doubles(
                &m, first, last, step, <double *> tile, highest, ignore, &n_ignored)
        else:
            place = scan_floats(
                &m, first, last, step, <float *> tile, <float> highest, <float> ignore,
                &n_ignored)
    free(tile)
    return n_ignored if place < 0 else -1 - place


cdef int _apply(
        _RowsFloat function, object x, object out, Py_ssize_t first, Py_ssize_t last,
        bint reduces) except -1:
    """Run a function on the rows from `first` to before `last`, a tile of them at a time."""
    cdef memory source = _memory_of(x, False), target = _memory_of(out, True)
    cdef Py_ssize_t K = source.n_classes, step = _rows_of_tile(source, target), i = first, n
    cdef float *tile
    cdef float *result
    if source.kind == memory_double or target.kind != source.kind:
        raise TypeError("x and out must have one dtype, not float64")
    if target.n != source.n or target.n_classes != (1 if reduces else K):
        raise ValueError("out must fit x")
    _check_range(source, first, last)
    tile = <float *> malloc((step * (K + 1) + 2 * tile_padding) * sizeof(float))
    if tile == NULL:
        raise MemoryError()
    result = tile + step * K + tile_padding if reduces else tile
    with nogil:
        while i < last:
            n = min(step, last - i)
            load_floats(&source, i, n, tile)
            function(tile, n, K, result)
            store_floats(&target, i, n, result)
            i += step
    free(tile)
    return 0


def logsumexp(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``log(sum_k exp(x_k))`` of the rows from `first` to before `last` to out, of K = 1."""
    _apply(logsumexp_rows, x, out, first, last, True)


def softmax(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write the softmax of the rows from `first` to before `last`; out may be x itself."""
    _apply(softmax_rows, x, out, first, last, False)


def log_softmax(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write the logarithm of the softmax of these rows; out may be x itself."""
    _apply(log_softmax_rows, x, out, first, last, False)


def sigmoid(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``1 / (1 + exp(-x))`` of elements, rows with K = 1; out may be x itself."""
    _apply(sigmoid_flat, x, out, first, last, False)


def log_sigmoid(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``-log(1 + exp(-x))`` of elements, rows with K = 1; out may be x itself."""
    _apply(log_sigmoid_flat, x, out, first, last, False)
