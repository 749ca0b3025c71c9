"""How many threads run, when a second one pays, and when threads must not be used at all."""

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .jit import Driver

# Below this many element evaluations (40 to 200 us on one thread) the start of a parallel region
# may cost more than it saves: 5 us where the threads still wait for work, 50 us and more where they
# sleep or share their cores.
MIN_PARALLEL_WORK = 100_000

# The same for `split`, in bytes gone through with an exp for each number: 1 MiB takes 75 to 150 us,
# and a thread that sleeps 15 to 50 to wake. And the least of one part.
MIN_SPLIT_BYTES, _MIN_PART_BYTES = 1 << 20, 1 << 17

_T = TypeVar("_T")
_n_threads: int | None = None
_own = threading.local()  # .most: see `at_most`
_region = threading.Lock()
_forked = False
_jobs: "queue.SimpleQueue[Callable[[], None]]" = (
    queue.SimpleQueue()
)  # what the threads of `split` wait for
_n_workers = 0


def _after_fork_in_child() -> None:
    global _region, _forked, _jobs, _n_workers, _blas_lock, _blas_users
    _region = threading.Lock()
    _jobs, _n_workers = queue.SimpleQueue(), 0
    # Another thread may have been inside a fit: it never lifts its limit here.
    _blas_lock = threading.RLock()
    if _blas_users:
        _blas_users = 0
        _set_shared_blas(_blas_before)
    # GNU OpenMP ends a child that enters a parallel region after its parent did; workqueue's
    # threads are gone. So: serial, also when another library has started Numba's threads.
    numba_parallel = sys.modules.get("numba.np.ufunc.parallel")
    _forked = _forked or getattr(numba_parallel, "_is_initialized", False)


if hasattr(os, "register_at_fork"):
    # A fork waits for whoever is setting BLAS's threads: the child could never release their lock,
    # nor threadpoolctl's.
    os.register_at_fork(
        before=lambda: _blas_lock.acquire(),
        after_in_parent=lambda: _blas_lock.release(),
        after_in_child=_after_fork_in_child,
    )


def _max_threads() -> int:
    """Return the number of threads Numba has, or will have once something imports it."""
    config = getattr(sys.modules.get("numba"), "config", None)
    n = getattr(config, "NUMBA_NUM_THREADS", None)
    if n is None:
        try:
            n = int(os.environ["NUMBA_NUM_THREADS"])
        except (KeyError, ValueError):
            n = (
                len(os.sched_getaffinity(0))
                if hasattr(os, "sched_getaffinity")
                else os.cpu_count() or 1
            )
    return max(1, int(n))


def get_num_threads() -> int:
    """Return the number of threads that kernels may use.

    Returns
    -------
    int
        The number set by `set_num_threads`; by default every core this process may run on (or
        ``NUMBA_NUM_THREADS``).

    Examples
    --------
    >>> import fastce
    >>> fastce.get_num_threads() >= 1
    True
    """
    return _n_threads if _n_threads is not None else _max_threads()


def set_num_threads(n: int) -> None:
    """Set how many threads kernels may use, in all Python threads of this process.

    Results do not depend on it: every number of threads gives the same bits.

    Parameters
    ----------
    n : int
        From 1 to the number of threads that Numba was started with (the cores this process may run
        on, or the environment variable ``NUMBA_NUM_THREADS``).

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is out of range.

    Examples
    --------
    >>> import fastce
    >>> before = fastce.get_num_threads()
    >>> fastce.set_num_threads(1)
    >>> fastce.get_num_threads()
    1
    >>> fastce.set_num_threads(before)
    """
    global _n_threads
    _n_threads = check_num_threads(n, "n")


def check_num_threads(n: int, name: str, optional: bool = False) -> int:
    """Return `n` as an int after checking that so many threads can run; `optional` tells that the caller takes None, too."""
    or_none = "None or " if optional else ""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{name} must be {or_none}an integer; got {n!r}")
    most = _max_threads()
    if not 1 <= n <= most:
        raise ValueError(
            f"{name} must be {or_none}from 1 to {most} (the threads Numba was started with); got {n}"
        )
    return n.__index__()


@contextlib.contextmanager
def at_most(n: int | None) -> Iterator[None]:
    """Let `run` take at most so many threads in this Python thread, for a while; None changes nothing."""
    before = getattr(_own, "most", None)
    _own.most = before if n is None else n
    try:
        yield
    finally:
        _own.most = before


@contextlib.contextmanager
def parallel_from(least_work: int) -> Iterator[None]:
    """Run in parallel from this work on, for a while: so both variants of a kernel can be compiled without much work."""
    global MIN_PARALLEL_WORK
    before, MIN_PARALLEL_WORK = MIN_PARALLEL_WORK, least_work
    try:
        yield
    finally:
        MIN_PARALLEL_WORK = before


def run(driver: "Driver", work: int, *args: Any, n_threads: int | None = None) -> Any:
    """Call ``driver(*args)`` on one thread or on several; the result has the same bits either way.

    Only one parallel region runs at a time: a Python thread that finds another one inside a region
    computes alone. That keeps the cores from being oversubscribed, and our own threads from meeting
    in Numba's workqueue layer, which aborts the process when two enter it. (A ``prange`` of the
    user's in another thread may still meet one of ours there; the omp and tbb layers do not mind.)
    """
    if work < MIN_PARALLEL_WORK or _forked:
        return driver.serial(*args)
    threads = (getattr(_own, "most", None) or get_num_threads()) if n_threads is None else n_threads
    if threads == 1 or not _region.acquire(blocking=False):
        return driver.serial(*args)
    try:
        import numba

        before = numba.get_num_threads()
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        try:
            return driver.parallel(*args)
        finally:
            numba.set_num_threads(before)
    finally:
        _region.release()


def _work() -> None:
    while True:
        _jobs.get()()  # without a name, so that a waiting thread keeps no array alive


def _hire(n: int) -> int:
    """Start threads until there are `n`, or as many as the system gives; return how many there are."""
    global _n_workers
    try:
        while _n_workers < n:
            threading.Thread(target=_work, name=f"fastce-{_n_workers}", daemon=True).start()
            _n_workers += 1
    except RuntimeError:  # no more threads, or the interpreter is on its way out
        pass
    return min(n, _n_workers)


def split(
    function: Callable[[int, int], _T],
    n: int,
    n_bytes: int,
    least: int = 1,
    per_thread: int = 4,
    n_threads: int | None = None,
) -> list[_T]:
    """Call ``function(start, stop)`` for contiguous parts of ``range(n)`` and return what it returns, in order.

    For functions that leave the interpreter's lock alone while they go through `n_bytes` of memory,
    and that write to places of their own: the parts run on several threads where that pays, and
    whoever is free takes the next one. The caller works, too, and waits for nobody who has not
    begun, so a busy machine costs little. Parts are multiples of `least` long, `per_thread` of them
    for each thread. What is called with Numba goes through `run`; only one of both runs at a time,
    and who finds another one inside works alone.
    """
    if n_bytes < MIN_SPLIT_BYTES or n <= least:
        n_threads = 1
    elif n_threads is None:
        n_threads = get_num_threads()
    n_parts = min(n_threads * per_thread, n_bytes // _MIN_PART_BYTES, -(-n // least))
    if n_threads == 1 or n_parts < 2 or not _region.acquire(blocking=False):
        return [function(0, n)]
    try:
        step = -(-n // (n_parts * least)) * least
        starts = range(0, n, step)
        todo = list(enumerate(starts))[::-1]
        results: list[Any] = [None] * len(starts)
        errors: list[BaseException] = []
        ended: queue.SimpleQueue[None] = queue.SimpleQueue()
        lock, n_begun, is_over = threading.Lock(), 0, False

        def work() -> None:
            while todo:
                try:
                    i, start = todo.pop()
                except IndexError:  # another thread was quicker
                    return
                results[i] = function(start, min(start + step, n))

        def help_out() -> None:
            nonlocal n_begun
            with lock:
                if is_over:
                    return
                n_begun += 1
            try:
                work()
            except BaseException as error:
                todo.clear()
                errors.append(error)
            ended.put(None)

        try:
            for _ in range(_hire(min(n_threads, len(starts)) - 1)):
                _jobs.put(help_out)
            work()
        finally:
            # Also after an interrupt nobody writes any more when this returns.
            todo.clear()
            with lock:
                is_over = True
            for _ in range(n_begun):
                ended.get()
        if errors:
            raise errors[0]
        return results
    finally:
        _region.release()


_blas_lock = threading.RLock()
_blas_users = 0
_blas_before: list[int] = []  # of the libraries whose limit is the process's
_blas_libraries: tuple[list[Any], list[Any]] | None = None


def _find_blas() -> tuple[list[Any], list[Any]]:
    """Return the BLAS libraries whose limit is the process's, and those whose limit is the calling thread's."""
    from threadpoolctl import ThreadpoolController

    found = [
        library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"
    ]
    per_thread = [
        library
        for library in found
        if (library.internal_api, getattr(library, "threading_layer", "")) == ("openblas", "openmp")
    ]
    return [library for library in found if library not in per_thread], per_thread


def _set_shared_blas(numbers: list[int]) -> None:
    # threadpoolctl from 3.7 on lets only the first thread that asked set OpenBLAS's number, for as
    # long as that thread lives. Our fits agree among themselves, and leave the next one to ask as
    # free as they found it.
    assert _blas_libraries is not None
    for library, number in zip(_blas_libraries[0], numbers, strict=True):
        free = getattr(library, "clear_controlling_thread", lambda force: None)
        free(force=True)
        library.set_num_threads(number)
        free(force=True)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS on one thread: two pools of threads that take turns keep each other waiting.

    Where the limit is the process's, the first of several fits at once sets it, and the last one
    lifts it.
    """
    global _blas_users, _blas_before, _blas_libraries
    with _blas_lock:
        if _blas_libraries is None:
            # Once: to look for the libraries takes longer than a small fit, and those that the
            # caller uses are loaded by now.
            _blas_libraries = _find_blas()
        shared, per_thread = _blas_libraries
        if _blas_users == 0:
            _blas_before = [library.num_threads for library in shared]
            _set_shared_blas([1] * len(shared))
        _blas_users += 1
    own_before = [library.num_threads for library in per_thread]
    try:
        for library in per_thread:
            library.set_num_threads(1)
        yield
    finally:
        for library, number in zip(per_thread, own_before, strict=True):
            library.set_num_threads(number)
        with _blas_lock:
            _blas_users = max(
                0, _blas_users - 1
            )  # 0 already in a child that was forked in the middle
            if _blas_users == 0:
                _set_shared_blas(_blas_before)
