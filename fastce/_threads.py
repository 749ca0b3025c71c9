"""How many threads run, when a second one pays, and when threads must not be used at all."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._jit import Driver

# Below this many element evaluations (40 to 200 us on one thread) the start of a parallel region may cost more than it saves: 5 us where
# the threads still wait for work, 50 us and more where they sleep or share their cores.
MIN_PARALLEL_WORK = 100_000

_n_threads: int | None = None
_region = threading.Lock()
_forked = False


def _after_fork_in_child() -> None:
    global _region, _forked
    _region = threading.Lock()
    # GNU OpenMP ends a child that enters a parallel region after its parent did; workqueue's threads are gone. So: serial, also
    # when another library has started Numba's threads.
    numba_parallel = sys.modules.get("numba.np.ufunc.parallel")
    _forked = _forked or getattr(numba_parallel, "_is_initialized", False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _max_threads() -> int:
    import numba

    return int(numba.config.NUMBA_NUM_THREADS)


def get_num_threads() -> int:
    """Return the number of threads that kernels may use.

    Returns
    -------
    int
        The number set by `set_num_threads`; by default every core this process may run on (or ``NUMBA_NUM_THREADS``).

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
        From 1 to the number of threads that Numba was started with (the cores this process may run on, or the environment
        variable ``NUMBA_NUM_THREADS``).

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


def check_num_threads(n: int, name: str) -> int:
    """Return `n` as an int after checking that so many threads can run."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{name} must be an integer; got {n!r}")
    most = _max_threads()
    if not 1 <= n <= most:
        raise ValueError(f"{name} must be from 1 to {most} (the threads Numba was started with); got {n}")
    return n.__index__()


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

    Only one parallel region runs at a time: a Python thread that finds another one inside a region computes alone. That keeps the
    cores from being oversubscribed, and Numba's workqueue layer, which aborts the process when two threads enter it, safe.
    """
    if work < MIN_PARALLEL_WORK or _forked:
        return driver.serial(*args)
    threads = get_num_threads() if n_threads is None else n_threads
    if threads == 1 or not _region.acquire(blocking=False):
        return driver.serial(*args)
    try:
        import numba

        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            return driver.parallel(*args)
        finally:
            numba.set_num_threads(before)
    finally:
        _region.release()
