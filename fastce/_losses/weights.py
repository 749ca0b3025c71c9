"""Options to the normal form: the numbers of each row that kernels multiply with, and what the mean divides by.

With s = sample weight, w = class weight, e = label smoothing, K classes, y = target::

    class indices    hit_i = (1 - e) w[y_i] s_i    row_i = s_i    spread_k = e w_k / K
    probabilities    hit_i = s_i                   row_i = s_i    spread_k = e w_k / K    scale_k = (1 - e) w_k

An ignored row has hit = row = 0. Everything is multiplied with the factor 1 / d. The divisor d is
1, or for the mean: the sum of w[y_i] s_i over the kept rows (class indices, as torch does), the sum
of s_i (probabilities); where that is 0, the factor is 0, too. Numbers that are the same for all
rows are arrays of length 1, so that the usual call moves no memory for them; absent ones are of
length 0.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._core import checks as _checks
from .._core import pool
from .._native import scans as _scans

_ABSENT = np.zeros(0)
_ONE = np.ones(1)
# Elements of a block of a sigmoid loss, and the most blocks without weights; neither depends on the
# number of threads.
_BINARY_BLOCK, _MAX_BINARY_BLOCKS, _FEW_PERIODS = 1 << 13, 256, 16

# Weights that sum to less are multiplied with a power of two first.
_SMALL, _UP = 2.0**-1000, 2.0**1000
_MIN_SCAN_BYTES = 1 << 22  # a scan takes 25 us for 1 MiB


class NormalForm(NamedTuple):
    """What the kernels of a softmax loss multiply with; `factor` is 0 when a mean is taken over nothing."""

    hit: np.ndarray
    row: np.ndarray
    scale: np.ndarray
    spread: np.ndarray
    factor: float


def _scan(scan: Callable[..., int], target: np.ndarray, *options: Any) -> int:
    """Return ``scan(target, *options)``: how many are ignored, or -1 - (the first bad place); a large target is scanned in parts."""
    if target.nbytes < _MIN_SCAN_BYTES:
        return scan(target, *options)

    def part(start: int, stop: int) -> int:
        found = scan(target[start:stop], *options)
        return found if found >= 0 else found - start

    found = pool.split(part, target.size, target.nbytes)
    return next((n for n in found if n < 0), sum(found))


def plain_form(n: int, mean: bool) -> NormalForm:
    """Return the normal form of n rows of class indices without any option."""
    return NormalForm(_ONE, _ONE, _ABSENT, _ABSENT, 1.0 / n if mean else 1.0)


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
    n_ignored = _scan(_scans.scan_labels, target, n_classes, ignore_index)
    if n_ignored < 0:
        raise _checks.label_error(target, -1 - n_ignored, shape, n_classes, ignore_index)
    if weight is None and sample_weight is None and n_ignored == 0:
        row = hit = _ONE
        divisor = float(target.size)
    else:
        row = np.ones(target.size) if sample_weight is None else sample_weight.copy()
        kept = target != ignore_index
        row *= kept
        hit = (
            row
            if weight is None
            else _checks.check_not_huge(
                row * weight[np.where(kept, target, 0)], "weight times sample_weight"
            )
        )
        divisor = float(hit.sum()) if mean else 1.0
    factor, row, hit = _over(divisor, row, hit) if mean else (1.0, row, hit)
    if label_smoothing == 0.0:
        return NormalForm(hit, row, _ABSENT, _ABSENT, factor)
    return NormalForm(
        (1.0 - label_smoothing) * hit,
        row,
        _ABSENT,
        _spread(n_classes, weight, label_smoothing),
        factor,
    )


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
    bad = _scan(
        _scans.scan_interval, target.reshape(-1), float(np.finfo(target.dtype).max), math.nan
    )
    if bad < 0:
        row, k = divmod(-1 - bad, n_classes)
        where = (*np.unravel_index(row, shape), k) if shape else (k,)
        raise _checks.probability_error(target[row, k], tuple(map(int, where)))
    row = _ONE if sample_weight is None else sample_weight
    if weight is not None:
        _checks.check_not_huge(row.max(initial=0.0) * weight, "weight times sample_weight")
    factor = 1.0
    if mean:
        factor, row = _over(
            float(n_rows) if sample_weight is None else float(sample_weight.sum()), row
        )
    if label_smoothing == 0.0:
        return NormalForm(row, row, _ABSENT if weight is None else weight, _ABSENT, factor)
    scale = (1.0 - label_smoothing) * (np.ones(n_classes) if weight is None else weight)
    return NormalForm(row, row, scale, _spread(n_classes, weight, label_smoothing), factor)


def _factor(divisor: float) -> float:
    return 1.0 / divisor if divisor else 0.0


def _over(divisor: float, *weights: np.ndarray) -> tuple[Any, ...]:
    """Return 1 / divisor and the weights, all lifted by a power of two where the inverse of so small a sum may be inf."""
    if 0.0 < divisor < _SMALL:
        return _factor(divisor * _UP), *(w * _UP for w in weights)
    return _factor(divisor), *weights


def _spread(n_classes: int, weight: np.ndarray | None, label_smoothing: float) -> np.ndarray:
    return label_smoothing / n_classes * (np.ones(n_classes) if weight is None else weight)


class BinaryForm(NamedTuple):
    """What the kernels of a sigmoid loss multiply t and 1 - t with.

    `pos` and `neg` are None where all are 1; else they repeat with a period of `size` elements, or
    are as long as the target. `size` is that of a block: one unit of parallel work and one partial
    sum. `factor` is 0 for a mean over nothing.
    """

    pos: np.ndarray | None
    neg: np.ndarray | None
    factor: float
    size: int


def plain_binary_form(n: int, mean: bool) -> BinaryForm:
    """Return the normal form of n elements without any option."""
    return BinaryForm(
        None,
        None,
        _factor(float(n)) if mean else 1.0,
        max(_BINARY_BLOCK, -(-n // _MAX_BINARY_BLOCKS)),
    )


def binary_form(
    target: np.ndarray,
    shape: tuple[int, ...],
    weight: np.ndarray | None,
    pos_weight: np.ndarray | None,
    ignore: int | None,
    mean: bool,
) -> BinaryForm:
    """Return the normal form for targets (n,) from 0 to 1, flat of this shape, after checking their range.

    With w the weight, v the weight of positives and d the number of elements that are not ignored
    (1 without a mean): pos = w v, neg = w and factor = 1 / d.
    """
    n_ignored = _scan(
        _scans.scan_interval, target, 1.0, math.nan if ignore is None else float(ignore)
    )
    if n_ignored < 0:
        where = np.unravel_index(-1 - n_ignored, shape)
        raise _checks.unit_interval_error(target[-1 - n_ignored], tuple(map(int, where)), "target")
    factor = _factor(float(target.size - n_ignored)) if mean else 1.0
    if weight is None and pos_weight is None:
        return plain_binary_form(target.size, mean)._replace(factor=factor)
    neg = np.ones(()) if weight is None else weight
    pos = (
        neg
        if pos_weight is None
        else _checks.check_not_huge(neg * pos_weight, "weight times pos_weight")
    )
    common = np.broadcast_shapes(pos.shape, neg.shape, (1,))
    period = common[-1]
    # One weight for each element; also where they repeat so seldom that a period would be too large
    # a piece of work.
    if any(n != 1 for n in common[:-1]) or (
        period > _BINARY_BLOCK and target.size < _FEW_PERIODS * period
    ):
        common, repeats, size = shape, 1, _BINARY_BLOCK
    else:
        repeats = max(1, _BINARY_BLOCK // max(1, period))
        size = max(1, repeats * period)

    def as_long(x: np.ndarray) -> np.ndarray:
        flat = np.broadcast_to(x, common).astype(target.dtype).reshape(-1)
        return np.tile(flat, repeats) if repeats > 1 else flat

    as_long_neg = as_long(neg)
    return BinaryForm(as_long_neg if pos is neg else as_long(pos), as_long_neg, factor, size)
