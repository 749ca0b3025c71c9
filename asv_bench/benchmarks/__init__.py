"""Benchmarks for asv, one module for each of the library's public parts.

Which losses and forms there are is read from the table of losses of this checkout, not of the
commit that is measured: asv pairs parameters of different commits by position, and new lines of the
table go to its end. What a commit does not have is skipped. ``losses`` measures every loss that has
no module of its own, ``start`` import and first calls. ``tests/test_benchmarks.py`` checks that
nothing public is left out, and runs every benchmark once at its smallest size.
"""
