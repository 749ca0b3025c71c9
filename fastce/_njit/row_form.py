"""The normal form of the options of cross-entropy, as `fastce._losses.weights` makes it, compiled.

What is absent is an array of size 0. The operations and their order are those of `weights`, so that
the numbers have the same bits; only the errors say less, because the message of an exception is a
constant in compiled code.
"""

import numpy as np

from .._core.checks import LARGEST_WEIGHT
from .._core.jit import elementwise
from .._kernels.sums import pairwise_sum
from .._losses.weights import MIN_DIVISOR, UP


@elementwise
def check_weights(weights, rule):
    """Raise ValueError for weights that are negative, NaN or beyond float32."""
    for i in range(weights.size):
        if not 0.0 <= weights[i] <= LARGEST_WEIGHT:
            raise ValueError(rule)


@elementwise
def _scaled(weights, factor):
    out = np.empty(weights.size)
    for i in range(weights.size):
        out[i] = weights[i] * factor
    return out


@elementwise
def _smoothing(n_classes, class_weight, label_smoothing):
    out = np.empty(n_classes if label_smoothing != 0.0 else 0)
    share = label_smoothing / n_classes
    for k in range(out.size):
        out[k] = share * (class_weight[k] if class_weight.size else 1.0)
    return out


@elementwise
def _factor(divisor, mean):
    # 1 / divisor, and what it and the weights are multiplied with where that would be inf
    up = UP if mean and 0.0 < divisor < MIN_DIVISOR else 1.0
    if not mean:
        return 1.0, up
    return (1.0 / (divisor * up) if divisor != 0.0 else 0.0), up


@elementwise
def check_labels(labels, n_classes, ignore_index):
    """Return how many labels are ignored, after checking the others."""
    n_ignored = 0
    for i in range(labels.size):
        if labels[i] == ignore_index:
            n_ignored += 1
        elif labels[i] < 0 or labels[i] >= n_classes:
            raise ValueError(
                "target must be class indices from 0 to the number of classes - 1 (or ignore_index)"
            )
    return n_ignored


@elementwise
def _weighted(labels, class_weight, row_weight, ignore_index):
    # class_weight and row_weight have been checked; row_weight becomes 0 where a row is ignored
    out = np.empty(labels.size)
    for i in range(labels.size):
        kept = labels[i] != ignore_index
        row_weight[i] = row_weight[i] * (1.0 if kept else 0.0)
        one = class_weight[labels[i] if kept else 0] if class_weight.size else 1.0
        out[i] = row_weight[i] * one
    return out


@elementwise
def index_form(labels, n_classes, class_weight, sample_weight, ignore_index, label_smoothing, mean):
    """Return target_weight, sample_weight, smoothing and factor of class indices (n,) int64."""
    n_ignored = check_labels(labels, n_classes, ignore_index)
    if class_weight.size or sample_weight.size or n_ignored:
        row_weight = sample_weight.copy() if sample_weight.size else np.ones(labels.size)
        target_weight = _weighted(labels, class_weight, row_weight, ignore_index)
        check_weights(target_weight, "weight times sample_weight must be at most 3.4e38")
        divisor = pairwise_sum(target_weight)
    else:
        row_weight = target_weight = np.ones(1)
        divisor = float(labels.size)
    factor, up = _factor(divisor, mean)
    if up != 1.0:
        row_weight, target_weight = _scaled(row_weight, up), _scaled(target_weight, up)
    if label_smoothing != 0.0:
        target_weight = _scaled(target_weight, 1.0 - label_smoothing)
    smoothing = _smoothing(n_classes, class_weight, label_smoothing)
    return target_weight, row_weight, smoothing, factor


@elementwise
def probability_form(target, class_weight, sample_weight, label_smoothing, mean):
    """Return weights of rows, scaled_class_weight, smoothing and factor of probabilities (n, K)."""
    n_rows, n_classes = target.shape
    largest = np.finfo(target.dtype).max
    for i in range(n_rows):
        for k in range(n_classes):
            if not 0 <= target[i, k] <= largest:
                raise ValueError("target must be finite and not negative")
    row_weight = sample_weight if sample_weight.size else np.ones(1)
    if class_weight.size:
        most = row_weight.max() if row_weight.size else 0.0
        rule = "weight times sample_weight must be at most 3.4e38"
        check_weights(_scaled(class_weight, most), rule)
    divisor = pairwise_sum(sample_weight) if sample_weight.size else float(n_rows)
    factor, up = _factor(divisor, mean)
    if up != 1.0:
        row_weight = _scaled(row_weight, up)
    smoothing = _smoothing(n_classes, class_weight, label_smoothing)
    if label_smoothing != 0.0:
        scaled = _scaled(
            class_weight if class_weight.size else np.ones(n_classes), 1.0 - label_smoothing
        )
    else:
        scaled = class_weight
    return row_weight, scaled, smoothing, factor
