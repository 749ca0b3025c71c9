"""Fits that are hard in float64, whose minimum is known: see `problems` and `__main__`."""
