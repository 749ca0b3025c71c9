"""The one place where Numba is configured: four decorators, and why each flag is set.

``kernel``
    A serial leaf, called from other compiled code.
``elementwise``
    A kernel whose elements do not depend on their neighbours, to the last bit.
``reduction``
    A kernel whose sums may be split over vector lanes. The split is fixed when it is compiled, so
    the bits are the same at every call.
``driver``
    A function with one ``prange`` over fixed blocks. It becomes a pair, ``.serial`` and
    ``.parallel``, compiled from the same source: the same blocks are summed in the same order, so
    both give the same bits. Drivers are called from Python only, never from compiled code (Numba
    issue 4807: cached parallel functions inside others can crash).

Flags
-----
nogil
    Kernels touch no Python object, so other Python threads may run meanwhile.
error_model="numpy"
    Division by zero gives inf or NaN, as NumPy does, without a branch for an exception.
fastmath={"contract"}
    ``a * b + c`` may become one fused instruction. Nothing else: NaN, inf and signed zeros keep
    their meaning, and sums keep their order. A `reduction` adds "reassoc" (sums) and nothing more;
    formulas that rely on their order are called from it, not written in it.
cache=True
    Compiled code is kept on disk. Numba notices only edits to the file a function stands in, not to
    the files it calls into (Numba issue 1833), so the cache is keyed by all sources of the package
    here; `cache` says how files are kept.
"""

import contextlib
import functools
import hashlib
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numba

from .cache import CacheFile
from .interrupts import interrupts_wait

_PACKAGE = Path(__file__).parents[1]


def source_stamp(package: Path = _PACKAGE) -> str:
    """Return a digest of all files, in all folders, that machine code may depend on.

    Extension modules are included: kernels use the sizes of their blocks.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in {".py", ".so", ".pyd"}:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


_STAMP = source_stamp()


def _nothing() -> None:
    pass


@functools.cache
def cache_folder() -> str | None:
    """Return the folder for all compiled kernels, or None if no folder can be written.

    It is where Numba would keep functions of ``fastce/__init__.py``: beside the package, in
    ``NUMBA_CACHE_DIR``, or in the user's cache folder. Left to itself, Numba would take one for
    each folder of sources.
    """
    code = _nothing.__code__.replace(co_filename=str(_PACKAGE / "__init__.py"))
    with _jit_enabled():
        try:
            return str(
                numba.njit(cache=True)(types.FunctionType(code, globals()))._cache.cache_path
            )
        except RuntimeError:
            return None


@functools.cache
def _warn_once() -> None:
    warnings.warn(
        "fastce compiles in every process: Numba can write its cache neither beside the package "
        "nor in the user's home. NUMBA_CACHE_DIR may name another folder.",
        RuntimeWarning,
        stacklevel=2,
    )


@contextlib.contextmanager
def _jit_enabled() -> Iterator[None]:
    # Users set NUMBA_DISABLE_JIT to debug their own functions. Ours call C and cannot run as
    # Python.
    before, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, 0
    try:
        yield
    finally:
        numba.config.DISABLE_JIT = before


def _jit(function: Callable[..., Any], **flags: Any) -> Any:
    flags = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}} | flags
    with _jit_enabled():
        try:
            dispatcher = numba.njit(cache=True, **flags)(function)
        except RuntimeError:
            dispatcher = None
        folder = cache_folder()
        if dispatcher is not None and folder is not None:
            cache = dispatcher._cache
            base = cache._impl.filename_base.partition(".")[2]  # without the file's own name
            cache._cache_file = CacheFile(folder, f"{function.__module__}.{base}", _STAMP)
        else:
            # No folder can be written, neither beside the sources nor in the user's home: compile
            # anew in each process.
            _warn_once()
            dispatcher = numba.njit(**flags)(function)
    if numba.config.DISABLE_JIT:
        dispatcher.compile = _jit_enabled()(dispatcher.compile)
    dispatcher.compile = interrupts_wait()(dispatcher.compile)
    return dispatcher


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a serial function that other compiled functions call."""
    return _jit(function)


def elementwise(function: Callable[..., Any]) -> Any:
    """Compile a kernel without fused operations: an element's bits do not depend on its position.

    Compilers fuse operations in the vectorised loop and in its scalar remainder differently.
    """
    return _jit(function, fastmath=False)


def reduction(function: Callable[..., Any]) -> Any:
    """Compile a kernel whose sums may be split over vector lanes."""
    return _jit(function, fastmath={"contract", "reassoc"})


class Driver(NamedTuple):
    """One source compiled twice: ``prange`` is a plain loop, or runs on Numba's threads."""

    serial: Callable[..., Any]
    parallel: Callable[..., Any]


def driver(function: Callable[..., Any]) -> Driver:
    """Compile a function with one ``prange`` over blocks as a serial and a parallel variant."""
    # Numba names its cache files by qualified name, without the flags: the parallel variant needs a
    # name of its own.
    twin = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__ + "_parallel",
        function.__defaults__,
    )
    twin.__qualname__ = function.__qualname__ + "_parallel"
    twin.__module__ = function.__module__
    return Driver(serial=_jit(function), parallel=_jit(twin, parallel=True))
