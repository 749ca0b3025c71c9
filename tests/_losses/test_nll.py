"""Negative log-likelihood."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce


def test_rows_of_weight_0_are_not_looked_at():
    x = np.array([[-1.0, -2.0], [np.nan, -np.inf], [-3.0, -4.0]])
    value, grad = fastce.nll_loss_value_and_grad(
        x, [0, 1, 1], sample_weight=[1, 0, 2], reduction="none"
    )
    assert_array_equal(value, [1.0, 0.0, 8.0])
    assert_array_equal(grad, [[-1.0, 0.0], [0.0, 0.0], [0.0, -2.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zero_times_minus_infinity_is_zero(dtype):
    log_probs = np.array([[-1, -np.inf], [-np.inf, -2]], dtype)
    assert fastce.nll_loss(log_probs, [0, 1]) == 1.5
    assert fastce.nll_loss(log_probs, [1, 1], weight=[0, 0.5], reduction="sum") == np.inf
    assert fastce.nll_loss(log_probs, [0, 0], weight=[0, 0.5], reduction="sum") == 0.0
    assert fastce.nll_loss(log_probs, [0, 0], sample_weight=[1, 0]) == 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_dimensional_log_probabilities(dtype, rng):
    x = rng.standard_normal(5).astype(dtype)
    assert fastce.nll_loss(x, 2) == -float(x[2])


def test_messages_name_log_probs():
    with pytest.raises(TypeError, match="log_probs must be an array of float16"):
        fastce.nll_loss(np.zeros((3, 4), complex), [0, 0, 0])
    x = np.zeros((3, 4))
    with pytest.raises(ValueError, match="out must be log_probs itself or not overlap it"):
        fastce.nll_loss_value_and_grad(x, [0, 0, 0], out=x[::-1])
