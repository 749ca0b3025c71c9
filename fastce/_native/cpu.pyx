"""Which compiled form of the kernels this process uses: the best one that the processor supports.

The environment variable ``FASTCE_CPU`` (``scalar``, ``sse2``, ``avx2``, ``avx512``; on Arm
``scalar``, ``neon``) can lower the choice, never raise it.
"""

import os

__all__ = ["level", "names", "variant"]

cdef extern from "simd/cpu.h" namespace "fastce" nogil:
    const char *level_names[]
    int level_count
    int best_level()


_NAMES = tuple([level_names[i].decode() for i in range(level_count)])
# What the levels were called before: the best one without options of the compiler, x86-64-v3 and
# x86-64-v4.
_FORMER_NAMES = {"baseline": 1, "v3": 2, "v4": 3}


def _choose():
    """Return the number of the instruction set to use."""
    wanted = os.environ.get("FASTCE_CPU", "")
    best = best_level()
    if wanted in _FORMER_NAMES:
        return min(_FORMER_NAMES[wanted], best)
    if wanted and wanted not in _NAMES:
        raise ImportError(f"FASTCE_CPU must be one of {', '.join(_NAMES)}; got {wanted!r}")
    return min(_NAMES.index(wanted), best) if wanted else best


_level = _choose()


def level():
    """Return the instruction set in use by its place in `names`."""
    return _level


def names():
    """Return the instruction sets that were compiled, the best one last: "scalar", "sse2", ..."""
    return _NAMES


def variant():
    """Return the name of the instruction set in use."""
    return _NAMES[_level]
