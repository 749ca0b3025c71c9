"""Users' compiled functions on disk: what they need when they are loaded, and when they are stale.

Numba keys a cached function by its own source only. Code of ours is compiled into it, so it must
not be called any more once ours has changed, and it needs the C functions of `intrinsics` by name.
Numba keeps beside such a function a list of what to call when it is loaded; each implementation of
an overload puts `_SameSources` there, which is pickled as the digest of our sources. Unpickled
beside other sources, it raises OSError, which to Numba is a file that is gone: it compiles anew.
"""

from typing import Any

from numba import types
from numba.extending import intrinsic

from .._core.jit import STAMP
from .._kernels import intrinsics  # noqa: F401, the names of the C functions


class _SameSources:
    """Called by Numba when it loads a function; to have been unpickled was all that is needed."""

    def __call__(self) -> None:
        """Do nothing."""

    def __reduce__(self) -> tuple[Any, ...]:
        return same_sources, (STAMP,)


_SAME_SOURCES = _SameSources()


def same_sources(stamp: str) -> _SameSources:
    """Return what Numba calls, if these are the sources of this digest."""
    if stamp != STAMP:
        raise OSError("compiled with other sources of fastce")
    return _SAME_SOURCES


@intrinsic
def of_these_sources(typing_context: Any) -> Any:
    """Mark the function that is being compiled as one that depends on the sources of fastce."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # Numba has no public way; what calls this function inherits the mark.
        context.active_code_library._reload_init.add(_SAME_SOURCES)
        return context.get_dummy_value()

    return types.void(), generate
