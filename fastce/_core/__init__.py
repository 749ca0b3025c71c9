"""What every floor above stands on: checks, layout, threads, and how Numba is configured.

Only `jit` and `cache` import Numba.
"""
