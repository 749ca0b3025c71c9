"""The kernel of all options agrees with that of class indices where there are none."""

import numpy as np
from numpy.testing import assert_allclose

import fastce


def test_probabilities_of_one_class_are_its_index(rng):
    x, y = rng.standard_normal((200, 6)), rng.integers(0, 6, 200)
    index = fastce.cross_entropy_value_and_grad(x, y)
    general = fastce.cross_entropy_value_and_grad(x, np.eye(6)[y])
    assert_allclose(general[0], index[0], rtol=1e-14)
    assert_allclose(general[1], index[1], rtol=1e-13, atol=1e-18)
