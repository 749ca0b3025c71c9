"""The one place where Numba is configured: four decorators, and why each flag is set.

``kernel``
    A serial leaf, called from other compiled code.
``elementwise``
    A kernel whose elements do not depend on their neighbours, to the last bit.
``reduction``
    A kernel whose sums may be split over vector lanes. The split is fixed when it is compiled, so
    the bits are the same at every call.
``driver``
    A function of one block of the work, which becomes a function of all blocks. It is compiled
    once for one thread and for several, which call the same machine code (``launch.pyx``): what a
    block computes does not depend on the thread, so all numbers of threads give the same bits.
    ``prange`` would compile the work a second time, for 2 s or more. Drivers are called from Python
    only, by `threads.run`.

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
    here; `cache` says how files are kept. Set here, and not by Numba, which caches only what has
    a source file.
"""

import contextlib
import functools
import hashlib
import inspect
import sys
import types as python_types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.core.callconv import Status, excinfo_ptr_t
from numba.core.targetconfig import ConfigStack
from numba.extending import intrinsic

from .._native import launch
from .cache import CacheFile
from .interrupts import interrupts_wait

_PACKAGE = Path(__file__).parents[1]


def source_stamp(package: Path = _PACKAGE) -> str:
    """Return a digest of all files, in all folders, that machine code may depend on.

    Extension modules are included: kernels use the sizes of their blocks. Where the package was
    installed without sources, the .pyc files in their places are; in a frozen program, which has
    neither, the program's own file is, by its time and size.
    """
    digest, has_code = hashlib.sha256(), False
    for path in sorted(package.rglob("*")):
        is_code = path.suffix == ".py" or (
            path.suffix == ".pyc" and path.parent.name != "__pycache__"
        )
        if is_code or path.suffix in {".so", ".pyd"}:
            has_code = has_code or is_code
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    if not has_code:
        program = Path(sys.executable).stat()
        digest.update(f"{program.st_mtime_ns} {program.st_size}".encode())
    return digest.hexdigest()


STAMP = source_stamp()
# A file that is there, by which Numba finds the folder of the cache.
_ANCHORS = _PACKAGE / "__init__.py", _PACKAGE / "__init__.pyc", Path(launch.__file__)
_ANCHOR = str(next(path for path in _ANCHORS if path.exists()))


def _anchored(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as if it stood in a file that is there; its code is the same.

    Numba refuses to cache what has no source, as in an installation of .pyc files only.
    """
    anchored = python_types.FunctionType(
        function.__code__.replace(co_filename=_ANCHOR),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    anchored.__qualname__ = function.__qualname__
    return anchored


@functools.cache
def cache_folder() -> str | None:
    """Return the folder for all compiled kernels, or None if no folder can be written.

    It is where Numba would keep functions of ``fastce/__init__.py``: beside the package, in
    ``NUMBA_CACHE_DIR``, or in the user's cache folder. Left to itself, Numba would take one for
    each folder of sources.
    """
    try:
        return str(FunctionCache(_anchored(cache_folder.__wrapped__)).cache_path)
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


def _can_be_told(function: Callable[..., Any]) -> bool:
    """Whether a function is the package's, or stands in a file, and not in a prompt."""
    is_ours = function.__module__.partition(".")[0] == __name__.partition(".")[0]
    return is_ours or Path(function.__code__.co_filename).exists()


def _jit(function: Callable[..., Any], stamp: str = STAMP, **flags: Any) -> Any:
    flags = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}} | flags
    with _jit_enabled():
        dispatcher = numba.njit(**flags)(function)
        folder = cache_folder()
        if folder is None:
            # No folder can be written, neither beside the sources nor in the user's home: compile
            # anew in each process.
            _warn_once()
        elif _can_be_told(function):
            cache = FunctionCache(_anchored(function))
            base = cache._impl.filename_base.partition(".")[2]  # without the file's own name
            cache._cache_file = CacheFile(folder, f"{function.__module__}.{base}", stamp)
            dispatcher._cache = cache
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


binding.add_symbol("fastce_run_blocks", launch.address())
# Names in the function that a driver becomes.
_TAKEN = {"n_blocks", "n_threads", "run_blocks"}


def _function_of_blocks(context: Any, builder: ir.IRBuilder, block: Any, packed: Any) -> Any:
    """Write a C function ``int (void *packed, intptr first, intptr last)`` into a module.

    It calls `block`, a Python function, for each number from first to before last with the
    arguments that lie at `packed`, a tuple of Numba's and a pointer. It returns 0, or the status of
    the first call that raises, and writes to the pointer what was raised.
    """
    word, flag = context.get_value_type(types.intp), ir.IntType(32)
    signature = types.none(types.intp, *packed)
    # the flags of the driver that is compiled right now: without them, Numba's defaults
    flags = ConfigStack().top().copy()
    compiled = context.compile_subroutine(builder, block, signature, flags=flags)
    kind = ir.FunctionType(flag, [cgutils.voidptr_t, word, word])
    function = ir.Function(builder.module, kind, f"{builder.function.name}.blocks")
    function.linkage = "internal"
    inner = ir.IRBuilder(function.append_basic_block("entry"))
    data, first, last = function.args
    place = inner.bitcast(data, _packed_type(context, packed).as_pointer())
    values = inner.load(cgutils.gep_inbounds(inner, place, 0, 0))
    arguments = cgutils.unpack_tuple(inner, values, len(packed))
    with cgutils.for_range_slice(inner, first, last, word(1)) as (index, _):
        call = signature, [index, *arguments]
        status, _ = context.call_internal_no_propagate(inner, compiled.fndesc, *call)
        with cgutils.if_unlikely(inner, status.is_error):
            inner.store(status.excinfoptr, cgutils.gep_inbounds(inner, place, 0, 1))
            inner.ret(status.code)
    inner.ret(flag(0))
    return function


def _packed_type(context: Any, packed: Any) -> ir.Type:
    return ir.LiteralStructType([context.get_value_type(packed), excinfo_ptr_t])


def driver(block: Callable[..., None]) -> Callable[..., None]:
    """Compile a function ``block(b, *arguments)`` as one of all blocks, for any number of threads.

    The result is ``function(n_blocks, n_threads, *arguments)``. It raises what one of the blocks
    has raised. A block has arguments beside b, of other names than these two, no defaults, and is
    no closure.
    """
    names = list(inspect.signature(block).parameters)[1:]
    if block.__closure__ or block.__defaults__ or not names or set(names) & _TAKEN:
        raise TypeError(
            f"{block.__qualname__} must have named arguments beside the block's number, other than "
            f"{', '.join(sorted(_TAKEN))}, no defaults and no variables of an enclosing function"
        )

    @intrinsic
    def run_blocks(typing_context: Any, n_blocks: Any, n_threads: Any, packed: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            packed = signature.args[2]
            function = _function_of_blocks(context, builder, block, packed)
            place = cgutils.alloca_once(builder, _packed_type(context, packed))
            builder.store(values[2], cgutils.gep_inbounds(builder, place, 0, 0))
            parts = [function, builder.bitcast(place, cgutils.voidptr_t), *values[:2]]
            kind = ir.FunctionType(ir.IntType(32), [part.type for part in parts])
            run = cgutils.get_or_insert_function(builder.module, kind, "fastce_run_blocks")
            code = builder.call(run, parts)
            with cgutils.if_unlikely(builder, cgutils.is_not_null(builder, code)):
                raised = builder.load(cgutils.gep_inbounds(builder, place, 0, 1))
                fields = dict.fromkeys(Status._fields) | {"code": code, "excinfoptr": raised}
                context.call_conv.return_status_propagate(builder, Status(**fields))
            return context.get_dummy_value()

        return types.none(types.intp, types.intp, packed), generate

    # Numba calls a function of named arguments with less work than one of ``*arguments``.
    listed = ", ".join(names)
    source = f"lambda n_blocks, n_threads, {listed}: run_blocks(n_blocks, n_threads, ({listed},))"
    code = compile(source, block.__code__.co_filename, "eval")
    function = eval(code, {"run_blocks": run_blocks})
    function.__code__ = function.__code__.replace(
        co_name=block.__name__, co_firstlineno=block.__code__.co_firstlineno
    )
    function.__name__, function.__qualname__ = block.__name__, block.__qualname__
    function.__module__, function.__doc__ = block.__module__, block.__doc__
    # Numba's key of the cache holds the code of that function only, which all drivers share.
    own = block.__code__.co_code, block.__code__.co_consts, block.__code__.co_names
    return _jit(function, stamp=f"{STAMP} {own!r}")
