"""fastce's functions inside functions that users compile with Numba.

`extension` tells Numba of them. Each has a builder, which sees the types of the arguments, refuses
what compiled code does not support (`arguments`), and returns an implementation: a few lines, whose
work is done by serial kernels on the same leaves, blocks and sums as outside, so that the results
have the same bits. Memory is a call's own, and there is no parallel region, so that calls may stand
in a ``prange``.
"""
