"""What Numba has compiled so far in this process."""

import sys


def compiled():
    """Return how many signatures every Numba function of the library has been compiled for."""
    counts = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("fastce."):
            for attribute, value in vars(module).items():
                for part in (
                    value,
                    getattr(value, "serial", None),
                    getattr(value, "parallel", None),
                ):
                    if hasattr(part, "signatures"):
                        counts[f"{name}.{attribute}.{part.py_func.__name__}"] = len(part.signatures)
    return counts
