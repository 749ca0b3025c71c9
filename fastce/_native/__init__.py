"""Built with the package: rows of exponentials, products of row blocks, scans, gathered entries.

Cython modules over the C headers in ``simd/``. Nothing here imports NumPy or Numba.
"""
