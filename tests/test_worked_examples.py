"""The worked examples that PyTorch's tutorials and forum print, to the digits they print."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fastce

LOGITS = np.array(
    [
        [0.3703, -0.1607, -0.7473, -2.2135],
        [0.6929, -0.2042, -0.7660, -0.3613],
        [-0.3363, 0.6417, 0.3103, 0.3132],
    ]
)


def test_four_classes():
    assert round(fastce.cross_entropy([[0, 1, 2, 3]], [3]), 4) == 0.4402


@pytest.mark.parametrize(
    ("target", "value", "grad", "digits"),
    [
        ([0.6004, 0.3339, 0.0657], 1.0986, [-0.2670, -0.0006, 0.2676], 4),
        ([0, 18.980, 7.7549e-14], 20.852, [6.327, -12.653, 6.327], 3),  # does not sum to 1
    ],
)
def test_probability_targets(target, value, grad, digits):
    got, got_grad = fastce.cross_entropy_value_and_grad(np.ones(3), np.array(target))
    assert_allclose(got, value, rtol=0, atol=0.6 * 10.0**-digits)
    assert_allclose(
        got_grad, grad, rtol=0, atol=1.1 * 10.0**-digits
    )  # the target itself is printed with four digits


def test_class_weight():
    assert (
        round(fastce.cross_entropy([[1.3, 2.0], [1.3, 2.0]], [1, 1], weight=[1.3, 2.0]), 4)
        == 0.4032
    )


def test_pos_weight():
    value = fastce.binary_cross_entropy_with_logits(
        np.ones((2, 3)), np.ones((2, 3)), pos_weight=np.ones(3)
    )
    assert round(value, 4) == 0.3133


def test_three_ways_to_one_loss():
    target = [0, 1, 2]
    assert round(fastce.cross_entropy(LOGITS, target), 4) == 1.2130
    assert round(fastce.nll_loss(fastce.log_softmax(LOGITS), target), 4) == 1.2130
    assert round(float(-np.log(fastce.softmax(LOGITS)[np.arange(3), target]).mean()), 4) == 1.2130


def test_logistic_model():
    logits = np.array([-3.37705665, -2.29738492, -0.65314827, -0.307472, 0.53998383, -0.40606014])
    target = np.array([0.0, 0, 0, 1, 1, 1])
    probs = fastce.sigmoid(logits)
    assert_allclose(
        probs,
        [0.03302025, 0.09133977, 0.34228043, 0.42373191, 0.63180866, 0.3998572],
        rtol=0,
        atol=6e-9,
    )
    assert_allclose(fastce.binary_cross_entropy(probs, target), 0.46380153, rtol=0, atol=6e-9)
    assert_allclose(
        fastce.binary_cross_entropy_with_logits(logits, target), 0.46380153, rtol=0, atol=6e-9
    )
