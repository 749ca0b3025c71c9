"""Checks of whole arrays: valid labels, targets in an interval, arrays that overlap; one thread.

`is_plain_call` does all of it at once for the usual call, where checks in Python would take longer
than the loss itself. The loops are C++ (``simd/scans.h``), compiled for several instruction
sets (``cpu.pyx``).
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int64_t

from . import cpu
from .functions cimport addresses_of, scans_functions

__all__ = ["is_plain_call", "overlap", "scan_interval", "scan_labels"]

ctypedef Py_ssize_t (*_ScanLabels)(
    const int64_t *y, Py_ssize_t n, int64_t n_classes, int64_t ignore,
    Py_ssize_t *n_ignored) noexcept nogil
ctypedef Py_ssize_t (*_ScanFloats)(
    const float *t, Py_ssize_t n, float highest, float ignore,
    Py_ssize_t *n_ignored) noexcept nogil
ctypedef Py_ssize_t (*_ScanDoubles)(
    const double *t, Py_ssize_t n, double highest, double ignore,
    Py_ssize_t *n_ignored) noexcept nogil

cdef dict _addresses = addresses_of(scans_functions(cpu.level()))
cdef _ScanLabels find_bad_label = <_ScanLabels> <Py_ssize_t> _addresses["fastce_scan_labels"]
cdef _ScanFloats find_bad_float = <_ScanFloats> <Py_ssize_t> _addresses["fastce_scan_interval_f32"]
cdef _ScanDoubles find_bad_double = (
    <_ScanDoubles> <Py_ssize_t> _addresses["fastce_scan_interval_f64"])


cdef struct _Flat:
    Py_buffer view
    bint held


cdef bint _take(object x, _Flat *flat) except -1:
    """Hold the buffer of `x` and return True if it is aligned, writeable and C-contiguous."""
    flat.held = False
    try:
        PyObject_GetBuffer(x, &flat.view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
    except (BufferError, ValueError, TypeError):
        return False
    flat.held = True
    return flat.view.format[1] == 0 and <size_t> flat.view.buf % <size_t> flat.view.itemsize == 0


cdef bint _apart(const Py_buffer *a, const Py_buffer *b) noexcept:
    return <char *> a.buf >= <char *> b.buf + b.len or <char *> b.buf >= <char *> a.buf + a.len


def is_plain_call(logits, target, out, bint labels):
    """Return whether a call is the usual one, for which no other check is left to be done.

    `logits` are not empty and float32 or float64, (n, K) if the target holds `labels`; `target` is
    (n,) int64 with values from 0 to K - 1, or has the shape and dtype of the logits and values from
    0 to 1; `out` is None, `logits` itself, or has the shape and dtype of the logits and overlaps
    neither array. All are aligned, writeable (Numba would compile anew for read-only arrays) and
    C-contiguous. If this returns False, the checks in Python convert the arguments or raise.
    """
    cdef _Flat x, t, o
    cdef Py_ssize_t n_ignored = 0, place = 0
    cdef bint plain = False
    x.held = t.held = o.held = False
    if _take(logits, &x) and _take(target, &t):
        if x.view.len > 0 and x.view.format[0] in b"fd":
            if labels:
                plain = (
                    x.view.ndim == 2 and t.view.ndim == 1
                    and t.view.shape[0] == x.view.shape[0]
                    and t.view.itemsize == 8 and t.view.format[0] in b"lq")
            else:
                plain = x.view.ndim == t.view.ndim and x.view.format[0] == t.view.format[0]
                for axis in range(x.view.ndim):
                    plain = plain and x.view.shape[axis] == t.view.shape[axis]
        if plain and out is not None:
            plain = (
                _take(out, &o) and o.view.ndim == x.view.ndim
                and o.view.format[0] == x.view.format[0])
            if plain:
                for axis in range(x.view.ndim):
                    plain = plain and o.view.shape[axis] == x.view.shape[axis]
                plain = (
                    plain and (o.view.buf == x.view.buf or _apart(&o.view, &x.view))
                    and _apart(&o.view, &t.view))
        if plain:
            if labels:
                place = find_bad_label(
                    <const int64_t *> t.view.buf, t.view.shape[0], x.view.shape[1], -1,
                    &n_ignored)
            elif x.view.format[0] == c"f":
                place = find_bad_float(
                    <const float *> t.view.buf, t.view.len // 4, 1, -1, &n_ignored)
            else:
                place = find_bad_double(
                    <const double *> t.view.buf, t.view.len // 8, 1, -1, &n_ignored)
            plain = place < 0 and n_ignored == 0
    if x.held:
        PyBuffer_Release(&x.view)
    if t.held:
        PyBuffer_Release(&t.view)
    if o.held:
        PyBuffer_Release(&o.view)
    return plain


def overlap(a, b):
    """Return whether two C-contiguous buffers share memory."""
    cdef Py_buffer first, second
    PyObject_GetBuffer(a, &first, PyBUF_C_CONTIGUOUS)
    try:
        PyObject_GetBuffer(b, &second, PyBUF_C_CONTIGUOUS)
        try:
            return first.len > 0 and second.len > 0 and not _apart(&first, &second)
        finally:
            PyBuffer_Release(&second)
    finally:
        PyBuffer_Release(&first)


def scan_labels(target, int64_t n_classes, int64_t ignore_index):
    """Return the number of entries of `target` (n,) int64 that are `ignore_index`.

    If an entry is neither that nor a class, return -1 - (index of the first such entry).
    """
    cdef Py_buffer y
    cdef Py_ssize_t n_ignored = 0, place
    PyObject_GetBuffer(target, &y, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        if y.ndim != 1 or y.itemsize != 8 or y.format[0] not in b"lq" or y.format[1] != 0:
            raise TypeError("target must be a flat int64 array")
        with nogil:
            place = find_bad_label(
                <const int64_t *> y.buf, y.shape[0], n_classes, ignore_index, &n_ignored)
    finally:
        PyBuffer_Release(&y)
    return n_ignored if place < 0 else -1 - place


def scan_interval(target, double highest, double ignore):
    """Return the number of entries of `target` (n,) that are `ignore`.

    If an entry is neither that nor from 0 to `highest`, return -1 - (index of the first one).
    """
    cdef Py_buffer t
    cdef Py_ssize_t n_ignored = 0, place
    PyObject_GetBuffer(target, &t, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        if t.ndim != 1 or t.format[0] not in b"fd" or t.format[1] != 0:
            raise TypeError("target must be a flat float32 or float64 array")
        if t.format[0] == c"f":
            with nogil:
                place = find_bad_float(
                    <const float *> t.buf, t.shape[0], <float> highest, <float> ignore, &n_ignored)
        else:
            with nogil:
                place = find_bad_double(
                    <const double *> t.buf, t.shape[0], highest, ignore, &n_ignored)
    finally:
        PyBuffer_Release(&t)
    return n_ignored if place < 0 else -1 - place
