"""What users' Cython code may cimport."""

from fastce._native.row_kernels cimport log_softmax_rows, logsumexp_rows, softmax_rows
