"""Binary cross-entropy of probabilities: torch's limits, and the mean."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

import fastce


def test_limits():
    value, grad = fastce.binary_cross_entropy_value_and_grad(
        [0.0, 1.0, 1.0], [1, 0, 1], reduction="none"
    )
    assert_array_equal(value, [100.0, 100.0, 0.0])
    assert_array_equal(grad, [-1e12, 1e12, 0.0])


def test_the_mean_divides_by_the_number_of_elements_whatever_the_weights():
    p, t = np.array([0.25, 0.5]), np.array([1.0, 1.0])
    value, grad = fastce.binary_cross_entropy_value_and_grad(p, t, weight=[3.0, 1.0])
    assert_allclose(value, (3 * np.log(4) + np.log(2)) / 2)
    assert_allclose(grad, [-6.0, -1.0])
    assert np.isnan(fastce.binary_cross_entropy(np.empty(0), np.empty(0)))
