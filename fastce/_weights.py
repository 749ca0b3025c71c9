"""Options to the normal form: the numbers of each row that kernels multiply with, and what the mean divides by.

With s = sample weight, w = class weight, e = label smoothing, K classes, y = target::

    class indices    hit_i = (1 - e) w[y_i] s_i / d    row_i = s_i / d    spread_k = e w_k / K
    probabilities    hit_i = s_i / d                   row_i = s_i / d    spread_k = e w_k / K    scale_k = (1 - e) w_k

An ignored row has hit = row = 0. The divisor d is 1, or for the mean: the sum of w[y_i] s_i over the kept rows (class indices, as torch
does), the sum of s_i (probabilities).
Numbers that are the same for all rows are arrays of length 1, so that the usual call moves no memory for them; absent ones are of length 0
(spread, scale) or a single 0 (row).
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from . import _checks, _threads
from ._jit import driver, kernel, reduction

_ABSENT = np.zeros(0)
_ZERO = np.zeros(1)
_LABELS_A_BLOCK = 1 << 15
_BINARY_CHUNK = 1 << 13  # elements of one unit of parallel work and one partial sum; never depends on the number of threads


class NormalForm(NamedTuple):
    """What the kernels of a softmax loss multiply with; `divisor` is 0 when a mean is taken over nothing."""

    hit: np.ndarray
    row: np.ndarray
    scale: np.ndarray
    spread: np.ndarray
    divisor: float


@kernel
def _count(numbers):
    total = 0
    for number in numbers:
        total += number
    return total


@driver
def _scan_labels(target, n_classes, ignore_index):
    # target (n,) -> number of ignored labels, or -1 - (first row whose label is out of range)
    n = target.size
    n_blocks = (n + _LABELS_A_BLOCK - 1) // _LABELS_A_BLOCK
    ignored = np.zeros(n_blocks, np.int64)
    bad = np.zeros(n_blocks, np.int64)
    for b in prange(n_blocks):
        start, stop = b * _LABELS_A_BLOCK, min(n, (b + 1) * _LABELS_A_BLOCK)
        for i in range(start, stop):
            ignore = target[i] == ignore_index
            ignored[b] += ignore
            bad[b] += (not ignore) and (target[i] < 0 or target[i] >= n_classes)
    for b in range(n_blocks):
        if bad[b]:
            for i in range(b * _LABELS_A_BLOCK, n):
                if target[i] != ignore_index and (target[i] < 0 or target[i] >= n_classes):
                    return -1 - i
    return _count(ignored)


def index_form(
    target: np.ndarray,
    shape: tuple[int, ...],
    n_classes: int,
    weight: np.ndarray | None,
    sample_weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
    mean: bool,
) -> NormalForm:
    """Return the normal form for class indices (n,) int64, flat of this shape, after checking their range."""
    n_ignored = _threads.run(_scan_labels, target.size // 8, target, n_classes, ignore_index)
    if n_ignored < 0:
        raise _checks.label_error(target, -1 - n_ignored, shape, n_classes, ignore_index)
    n_kept = target.size - n_ignored
    if weight is None and sample_weight is None and n_ignored == 0:
        divisor = float(n_kept) if mean else 1.0
        row = np.full(1, 1.0 / divisor if divisor else 0.0)
        counted = row
    else:
        row = np.ones(target.size) if sample_weight is None else sample_weight.copy()
        kept = target != ignore_index
        row *= kept
        counted = row if weight is None else _checks.check_not_huge(row * weight[np.where(kept, target, 0)], "weight times sample_weight")
        divisor = float(counted.sum()) if mean else 1.0
        if divisor:
            row, counted = row / divisor, counted / divisor
    if label_smoothing == 0.0:
        return NormalForm(counted, _ZERO, _ABSENT, _ABSENT, divisor)
    return NormalForm((1.0 - label_smoothing) * counted, row, _ABSENT, _spread(n_classes, weight, label_smoothing), divisor)


def probability_form(
    target: np.ndarray,
    shape: tuple[int, ...],
    weight: np.ndarray | None,
    sample_weight: np.ndarray | None,
    label_smoothing: float,
    mean: bool,
) -> NormalForm:
    """Return the normal form for probability targets (n, K), rows of targets of this shape, after checking their range."""
    n_rows, n_classes = target.shape
    number = target.dtype.type
    bad = _threads.run(_scan_interval, target.size // 8, target.reshape(-1), number(np.nan), np.finfo(number).max)
    if bad < 0:
        row, k = divmod(-1 - bad, n_classes)
        where = (*np.unravel_index(row, shape), k) if shape else (k,)
        raise _checks.probability_error(target[row, k], tuple(map(int, where)))
    row = np.ones(1) if sample_weight is None else sample_weight
    if weight is not None:
        _checks.check_not_huge(row.max(initial=0.0) * weight, "weight times sample_weight")
    divisor = 1.0
    if mean:
        divisor = float(n_rows) if sample_weight is None else float(sample_weight.sum())
        if divisor:
            row = row / divisor
    if label_smoothing == 0.0:
        return NormalForm(row, _ZERO, _ABSENT if weight is None else weight, _ABSENT, divisor)
    scale = (1.0 - label_smoothing) * (np.ones(n_classes) if weight is None else weight)
    return NormalForm(row, row, scale, _spread(n_classes, weight, label_smoothing), divisor)


def _spread(n_classes: int, weight: np.ndarray | None, label_smoothing: float) -> np.ndarray:
    return label_smoothing / n_classes * (np.ones(n_classes) if weight is None else weight)


class BinaryForm(NamedTuple):
    """What the kernels of a sigmoid loss multiply t and 1 - t with.

    `pos` and `neg` repeat with a period of `chunk` elements, or are as long as the target; `divisor` is 0 for a mean over nothing.
    """

    pos: np.ndarray
    neg: np.ndarray
    chunk: int
    divisor: float


def binary_form(
    target: np.ndarray, shape: tuple[int, ...], weight: np.ndarray | None, pos_weight: np.ndarray | None, ignore: float, mean: bool
) -> BinaryForm:
    """Return the normal form for targets (n,) from 0 to 1, flat of this shape, after checking their range.

    With w the weight, v the weight of positives and d the number of elements that are not ignored (1 without a mean):
    pos = w v / d and neg = w / d.
    """
    n_ignored = _threads.run(_scan_interval, target.size // 8, target, ignore, target.dtype.type(1))
    if n_ignored < 0:
        where = np.unravel_index(-1 - n_ignored, shape)
        raise _checks.unit_interval_error(target[-1 - n_ignored], tuple(map(int, where)), "target")
    divisor = float(target.size - n_ignored) if mean else 1.0
    scale = 1.0 / divisor if divisor else 0.0
    if weight is None and pos_weight is None:
        same = np.full(min(target.size, _BINARY_CHUNK), scale, dtype=target.dtype)
        return BinaryForm(same, same, _BINARY_CHUNK, divisor)
    neg = np.ones(()) if weight is None else weight
    pos = neg if pos_weight is None else _checks.check_not_huge(neg * pos_weight, "weight times pos_weight")
    common = np.broadcast_shapes(pos.shape, neg.shape, (1,))
    if any(n != 1 for n in common[:-1]):
        common, repeats, chunk = shape, 1, _BINARY_CHUNK
    else:
        repeats = max(1, _BINARY_CHUNK // max(1, common[-1]))
        chunk = max(1, repeats * common[-1])
    pos, neg = (np.tile((np.broadcast_to(x, common) * scale).astype(target.dtype).reshape(-1), repeats) for x in (pos, neg))
    return BinaryForm(pos, neg, chunk, divisor)


@driver
def _scan_interval(target, ignore, highest):
    # target (n,) -> number of ignored entries, or -1 - (first position outside [0, highest])
    n = target.size
    n_blocks = (n + _LABELS_A_BLOCK - 1) // _LABELS_A_BLOCK
    ignored = np.zeros(n_blocks, np.int64)
    bad = np.zeros(n_blocks, np.int64)
    for b in prange(n_blocks):
        entries = target[b * _LABELS_A_BLOCK : (b + 1) * _LABELS_A_BLOCK]
        bad[b], ignored[b] = _count_outside(entries, ignore, highest)
    for b in range(n_blocks):
        if bad[b]:
            for i in range(b * _LABELS_A_BLOCK, n):
                if not (target[i] >= 0 and target[i] <= highest) and target[i] != ignore:
                    return -1 - i
    return _count(ignored)


@reduction
def _count_outside(entries, ignore, highest):
    bad, ignored = 0, 0
    for i in range(entries.size):
        skip = entries[i] == ignore
        ignored += skip
        bad += not (skip or (entries[i] >= 0 and entries[i] <= highest))
    return bad, ignored
