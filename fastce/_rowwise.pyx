"""Log-sum-exp, softmax and log-softmax of rows and columns, and sigmoid of flat arrays: one thread, no Numba.

The arithmetic is C (``_simd/rows.h``, ``_simd/middle.h``), compiled for several instruction sets; the best one that the
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
from libc.stdint cimport int64_t

__all__ = [
    "addresses",
    "exp_nonpositive_flat",
    "log_sigmoid_flat",
    "log_softmax_columns",
    "log_softmax_rows",
    "is_plain_call",
    "logsumexp_columns",
    "logsumexp_rows",
    "overlap",
    "scan_interval",
    "scan_labels",
    "sigmoid_flat",
    "softmax_columns",
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
    Py_ssize_t (*fastce_scan_labels)(const int64_t *y, Py_ssize_t n, int64_t n_classes, int64_t ignore, Py_ssize_t *n_ignored)
    Py_ssize_t (*fastce_scan_interval_f32)(const float *t, Py_ssize_t n, float highest, float ignore, Py_ssize_t *n_ignored)
    Py_ssize_t (*fastce_scan_interval_f64)(const double *t, Py_ssize_t n, double highest, double ignore, Py_ssize_t *n_ignored)
    void (**fastce_rowwise_f32)(const float *x, Py_ssize_t n, Py_ssize_t K, float *out)
    ctypedef struct fastce_leaf:
        const char *name
        void *f32
        void *f64
    const fastce_leaf *fastce_leaves(int level)
    void (**fastce_rowwise_f64)(const double *x, Py_ssize_t n, Py_ssize_t K, double *out)
    void (**fastce_columns_f32)(const float *x, Py_ssize_t K, Py_ssize_t inner, Py_ssize_t first, Py_ssize_t last, float *out)
    void (**fastce_columns_f64)(const double *x, Py_ssize_t K, Py_ssize_t inner, Py_ssize_t first, Py_ssize_t last, double *out)


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


def addresses():
    """Return the addresses of the C functions that Numba calls, by symbol name; each with suffix ``_f32`` and ``_f64``.

    Each takes the address of its first array, the two lengths of that array, and the addresses of the other arrays:

    ``fastce_open_rows(x, n, K, row_max, rest, logs)``
        Of the rows x (n, K), n <= 64: the largest entry, the sum of exp(x - row_max) over all other entries, and log1p of that.
    ``fastce_weighted_softmax(x, n, K, weight, out, row_max, rest, logs)``
        The same, and `out` (n, K), which may be `x`, becomes weight (n,) times softmax. A row of weight 0 is not looked at.
    ``fastce_open_terms(x, n, K, weight, out, turned, row_max, rest, logs)``, ``fastce_close_terms(out, n, K, weight, rest, turned)``
        The two halves of weighted_softmax, so that the weights may depend on what the first one finds. `turned` (60 * 64,), or (K * 64,)
        for K <= 60, is memory between them.
    ``fastce_logistic(x, n, 1, small, large, tail)``
        sigmoid(-|x|), sigmoid(|x|) and log1p(exp(-|x|)), each (n,).
    ``fastce_exp_nonpositive_flat(x, n, 1, out)``
        exp(x) of x <= 0.
    ``fastce_log_nonnegative_flat(x, n, 1, out)``
        log(x) of x >= 0.
    """
    cdef const fastce_leaf *leaf = fastce_leaves(_level)
    result = {}
    while leaf.name != NULL:
        result[leaf.name.decode() + "_f32"] = <Py_ssize_t> leaf.f32
        result[leaf.name.decode() + "_f64"] = <Py_ssize_t> leaf.f64
        leaf += 1
    return result


cdef struct _Flat:
    Py_buffer view
    bint held


cdef bint _take(object x, _Flat *flat, bint writable) except -1:
    """Hold the buffer of `x` if it is aligned and C-contiguous; tell whether."""
    flat.held = False
    try:
        PyObject_GetBuffer(x, &flat.view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (PyBUF_WRITABLE if writable else 0))
    except (BufferError, ValueError, TypeError):
        return False
    flat.held = True
    return flat.view.format[1] == 0 and <size_t> flat.view.buf % <size_t> flat.view.itemsize == 0


cdef bint _apart(const Py_buffer *a, const Py_buffer *b) noexcept:
    return <char *> a.buf >= <char *> b.buf + b.len or <char *> b.buf >= <char *> a.buf + a.len


def is_plain_call(logits, target, out, bint labels):
    """Return whether a call is the usual one, for which no other check is left to be done.

    That is: `logits` not empty, writeable, of float32 or float64, and (n, K) if there are `labels`; `target` (n,) int64 with values from
    0 to K - 1, or like the logits with values from 0 to 1; `out` like the logits and `logits` itself or apart from both, or None.
    All aligned and C-contiguous. When it is not, the checks in Python find out why, or convert.
    """
    cdef _Flat x, t, o
    cdef Py_ssize_t n_ignored = 0, place = 0
    cdef bint plain = False
    x.held = t.held = o.held = False
    if _take(logits, &x, True) and _take(target, &t, False):
        if x.view.len > 0 and x.view.format[0] in b"fd":
            if labels:
                plain = (x.view.ndim == 2 and t.view.ndim == 1 and t.view.shape[0] == x.view.shape[0]
                         and t.view.itemsize == 8 and t.view.format[0] in b"lq")
            else:
                plain = x.view.ndim == t.view.ndim and x.view.format[0] == t.view.format[0]
                for axis in range(x.view.ndim):
                    plain = plain and x.view.shape[axis] == t.view.shape[axis]
        if plain and out is not None:
            plain = _take(out, &o, True) and o.view.ndim == x.view.ndim and o.view.format[0] == x.view.format[0]
            if plain:
                for axis in range(x.view.ndim):
                    plain = plain and o.view.shape[axis] == x.view.shape[axis]
                plain = plain and (o.view.buf == x.view.buf or _apart(&o.view, &x.view)) and _apart(&o.view, &t.view)
        if plain:
            if labels:
                place = fastce_scan_labels(<const int64_t *> t.view.buf, t.view.shape[0], x.view.shape[1], -1, &n_ignored)
            elif x.view.format[0] == c"f":
                place = fastce_scan_interval_f32(<const float *> t.view.buf, t.view.len // 4, 1, -1, &n_ignored)
            else:
                place = fastce_scan_interval_f64(<const double *> t.view.buf, t.view.len // 8, 1, -1, &n_ignored)
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
            return (<char *> first.buf < <char *> second.buf + second.len and <char *> second.buf < <char *> first.buf + first.len
                    and first.len > 0 and second.len > 0)
        finally:
            PyBuffer_Release(&second)
    finally:
        PyBuffer_Release(&first)


def scan_labels(target, int64_t n_classes, int64_t ignore_index):
    """Return how many entries of `target` (n,) int64 are `ignore_index`, or -1 - (the first place of one that is no class either)."""
    cdef Py_buffer y
    cdef Py_ssize_t n_ignored = 0, place
    PyObject_GetBuffer(target, &y, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        if y.ndim != 1 or y.itemsize != 8 or y.format[0] not in b"lq" or y.format[1] != 0:
            raise TypeError("target must be a flat int64 array")
        with nogil:
            place = fastce_scan_labels(<const int64_t *> y.buf, y.shape[0], n_classes, ignore_index, &n_ignored)
    finally:
        PyBuffer_Release(&y)
    return n_ignored if place < 0 else -1 - place


def scan_interval(target, double highest, double ignore):
    """Return how many entries of `target` (n,) are `ignore`, or -1 - (the first place of one that is not from 0 to `highest` either)."""
    cdef Py_buffer t
    cdef Py_ssize_t n_ignored = 0, place
    PyObject_GetBuffer(target, &t, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        if t.ndim != 1 or t.format[0] not in b"fd" or t.format[1] != 0:
            raise TypeError("target must be a flat float32 or float64 array")
        if t.format[0] == c"f":
            with nogil:
                place = fastce_scan_interval_f32(<const float *> t.buf, t.shape[0], <float> highest, <float> ignore, &n_ignored)
        else:
            with nogil:
                place = fastce_scan_interval_f64(<const double *> t.buf, t.shape[0], highest, ignore, &n_ignored)
    finally:
        PyBuffer_Release(&t)
    return n_ignored if place < 0 else -1 - place


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


cdef int _apply_columns(int slot, object x, object out, Py_ssize_t first, Py_ssize_t last) except -1:
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
                    fastce_columns_f32[slot](<const float *> source.buf, K, inner, first, last, <float *> target.buf)
            elif source.format[0] == c"d":
                with nogil:
                    fastce_columns_f64[slot](<const double *> source.buf, K, inner, first, last, <double *> target.buf)
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


def logsumexp_columns(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``log(sum_k exp(x[i, k, j]))`` of `x` (outer, K, inner) into `out` (outer, inner), from flat place `first` to before `last`."""
    _apply_columns(LOGSUMEXP_ROWS, x, out, first, last)


def softmax_columns(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``exp(x[i, k, j]) / sum_k exp(x[i, k, j])`` of `x` (outer, K, inner) into `out`, of its shape, which may be `x`.

    Only of the columns from `first` to before `last`; column ``i * inner + j`` is ``x[i, :, j]``.
    """
    _apply_columns(SOFTMAX_ROWS, x, out, first, last)


def log_softmax_columns(x, out, Py_ssize_t first, Py_ssize_t last):
    """Write ``x[i, k, j] - log(sum_k exp(x[i, k, j]))`` likewise."""
    _apply_columns(LOG_SOFTMAX_ROWS, x, out, first, last)


def exp_nonpositive_flat(x, out):
    """Write ``exp(x)`` of `x` (n,), each entry <= 0 or NaN, into `out` (n,): the ``exp`` of all functions here."""
    _apply(EXP_NONPOSITIVE_FLAT, x, out, 1, 1)


def sigmoid_flat(x, out):
    """Write ``1 / (1 + exp(-x))`` of `x` (n,) into `out` (n,); `out` may be `x`."""
    _apply(SIGMOID_FLAT, x, out, 1, 1)


def log_sigmoid_flat(x, out):
    """Write ``-log(1 + exp(-x))`` of `x` (n,) into `out` (n,); `out` may be `x`."""
    _apply(LOG_SIGMOID_FLAT, x, out, 1, 1)
