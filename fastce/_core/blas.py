"""BLAS on one thread while our own threads run."""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.RLock()
_n_users = 0
_before: list[int] = []  # of the libraries whose limit is the process's
_libraries: tuple[list[Any], list[Any]] | None = None


def _after_fork_in_child() -> None:
    global _lock, _n_users
    # Another thread may have been inside a fit: it never lifts its limit here.
    _lock = threading.RLock()
    if _n_users:
        _n_users = 0
        _set_shared(_before)


if hasattr(os, "register_at_fork"):
    # A fork waits for whoever is setting BLAS's threads: the child could never release their lock,
    # nor threadpoolctl's.
    os.register_at_fork(
        before=lambda: _lock.acquire(),
        after_in_parent=lambda: _lock.release(),
        after_in_child=_after_fork_in_child,
    )


def _find() -> tuple[list[Any], list[Any]]:
    """Return the BLAS libraries with one limit for the process, and those with one for a thread."""
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


def _set_shared(numbers: list[int]) -> None:
    # threadpoolctl from 3.7 on lets only the first thread that asked set OpenBLAS's number, for as
    # long as that thread lives. Our fits agree among themselves, and leave the next one to ask as
    # free as they found it.
    assert _libraries is not None
    for library, number in zip(_libraries[0], numbers, strict=True):
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
    global _n_users, _before, _libraries
    with _lock:
        if _libraries is None:
            # Once: to look for the libraries takes longer than a small fit, and those that the
            # caller uses are loaded by now.
            _libraries = _find()
        shared, per_thread = _libraries
        own_before = [library.num_threads for library in per_thread]
        if _n_users == 0:
            _before = [library.num_threads for library in shared]
            _set_shared([1] * len(shared))
        _n_users += 1
    try:
        for library in per_thread:
            library.set_num_threads(1)
        yield
    finally:
        for library, number in zip(per_thread, own_before, strict=True):
            library.set_num_threads(number)
        with _lock:
            # 0 already in a child that was forked in the middle
            _n_users = max(0, _n_users - 1)
            if _n_users == 0:
                _set_shared(_before)
