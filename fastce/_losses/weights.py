"""Options become the normal form: the weights that kernels multiply with, and the factor.

With s = sample weight, w = class weight, e = label smoothing, K classes, y = target::

    class indices    target_weight_i = (1 - e) w[y_i] s_i
    probabilities    target_weight_i = s_i      scaled_class_weight_k = (1 - e) w_k
    both             sample_weight_i = s_i      smoothing_k = e w_k / K

An ignored row has weights 0. Everything is multiplied with the factor 1 / d. The divisor d is 1, or
for the mean: the sum of w[y_i] s_i over the rows that are not ignored (class indices, as in torch),
the sum of s_i (probabilities); where that is 0, the factor is 0, too. What is absent is None,
except weights of rows: those are (1,) where all rows weigh the same, so that the usual call reads
no memory for them, and no kernel is compiled once more for it.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._core import checks, pool
from .._core.flags import silent
from .._core.layout import Rows, Target
from .._native import scans, tiles, usual

_ONE = np.ones(1)
# Elements of a block of a sigmoid loss, and the most blocks of one without weights. Neither depends
# on the number of threads, so the sums do not.
ELEMENT_BLOCK = 1 << 13
MAX_ELEMENT_BLOCKS = 256
# Weights with a period longer than a block repeat in the kernel where the target has this many
# periods.
FEW_PERIODS = 16
# A divisor below this one and its weights are multiplied with a power of two, so that the inverse
# of the divisor is finite.
MIN_DIVISOR = 2.0**-1000
UP = 2.0**1000
# Bytes of a target that several threads scan: one thread takes 25 us for 1 MiB.
_MIN_SCAN_BYTES = 1 << 22


class RowForm(NamedTuple):
    """What the kernels of a softmax loss multiply with; `factor` is 0 for a mean over nothing."""

    target_weight: np.ndarray
    sample_weight: np.ndarray
    scaled_class_weight: np.ndarray | None
    smoothing: np.ndarray | None
    factor: float
    z_loss: float = 0.0


def _scan(scan: Callable[..., int], target: np.ndarray, *options: Any) -> int:
    """Return the number of ignored entries, or -1 - i for the first bad entry i.

    Several threads scan the parts of a large target.
    """
    if target.nbytes < _MIN_SCAN_BYTES:
        return scan(target, *options)

    def part(start: int, stop: int) -> int:
        found = scan(target[start:stop], *options)
        return found if found >= 0 else found - start

    found = pool.split(part, target.size, target.nbytes)
    return next((n for n in found if n < 0), sum(found))


def _scan_interval(target: Target, highest: float, ignore: float) -> int:
    """Return the number of entries that are `ignore`, or -1 - i for the first bad entry i."""
    view = target.view
    if view is None:
        return _scan(scans.scan_interval, target.data.reshape(-1), highest, ignore)
    n_classes = view.shape[2]

    def part(start: int, stop: int) -> int:
        found = tiles.scan_interval(view, highest, ignore, start, stop)
        return found if found >= 0 else found - start * n_classes

    n_bytes = view.itemsize * target.n * n_classes
    found = pool.split(part, target.n, n_bytes if n_bytes >= _MIN_SCAN_BYTES else 0, min_length=64)
    return next((n for n in found if n < 0), sum(found))


def _entry(target: Target, i: int) -> Any:
    """Return entry i of a target."""
    if target.view is None:
        return target.data.reshape(-1)[i]
    row, k = divmod(i, target.view.shape[2])
    outer, inner = divmod(row, target.view.shape[1])
    found = target.view[outer, inner, k]
    # uint16 are the bits of bfloat16
    return (np.uint32(found) << 16).view(np.float32) if found.dtype == np.uint16 else found


def plain_row_form(n: int) -> RowForm:
    """Return the normal form of the mean of n > 0 rows of class indices without any option."""
    return RowForm(_ONE, _ONE, None, None, 1.0 / n)


def index_form(
    target: np.ndarray,
    rows: Rows,
    weight: np.ndarray | None,
    sample_weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
    mean: bool,
) -> RowForm:
    """Return the normal form for flat class indices (n,) int64, after checking their range."""
    n_classes = rows.n_classes
    n_ignored = _scan(scans.scan_labels, target, n_classes, ignore_index)
    if n_ignored < 0:
        raise checks.label_error(target, -1 - n_ignored, rows.shape, n_classes, ignore_index)
    if weight is None and sample_weight is None and n_ignored == 0:
        target_weight = row_weight = _ONE
        divisor = float(target.size)
    else:
        row_weight, target_weight = _row_weights(
            target, weight, sample_weight, target != ignore_index if n_ignored else None
        )
        divisor = usual.sum_of(target_weight) if mean else 1.0
    factor = 1.0
    if mean:
        factor, row_weight, target_weight = _over(divisor, row_weight, target_weight)
    if label_smoothing == 0.0:
        return RowForm(target_weight, row_weight, None, None, factor)
    smoothing = _smoothing(n_classes, weight, label_smoothing)
    with silent():
        target_weight = (1.0 - label_smoothing) * target_weight
    return RowForm(target_weight, row_weight, None, smoothing, factor)


def _row_weights(
    target: np.ndarray,
    weight: np.ndarray | None,
    sample_weight: np.ndarray | None,
    kept: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights (n,) of rows and of their targets, 0 where a row is not `kept`.

    None for `kept` says that all are.
    """
    if sample_weight is None:
        row_weight = np.ones(target.size) if kept is None else kept.astype(np.float64)
    else:
        row_weight = sample_weight if kept is None else sample_weight * kept
    if weight is None:
        return row_weight, row_weight
    class_weight = weight[target if kept is None else np.where(kept, target, 0)]
    if sample_weight is None:
        return row_weight, class_weight if kept is None else class_weight * kept
    with silent():  # a product that is too small is 0
        target_weight = row_weight * class_weight
    return row_weight, checks.check_not_huge(target_weight, "weight times sample_weight")


def probability_form(
    target: Target,
    rows: Rows,
    weight: np.ndarray | None,
    sample_weight: np.ndarray | None,
    label_smoothing: float,
    mean: bool,
) -> RowForm:
    """Return the normal form for probabilities (n, K), after checking their range."""
    n_rows, n_classes = target.n, rows.n_classes
    largest = float(np.finfo(rows.dtype).max)
    bad = _scan_interval(target, largest, math.nan)
    if bad < 0:
        entry = _entry(target, -1 - bad)
        if largest < abs(float(entry)) < math.inf:
            raise checks.range_error(entry, rows.dtype)
        row, k = divmod(-1 - bad, n_classes)
        where = np.unravel_index(row, rows.shape) if rows.shape else ()
        raise checks.probability_error(entry, (*(int(i) for i in where), k))
    row_weight = _ONE if sample_weight is None else sample_weight
    if weight is not None:
        with silent():
            largest = row_weight.max(initial=0.0) * weight
        checks.check_not_huge(largest, "weight times sample_weight")
    factor = 1.0
    if mean:
        total = float(n_rows) if sample_weight is None else float(sample_weight.sum())
        factor, row_weight = _over(total, row_weight)
    if label_smoothing == 0.0:
        return RowForm(row_weight, row_weight, weight, None, factor)
    class_weight = np.ones(n_classes) if weight is None else weight
    smoothing = _smoothing(n_classes, weight, label_smoothing)
    with silent():
        scaled = (1.0 - label_smoothing) * class_weight
    return RowForm(row_weight, row_weight, scaled, smoothing, factor)


def _over(divisor: float, *weights: np.ndarray) -> tuple[Any, ...]:
    """Return 1 / divisor and the weights.

    All are multiplied with powers of two where 1 / divisor would be inf.
    """
    if 0.0 < divisor < MIN_DIVISOR:
        return 1.0 / (divisor * UP), *(w * UP for w in weights)
    return 1.0 / divisor if divisor else 0.0, *weights


def _smoothing(n_classes: int, weight: np.ndarray | None, label_smoothing: float) -> np.ndarray:
    if weight is None:
        return np.full(n_classes, label_smoothing / n_classes)
    with silent():
        return label_smoothing / n_classes * weight


class ElementForm(NamedTuple):
    """What the kernels of a sigmoid loss multiply t and 1 - t with.

    The weights are None where all are 1; else they repeat with a period of `size` elements, or are
    as long as the target. `size` is that of a block: one unit of parallel work and one partial sum.
    `factor` is 0 for a mean over nothing. Elements whose target is `ignore` count nothing.
    """

    positive_weight: np.ndarray | None
    negative_weight: np.ndarray | None
    factor: float
    size: int
    ignore: int | None = None


def plain_element_form(n: int) -> ElementForm:
    """Return the normal form of the mean of n elements without any option."""
    size = max(ELEMENT_BLOCK, -(-n // MAX_ELEMENT_BLOCKS))
    return ElementForm(None, None, 1.0 / n if n else 0.0, size)


def element_form(
    target: Target,
    shape: tuple[int, ...],
    weight: np.ndarray | None,
    pos_weight: np.ndarray | None,
    ignore: int | None,
    mean: bool,
) -> ElementForm:
    """Return the normal form for flat targets (n,) of this shape, after checking their range.

    With w the weight, v the weight of positives and d the number of elements that are not ignored
    (1 without a mean): positive_weight = w v, negative_weight = w and factor = 1 / d.
    """
    n, dtype = target.n, target.data.dtype
    n_ignored = _scan_interval(target, 1.0, math.nan if ignore is None else float(ignore))
    if n_ignored < 0:
        where = np.unravel_index(-1 - n_ignored, shape)
        entry = _entry(target, -1 - n_ignored)
        raise checks.unit_interval_error(entry, tuple(map(int, where)), "target")
    n_kept = n - n_ignored
    factor = (1.0 / n_kept if n_kept else 0.0) if mean else 1.0
    if weight is None and pos_weight is None:
        return plain_element_form(n)._replace(factor=factor, ignore=ignore)
    negative = np.ones(()) if weight is None else weight
    positive = negative
    if pos_weight is not None:
        with silent():
            positive = negative * pos_weight
        checks.check_not_huge(positive, "weight times pos_weight")
    period_shape = np.broadcast_shapes(positive.shape, negative.shape, (1,))
    period = period_shape[-1]
    # One weight for each element; also where they repeat so seldom that a period would be too large
    # a piece of work.
    if math.prod(period_shape[:-1]) != 1 or (period > ELEMENT_BLOCK and n < FEW_PERIODS * period):
        period_shape, repeats, size = shape, 1, ELEMENT_BLOCK
    else:
        repeats = max(1, ELEMENT_BLOCK // max(1, period))
        size = max(1, repeats * period)
    negative_weight = _repeated(negative, period_shape, repeats, dtype)
    positive_weight = negative_weight
    if positive is not negative:
        positive_weight = _repeated(positive, period_shape, repeats, dtype)
    return ElementForm(positive_weight, negative_weight, factor, size, ignore)


def _repeated(x: np.ndarray, shape: tuple[int, ...], repeats: int, dtype: Any) -> np.ndarray:
    with silent():  # a weight that is too small for the dtype is 0
        flat = np.broadcast_to(x, shape).astype(dtype).reshape(-1)
    return np.tile(flat, repeats) if repeats > 1 else flat
