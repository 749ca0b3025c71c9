"""The checks of whole arrays against NumPy, at every length around vector and block sizes."""

import numpy as np
import pytest

from fastce._native import scans as _scans

LENGTHS = [0, 1, 15, 16, 17, 2047, 2048, 2049, 5000]


@pytest.mark.parametrize("n", LENGTHS)
def test_labels(rng, n):
    y = rng.integers(7, size=n)
    y[rng.random(n) < 0.1] = -100
    assert _scans.scan_labels(y, 7, -100) == np.count_nonzero(y == -100)
    for place in {0, n // 2, n - 1} - {-1} if n else set():
        for bad in (-1, 7, 2**62, -(2**63)):
            broken = y.copy()
            broken[place] = bad
            assert _scans.scan_labels(broken, 7, -100) == -1 - place
            broken[-1] = bad  # the first one is named
            assert _scans.scan_labels(broken, 7, -100) == -1 - place


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", LENGTHS)
def test_interval(rng, n, dtype):
    target = rng.random(n).astype(dtype)
    target = np.where(rng.random(n) < 0.3, rng.choice(np.array([0, 1, -1], dtype), n), target)
    assert _scans.scan_interval(target, 1.0, -1.0) == np.count_nonzero(target == -1)
    for place in {0, n // 2, n - 1} - {-1} if n else set():
        for bad in (
            np.nan,
            np.inf,
            -np.inf,
            np.nextafter(dtype(1), dtype(2)),
            -np.finfo(dtype).smallest_subnormal,
        ):
            broken = target.copy()
            broken[place] = bad
            assert _scans.scan_interval(broken, 1.0, -1.0) == -1 - place


def test_nothing_is_ignored_if_nan_is():
    assert _scans.scan_interval(np.array([0.0, 1.0]), 1.0, np.nan) == 0
    assert _scans.scan_interval(np.array([0.0, np.nan]), 1.0, np.nan) == -2


@pytest.mark.parametrize(
    "target",
    [
        np.zeros((2, 2), int),
        np.zeros(3, np.int32),
        np.zeros(3, np.uint64),
        np.zeros(3),
        np.zeros(3, ">i8"),
        np.zeros(6, int)[::2],
    ],
)
def test_other_labels_are_refused(target):
    with pytest.raises((TypeError, ValueError)):
        _scans.scan_labels(target, 3, -100)


@pytest.mark.parametrize(
    "target", [np.zeros(3, int), np.zeros(3, np.float16), np.zeros(3, ">f8"), np.zeros(6)[::2]]
)
def test_other_targets_are_refused(target):
    with pytest.raises((TypeError, ValueError)):
        _scans.scan_interval(target, 1.0, np.nan)


def test_overlap():
    memory = np.zeros(20)
    assert _scans.overlap(memory, memory)
    assert _scans.overlap(memory[:10], memory[9:])
    assert not _scans.overlap(memory[:10], memory[10:])
    assert not _scans.overlap(memory[5:5], memory)


def plain(logits, target, labels, out=None):
    return _scans.is_plain_call(logits, target, out, labels)


def test_the_usual_calls_are_plain():
    logits, labels = np.zeros((3, 4)), np.array([0, 3, 1])
    assert plain(logits, labels, True)
    assert plain(logits, labels, True, logits)
    assert plain(logits, labels, True, np.empty_like(logits))
    assert plain(logits, logits + 0.5, False, logits)
    assert plain(np.zeros(5, np.float32), np.ones(5, np.float32), False)


@pytest.mark.parametrize(
    ("logits", "target", "labels"),
    [
        (np.zeros((3, 4)), np.array([0, 4, 1]), True),
        (np.zeros((3, 4)), np.array([0, -1, 1]), True),
        (np.zeros((3, 4)), np.array([0, 1]), True),
        (np.zeros((3, 4)), np.array([0, 1, 2], np.int32), True),
        (np.zeros((3, 4)), np.array([0.0, 1.0, 2.0]), True),
        (np.zeros((3, 4), int), np.array([0, 1, 2]), True),
        (np.zeros((3, 4), complex), np.array([0, 1, 2]), True),
        (np.zeros((3, 4), ">f8"), np.array([0, 1, 2]), True),
        (np.zeros((4, 3)).T, np.array([0, 1, 2]), True),
        (np.zeros((0, 4)), np.array([], int), True),
        (np.zeros(4), np.array(1), True),
        ([[0.0, 1.0]], np.array([0]), True),
        (np.zeros((3, 4)), [0, 1, 2], True),
        (np.zeros(3), np.array([0.0, 1.5, 1.0]), False),
        (np.zeros(3), np.array([0.0, np.nan, 1.0]), False),
        (np.zeros(3), np.zeros(3, np.float32), False),
        (np.zeros(3), np.zeros(4), False),
        (np.zeros((3, 2)), np.zeros((2, 3)), False),
        (np.zeros(3), np.array([0, 1, 1]), False),
        (np.zeros(25, np.int8)[1:].view(float), np.zeros(3), False),
    ],
    ids=range(20),
)
def test_other_calls_are_not_plain(logits, target, labels):
    assert not plain(logits, target, labels)


def test_other_outs_are_not_plain():
    logits, labels, memory = np.zeros((3, 4)), np.array([0, 3, 1]), np.zeros(24)
    frozen = logits.copy()
    frozen.flags.writeable = False
    for out in (
        np.empty((4, 3)),
        np.empty((3, 4), np.float32),
        np.empty((4, 3)).T,
        frozen,
        [0.0],
        labels,
    ):
        assert not plain(logits, labels, True, out)
    x, half = memory[:12].reshape(3, 4), memory[6:18].reshape(3, 4)
    assert plain(x, labels, True, memory[12:].reshape(3, 4))
    assert not plain(x, labels, True, half)
    assert not plain(x, half, False, half)
