"""How many threads may run, and the call of a compiled driver on one of them or on several."""

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .._native import launch
from .limits import limits

# Least work of a parallel region, in evaluations of an element: 100,000 take 40 to 200 us on one
# thread. The start of a region takes 5 us where the threads still wait for work, and 50 us and more
# where they sleep or share their cores.
MIN_PARALLEL_WORK = 100_000
# Numbers that are read in the time of one evaluation of an element.
NUMBERS_A_STEP = 8

_n_threads: int | None = None
_local = threading.local()  # .at_most: see `at_most`
# Held by whoever runs threads, here or in `pool`: one parallel region at a time.
region = threading.Lock()
_forked = False


def _after_fork_in_child() -> None:
    global region, _forked
    region = threading.Lock()
    # GNU OpenMP ends a child that enters a parallel region after its parent did; workqueue's
    # threads are gone. So: serial, also when another library has started Numba's threads.
    numba_parallel = sys.modules.get("numba.np.ufunc.parallel")
    _forked = _forked or getattr(numba_parallel, "_is_initialized", False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _max_threads() -> int:
    """Return the number of threads Numba has, or will have once something imports it."""
    n = getattr(sys.modules.get("numba.np.ufunc.parallel"), "NUM_THREADS", None)
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


@functools.cache
def _limits() -> dict[str, int]:
    return limits()


def decision() -> tuple[int, str]:
    """Return the number of threads that kernels may use, and what has decided it."""
    if _n_threads is not None:
        return _n_threads, "set_num_threads"
    found = _limits() | {"Numba": _max_threads()}
    decides = min(found, key=found.__getitem__)
    return found[decides], decides


def get_num_threads() -> int:
    """Return the number of threads that kernels may use.

    Returns
    -------
    int
        The number set by `set_num_threads`; by default the smallest of: the cores of the machine,
        those that this process may run on, the quota of its control group (a container's limit),
        and the environment variables ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``. `show_versions`
        tells which it was.

    Examples
    --------
    >>> import fastce
    >>> fastce.get_num_threads() >= 1
    True
    """
    return decision()[0]


def set_num_threads(n: int) -> None:
    """Set how many threads kernels may use, in all Python threads of this process.

    Results do not depend on it: every number of threads gives the same bits.

    Parameters
    ----------
    n : int
        From 1 to the number of threads that Numba was started with (the cores this process may run
        on, or the environment variable ``NUMBA_NUM_THREADS``), which may be more than the default.

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
    """Return `n` as an int after checking that this number of threads can run.

    `optional` says that the caller takes None, too.
    """
    or_none = "None or " if optional else ""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{name} must be {or_none}an integer; got {n!r}")
    most = _max_threads()
    if not 1 <= n <= most:
        raise ValueError(
            f"{name} must be {or_none}from 1 to {most} (the threads Numba was started with); "
            f"got {n}"
        )
    return n.__index__()


@contextlib.contextmanager
def at_most(n: int | None) -> Iterator[None]:
    """Set how many threads `run` and `pool.split` take in this Python thread, for a while.

    It takes the place of what `set_num_threads` says; None changes nothing.
    """
    before = getattr(_local, "at_most", None)
    _local.at_most = before if n is None else n
    try:
        yield
    finally:
        _local.at_most = before


def current_num_threads() -> int:
    """Return how many threads this Python thread may use, by `at_most` or `set_num_threads`."""
    return getattr(_local, "at_most", None) or get_num_threads()


@contextlib.contextmanager
def parallel_from(min_work: int) -> Iterator[None]:
    """Run in parallel from this work on, for a while: tests run small work so."""
    global MIN_PARALLEL_WORK
    before, MIN_PARALLEL_WORK = MIN_PARALLEL_WORK, min_work
    try:
        yield
    finally:
        MIN_PARALLEL_WORK = before


def run(driver: Callable[..., None], work: int, n_blocks: int, *args: Any) -> None:
    """Call a compiled driver for all its blocks, on one thread or on several, with the same bits.

    Only one parallel region runs at a time: a Python thread that finds another one inside a region
    computes alone. That keeps the cores from being oversubscribed, and our own threads from meeting
    in Numba's workqueue layer, which aborts the process when two enter it. (A ``prange`` of the
    user's in another thread may still meet one of ours there; the omp and tbb layers do not mind.)
    """
    is_serial = work < MIN_PARALLEL_WORK or n_blocks < 2 or _forked
    n_threads = 1 if is_serial else current_num_threads()
    if n_threads == 1 or not region.acquire(blocking=False):
        driver(n_blocks, 1, *args)
        return
    try:
        driver(n_blocks, min(n_threads, _start_threads()), *args)
    finally:
        region.release()


_max_started: int | None = None


def _start_threads() -> int:
    """Start Numba's threads at the first call, and return how many there are."""
    global _max_started
    if _max_started is None:
        from llvmlite import binding
        from numba.np.ufunc import parallel

        parallel._launch_threads()
        symbols = "numba_parallel_for", "get_num_threads", "set_num_threads"
        launch.connect(*map(binding.address_of_symbol, symbols))
        # what Numba has started: its configuration may have been changed since it was imported
        _max_started = parallel.NUM_THREADS
    return _max_started
