"""Ctrl-C that waits until work that must not be interrupted has ended.

An interrupt in the middle of a compilation leaves Numba with functions that have no code, and later
calls of them fail or crash the process; one that arrives while LLVM works is swallowed by a
callback. One in the middle of an import leaves modules half imported.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def interrupts_wait() -> Iterator[None]:
    """Postpone SIGINT while the block runs; its handler is called at the end, also after an error.

    Python runs handlers in the main thread only, so elsewhere there is nothing to do.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came: list[Any] = []

    def put_off(signum: int, frame: Any) -> None:
        came.append((signum, frame))

    try:
        signal.signal(signal.SIGINT, put_off)
    except ValueError:  # a subinterpreter's main thread
        yield
        return
    try:
        yield
    finally:
        # Otherwise the block has set a handler of its own, which stays.
        if signal.getsignal(signal.SIGINT) is put_off:
            signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])
