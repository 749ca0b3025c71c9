"""Value and gradient of blocks of rows in fits: those of the public form."""

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_array_equal

import fastce
from fastce._kernels.fitted_rows import rows_value_and_grad


@njit
def call(logits, target, weight, sample_weight, smoothing, grad, work):
    nothing = work[0, :0]
    return rows_value_and_grad(
        logits, target, weight, sample_weight, nothing, smoothing, nothing, grad, work
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_is_the_sum_of_the_public_form(smoothing, rng):
    logits, target = rng.standard_normal((30, 4)), rng.integers(0, 4, 30)
    grad, work = np.empty_like(logits), np.empty((11, 64))
    share = np.full(4, smoothing / 4) if smoothing else None
    value = call(logits, target, np.full(1, 1 - smoothing), np.ones(1), share, grad, work)
    expected, expected_grad = fastce.cross_entropy_value_and_grad(
        logits, target, label_smoothing=smoothing, reduction="sum"
    )
    assert value == expected
    assert_array_equal(grad, expected_grad)
