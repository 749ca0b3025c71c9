"""Entries of rows that labels name (``gather.h``), for the Cython modules of this folder."""

from libc.stdint cimport int64_t

cdef extern from "gather.h" namespace "fastce" nogil:
    cdef cppclass gather_rows:
        char *data
        Py_ssize_t n, n_classes, inner, outer_stride, inner_stride, class_stride
    cdef cppclass gather_labels[Label]:
        const Label *label
        int64_t ignore
        const double *class_weight
        const double *row_weight
    cdef cppclass gather_sums:
        double total, divisor
        bint valid
    cdef cppclass float16:
        pass
    gather_sums sum_block[T, Label](
        const gather_rows &, const gather_labels[Label] &, Py_ssize_t, Py_ssize_t, double *)
    void scatter_block[Item, Label](
        const gather_rows &, const gather_labels[Label] &, Py_ssize_t, Py_ssize_t, const Item *)

cdef enum:
    # Rows of one partial sum, whatever the number of threads.
    GATHER_BLOCK_ROWS = 4096
