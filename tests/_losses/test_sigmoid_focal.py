"""Sigmoid focal loss: alpha, and the limit of gamma; test_focal has what both losses share."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fastce


def test_alpha_weighs_positives_and_its_rest_negatives(rng):
    x, t = rng.standard_normal(50), rng.integers(0, 2, 50).astype(float)
    plain = fastce.sigmoid_focal_loss(x, t, alpha=None, reduction="none")
    weighed = fastce.sigmoid_focal_loss(x, t, alpha=0.7, reduction="none")
    assert_allclose(weighed, np.where(t == 1, 0.7, 0.3) * plain, rtol=1e-14)


def test_options_out_of_range():
    with pytest.raises(ValueError, match="alpha must be from 0 to 1"):
        fastce.sigmoid_focal_loss([0.0], [1.0], alpha=2)
    with pytest.raises(ValueError, match=r"gamma must be at most 1e.18"):
        fastce.sigmoid_focal_loss([0.0], [1.0], gamma=1e19)
