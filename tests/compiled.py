"""What Numba has compiled so far in this process."""

import sys


def compiled():
    """Return how many signatures every Numba function of the library has been compiled for."""
    counts = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("fastce."):
            for attribute, value in vars(module).items():
                if hasattr(value, "signatures"):
                    counts[f"{name}.{attribute}"] = len(value.signatures)
    return counts
