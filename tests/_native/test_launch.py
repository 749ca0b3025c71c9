"""Blocks over threads, with a threading layer of the test's in place of Numba's."""

import ctypes

import pytest

from fastce._core import threads
from fastce._native import launch

BLOCK_RANGE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t)
RUN = ctypes.CFUNCTYPE(
    ctypes.c_int, BLOCK_RANGE, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t
)
THREAD_FUNCTION = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), ctypes.c_void_p, ctypes.c_void_p
)
PARALLEL_FOR = ctypes.CFUNCTYPE(
    None,
    THREAD_FUNCTION,
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_size_t,
    ctypes.c_int,
)
GETTER, SETTER = ctypes.CFUNCTYPE(ctypes.c_int), ctypes.CFUNCTYPE(None, ctypes.c_int)


@pytest.fixture
def layer():
    """Give a list of what the layer was asked for. It hands out two ranges at once, as TBB may."""
    asked = []

    @PARALLEL_FOR
    def parallel_for(function, args, dimensions, steps, data, inner, n_arrays, n_threads):
        asked.append((dimensions[0], inner, n_arrays, n_threads))
        for first in range(0, dimensions[0], 2):
            count = (ctypes.c_size_t * 2)(min(2, dimensions[0] - first), dimensions[1])
            here = (ctypes.c_void_p * 1)(args[0] + first * steps[0])
            function(ctypes.addressof(here), count, ctypes.addressof(steps.contents), data)

    getter, setter = GETTER(lambda: 17), SETTER(lambda n: asked.append(("set", n)))
    launch.connect(*(ctypes.cast(f, ctypes.c_void_p).value for f in (parallel_for, getter, setter)))
    yield asked
    threads._max_started = None  # connects Numba's layer again
    threads._start_threads()


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8, 5000])
@pytest.mark.parametrize("n_blocks", [0, 1, 2, 10, 3000])
def test_ranges_make_up_all_blocks(layer, n_blocks, n_threads):
    found = []
    function = BLOCK_RANGE(lambda data, first, last: found.append((data, first, last)) or 0)
    assert RUN(launch.address())(function, 5, n_blocks, n_threads) == 0
    assert {data for data, _, _ in found} == {5}
    assert [b for _, first, last in found for b in range(first, last)] == list(range(n_blocks))
    wanted = min(n_threads, n_blocks, 1024)
    if wanted > 1:
        assert len(found) == wanted
        assert layer == [(wanted, 1, 1, wanted), ("set", 17)]
    else:
        assert layer == []


@pytest.mark.parametrize("n_threads", [1, 4])
def test_the_status_of_a_range_that_raised_comes_out(layer, n_threads):
    function = BLOCK_RANGE(lambda data, first, last: -7 if first <= 3 < last else 0)
    assert RUN(launch.address())(function, None, 8, n_threads) == -7
    assert RUN(launch.address())(function, None, 3, n_threads) == 0
