"""Random calls of everything public, judged by textbook formulas: see `fuzz.__main__`."""
