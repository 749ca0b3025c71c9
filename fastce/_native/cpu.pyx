"""Which compiled form of the C code this process uses: the best one that the processor supports.

The environment variable ``FASTCE_CPU`` (``baseline``, ``v3``, ``v4``) can lower the choice, never
raise it.
"""

import os

__all__ = ["level", "variant"]

cdef extern from "simd/cpu.h" nogil:
    int fastce_best_level()


_VARIANTS = ("baseline", "v3", "v4")


def _choose():
    """Return the index into ``_VARIANTS`` of the instruction set to use."""
    wanted = os.environ.get("FASTCE_CPU", "") or "v4"
    if wanted not in _VARIANTS:
        raise ImportError(f"FASTCE_CPU must be one of {', '.join(_VARIANTS)}; got {wanted!r}")
    return min(_VARIANTS.index(wanted), fastce_best_level())


_level = _choose()


def level():
    """Return the instruction set in use by its number in C: 0, 1 (AVX2, FMA) or 2 (AVX-512)."""
    return _level


def variant():
    """Return the instruction set in use: "baseline", "v3" (AVX2, FMA) or "v4" (AVX-512)."""
    return _VARIANTS[_level]
