"""The normal form of the options of binary cross-entropy, as `fastce._losses.weights` makes it.

Weights are as long as the logits here, where outside they may repeat; the blocks, and so the bits
of the sum, are those of outside.
"""

import numpy as np

from .._core.jit import elementwise
from .._losses.weights import ELEMENT_BLOCK, FEW_PERIODS, MAX_ELEMENT_BLOCKS
from .row_form import check_weights


@elementwise
def count_ignored(target, ignoring, ignore):
    """Return how many targets (n,) are ignored, after checking that the others are from 0 to 1."""
    n_ignored = 0
    for i in range(target.size):
        if ignoring and target[i] == ignore:
            n_ignored += 1
        elif not 0 <= target[i] <= 1:
            raise ValueError("target must be from 0 to 1")
    return n_ignored


@elementwise
def block_size(n, lead, period, weighted):
    """Return the elements of a block, of n; weights have the shape (lead, period)."""
    if not weighted:
        return max(ELEMENT_BLOCK, -(-n // MAX_ELEMENT_BLOCKS))
    if lead != 1 or (period > ELEMENT_BLOCK and n < FEW_PERIODS * period):
        return ELEMENT_BLOCK
    return max(1, max(1, ELEMENT_BLOCK // max(1, period)) * period)


@elementwise
def _check_shape(weight, n_rows, n_columns, rule):
    rows_fit = weight.shape[0] in (1, n_rows)
    if not (rows_fit and weight.shape[1] in (1, n_columns)):
        raise ValueError(rule)


@elementwise
def element_form(x, weight, pos_weight):
    """Return the weights of t and 1 - t, as long as the logits x (n, K), and the size of a block.

    weight and pos_weight have two dimensions, and no rows where they are absent, not both.
    """
    n, columns = x.shape
    ones = np.ones((1, 1))
    negative = weight if weight.shape[0] else ones
    positive = pos_weight if pos_weight.shape[0] else ones
    _check_shape(negative, n, columns, "weight must broadcast to the shape of the input")
    _check_shape(positive, n, columns, "pos_weight must broadcast to the shape of the input")
    rule = "weight must be finite, not negative and at most 3.4e38"
    check_weights(negative.reshape(-1), rule)
    rule = "pos_weight must be finite, not negative and at most 3.4e38"
    check_weights(positive.reshape(-1), rule)
    of_positive, of_negative = np.empty((n, columns), x.dtype), np.empty((n, columns), x.dtype)
    product = np.empty(1)
    for i in range(n):
        for k in range(columns):
            low = negative[i % negative.shape[0], k % negative.shape[1]]
            high = positive[i % positive.shape[0], k % positive.shape[1]]
            product[0] = low * high
            check_weights(product, "weight times pos_weight must be at most 3.4e38")
            of_positive[i, k], of_negative[i, k] = product[0], low
    lead = max(negative.shape[0], positive.shape[0])
    period = max(negative.shape[1], positive.shape[1])
    return of_positive.reshape(-1), of_negative.reshape(-1), block_size(x.size, lead, period, True)
