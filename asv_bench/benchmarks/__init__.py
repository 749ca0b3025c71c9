"""Benchmarks for asv, one module for each of the library's; ``start`` measures import and first calls.

Names of functions are tables here rather than read from the library, because asv pairs parameters
of different commits by position. ``tests/test_benchmarks.py`` checks that the tables are complete
and runs every benchmark once at its smallest size.
"""
