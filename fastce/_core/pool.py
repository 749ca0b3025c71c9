"""A pool of Python threads for functions that release the GIL: parts of a range, in any order."""

import os
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from . import threads

# Least memory of a call that is split, in bytes gone through with an exp for each number: 1 MiB
# takes 75 to 150 us, and a thread that sleeps takes 15 to 50 us to wake.
MIN_SPLIT_BYTES = 1 << 20
# Least memory of a part, in bytes: an eighth of that, chosen so that parts are not too small to be
# worth handing to another thread.
_MIN_PART_BYTES = 1 << 17

_T = TypeVar("_T")
# What the threads of the pool wait for.
_jobs: "queue.SimpleQueue[Callable[[], None]]" = queue.SimpleQueue()
_n_workers = 0


def _after_fork_in_child() -> None:
    global _jobs, _n_workers
    _jobs, _n_workers = queue.SimpleQueue(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _work() -> None:
    while True:
        _jobs.get()()  # without a name, so that a waiting thread keeps no array alive


def _hire(n: int) -> int:
    """Start threads until there are `n` or the system gives no more; return how many may help."""
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
    min_length: int = 1,
    per_thread: int = 4,
) -> list[_T]:
    """Call ``function(start, stop)`` for parts of ``range(n)``; return the results in order.

    For functions that release the GIL while they go through `n_bytes` of memory, and that write to
    places of their own: the parts run on several threads where that pays, and whoever is free takes
    the next one. The caller works, too, and waits only for parts that have begun, so a busy machine
    costs little. Parts are contiguous, with lengths that are multiples of `min_length`; each thread
    gets `per_thread` of them. What is called with Numba goes through `threads.run`; only one of
    both runs at a time, and who finds another one inside works alone.
    """
    is_short = n_bytes < MIN_SPLIT_BYTES or n <= min_length
    n_threads = 1 if is_short else threads.current_num_threads()
    n_parts = min(n_threads * per_thread, n_bytes // _MIN_PART_BYTES, -(-n // min_length))
    region = threads.region
    if n_threads == 1 or n_parts < 2 or not region.acquire(blocking=False):
        return [function(0, n)]
    try:
        return _split(function, n, -(-n // (n_parts * min_length)) * min_length, n_threads)
    finally:
        region.release()


def _split(function: Callable[[int, int], _T], n: int, step: int, n_threads: int) -> list[_T]:
    starts = range(0, n, step)
    todo = list(enumerate(starts))[::-1]
    results: list[Any] = [None] * len(starts)
    errors: list[BaseException] = []
    finished: list[bool] = []
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
        finished.append(True)
        ended.put(None)

    try:
        for _ in range(_hire(min(n_threads, len(starts)) - 1)):
            _jobs.put(help_out)
        work()
    finally:
        # Also after an interrupt, nobody writes any more when this returns; one that arrives while
        # it waits is raised afterwards.
        todo.clear()
        with lock:
            is_over = True
        while len(finished) < n_begun:
            try:
                ended.get(timeout=1.0)  # looks again after a second: an interrupt may eat the item
            except queue.Empty:
                continue
            except KeyboardInterrupt as interrupt:
                errors.insert(0, interrupt)
    if errors:
        raise errors[0]
    return results
