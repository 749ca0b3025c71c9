"""Options to the normal form."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastce._core.layout import Rows, Target
from fastce._losses import weights

ROWS = Rows((4,), 3, (4, 3), 1, np.dtype(float))
Y = np.array([0, 2, -1, 1])


def test_class_indices():
    w, s = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5, 7.0, 2.0])
    form = weights.index_form(Y, ROWS, w, s, -1, 0.1, mean=True)
    assert_allclose(form.target_weight, 0.9 * np.array([1, 1.5, 0, 4]))
    assert_array_equal(form.sample_weight, [1, 0.5, 0, 2])
    assert form.scaled_class_weight is None
    assert_allclose(form.smoothing, 0.1 / 3 * w)
    assert form.factor == 1 / 6.5


def test_what_is_absent_is_none():
    form = weights.index_form(np.array([0, 1, 2, 0]), ROWS, None, None, -100, 0.0, mean=True)
    assert form == weights.plain_row_form(4)
    assert form.smoothing is form.scaled_class_weight is None
    q = np.full((4, 3), 0.2)
    form = weights.probability_form(Target(q), ROWS, None, None, 0.0, mean=False)
    assert form.smoothing is form.scaled_class_weight is None
    assert form.factor == 1.0


def test_probabilities():
    w, s = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5, 7.0, 2.0])
    form = weights.probability_form(Target(np.full((4, 3), 0.2)), ROWS, w, s, 0.1, mean=True)
    assert_array_equal(form.target_weight, s)
    assert_allclose(form.scaled_class_weight, 0.9 * w)
    assert form.factor == 1 / 10.5
    bad = np.full((4, 3), 0.2)
    bad[1, 2] = -1
    with pytest.raises(ValueError, match=r"got -1.0 at index \(1, 2\)"):
        weights.probability_form(Target(bad), ROWS, None, None, 0.0, mean=True)


def test_a_mean_over_nothing_has_factor_0():
    form = weights.index_form(np.full(4, -1), ROWS, None, None, -1, 0.0, mean=True)
    assert form.factor == 0.0
    assert weights.plain_element_form(0).factor == 0.0


def test_small_sums_of_weights_have_a_finite_inverse():
    s = np.full(4, 5e-324)
    form = weights.index_form(np.zeros(4, int), ROWS, None, s, -1, 0.0, mean=True)
    assert math.isfinite(form.factor)
    assert_allclose(form.sample_weight * form.factor, 0.25)


def test_elements():
    t = np.array([0.0, 1.0, -1.0, 0.5, 1.0, 0.0])
    w, v = np.array([1.0, 2.0, 3.0]), np.array(2.0)
    form = weights.element_form(Target(t), (2, 3), w, v, -1, mean=True)
    assert form.factor == 1 / 5
    assert form.ignore == -1
    assert form.size % 3 == 0
    assert form.negative_weight.size == form.size
    assert_array_equal(form.negative_weight[:6], [1, 2, 3, 1, 2, 3])
    assert_array_equal(form.positive_weight, 2 * form.negative_weight)
    form = weights.element_form(Target(t), (2, 3), np.ones((2, 1)), None, -1, mean=False)
    assert form.positive_weight is form.negative_weight
    assert form.negative_weight.size == 6
