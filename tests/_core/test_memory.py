"""Questions about the memory of arrays."""

import numpy as np
import pytest

from fastce._core import memory


def test_contiguous_copies_only_what_is_not():
    x = np.zeros((3, 4))
    assert memory.contiguous(x, np.float64) is x
    assert memory.contiguous(x.T, np.float64).flags.c_contiguous
    assert memory.contiguous(x, np.float32).dtype == np.float32


def test_unlocked_is_the_same_memory():
    x = np.arange(3.0)
    assert memory.unlocked(x) is x
    x.flags.writeable = False
    alias = memory.unlocked(x)
    assert alias.flags.writeable
    assert memory.same_memory(alias, x)
    assert not x.flags.writeable


def test_is_plain():
    assert memory.is_plain(np.zeros((2, 3), np.float32))
    for x in (np.zeros((2, 3)).T, np.zeros(3, int), np.zeros(3, ">f8"), np.float64(1), [1.0]):
        assert not memory.is_plain(x)


def test_overlap():
    x = np.zeros((4, 6))
    assert memory.may_overlap(x, x[2:])
    assert not memory.may_overlap(x[:2], x[2:])
    even, odd = x[:, ::2], x[:, 1::2]
    assert memory.may_overlap(even, odd)
    assert not memory.overlaps(even, odd)
    assert memory.overlaps(even, x[0])


def test_same_memory_is_element_for_element():
    x = np.zeros((3, 3))
    assert memory.same_memory(x, x[:])
    assert not memory.same_memory(x, x.T)
    assert not memory.same_memory(x, x[::-1])
    assert not memory.same_memory(x, x[:, :1])
    assert memory.same_memory(x[:1], x[:1][::-1])  # of one row, no stride is taken
    assert memory.same_memory(x[1:2, :1], x[1::-2, :1])
    assert not memory.same_memory(x[:1], x[1:2])


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (np.zeros((3, 4)), False),
        (np.zeros((3, 4)).T, False),
        (np.broadcast_to(np.zeros(4), (3, 4)), True),
        (np.broadcast_to(np.zeros(4), (0, 4)), False),
        (np.lib.stride_tricks.as_strided(np.zeros(6), (4, 3), (8, 8)), True),
    ],
)
def test_overlaps_itself(x, expected):
    assert memory.overlaps_itself(x) == expected
