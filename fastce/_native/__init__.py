"""Built with the package: rows of exponentials, products of row blocks, scans of arrays.

Cython modules over the C headers in ``simd/``. Nothing here imports NumPy or Numba.
"""
