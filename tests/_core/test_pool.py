"""Parts of a range on a pool of threads: all of them, in order, and nobody left at work."""

import os
import signal
import threading
import time

import pytest

from fastce._core import pool, threads
from fastce._core.pool import split


@pytest.fixture(autouse=True)
def _two_threads():
    with threads.at_most(2):
        yield


@pytest.mark.parametrize("n", [1, 63, 64, 1000])
@pytest.mark.parametrize("min_length", [1, 16])
def test_parts_cover_the_range_in_order(n, min_length):
    parts = split(lambda start, stop: (start, stop), n, 1 << 30, min_length)
    assert [start for start, _ in parts] == [0, *(stop for _, stop in parts[:-1])]
    assert parts[-1][1] == n
    assert all(start % min_length == 0 for start, _ in parts)
    assert len(parts) <= 8
    assert len(parts) > 1 or n <= min_length


def test_little_memory_or_one_thread_is_one_part():
    def part(start, stop):
        return threading.current_thread(), start, stop

    alone = [(threading.current_thread(), 0, 100)]
    assert split(part, 100, pool.MIN_SPLIT_BYTES - 1) == alone
    with threads.at_most(1):
        assert split(part, 100, 1 << 30) == alone
    with threads.region:  # somebody else runs threads
        assert split(part, 100, 1 << 30) == alone


def test_split_returns_when_nobody_writes_any_more():
    """Also if the caller is interrupted while another thread is at work."""
    writing, free = threading.Event(), threading.Event()
    states = []

    def part(start, stop):
        if threading.current_thread() is threading.main_thread():
            writing.wait(10)
            threading.Timer(0.2, free.set).start()
            raise KeyboardInterrupt
        writing.set()
        free.wait(10)
        states.append("written")

    with pytest.raises(KeyboardInterrupt):
        split(part, 64, 1 << 30)
    assert len(states) == 1
    assert sum(split(lambda start, stop: stop - start, 64, 1 << 30)) == 64  # and the next one runs
    assert not threads.region.locked()


def test_an_interrupt_while_split_waits_is_raised_when_all_have_ended():
    writing, free = threading.Event(), threading.Event()
    states = []

    def part(start, stop):
        if threading.current_thread() is threading.main_thread():
            writing.wait(10)
            return
        writing.set()
        free.wait(10)
        states.append("written")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        threading.Timer(0.6, free.set).start()
        with pytest.raises(KeyboardInterrupt):
            split(part, 64, 1 << 30)
    finally:
        signal.signal(signal.SIGINT, before)
    assert states == ["written"]


def test_split_hands_on_the_error_of_another_thread():
    def part(start, stop):
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("of a part")
        time.sleep(0.3)

    with pytest.raises(ValueError, match="of a part"):
        split(part, 64, 1 << 30)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_a_pool_of_its_own():
    assert sum(split(lambda start, stop: stop - start, 64, 1 << 30)) == 64
    child = os.fork()
    if child == 0:
        threads_of_parent = pool._n_workers
        right = sum(split(lambda start, stop: stop - start, 64, 1 << 30)) == 64
        os._exit(0 if right and threads_of_parent == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
