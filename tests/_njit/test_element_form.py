"""The compiled normal form of elements beside the one of Python."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastce._core.layout import as_target
from fastce._losses import weights
from fastce._njit.element_form import block_size, count_ignored, element_form

SHAPE = 40, 300


@pytest.mark.parametrize("shapes", [((300,), ()), ((40, 1), (300,)), (SHAPE, ()), ((), (1, 1))])
def test_the_weights_are_those_of_weights(shapes, rng):
    w, v = (rng.random(shape) for shape in shapes)
    x = np.zeros(SHAPE)
    want = weights.element_form(as_target(x[..., None], x.dtype, True), SHAPE, w, v, None, False)
    positive, negative, size = element_form(x, np.atleast_2d(w), np.atleast_2d(v))
    assert size == want.size
    for got, other in ((positive, want.positive_weight), (negative, want.negative_weight)):
        assert_array_equal(got, np.resize(other, got.size))


@pytest.mark.parametrize("n", [0, 100, 10**6, 10**8])
@pytest.mark.parametrize("period", [1, 10, 300, 9000])
def test_blocks_are_those_of_weights(n, period):
    assert block_size(n, 1, 1, False) == weights.plain_element_form(n).size
    if 0 < n < 10**7 and n % period == 0:
        x = np.zeros(n)
        form = weights.element_form(
            as_target(x[:, None], x.dtype, True),
            (n // period, period),
            np.ones(period),
            None,
            None,
            False,
        )
        assert block_size(n, 1, period, True) == form.size


def test_ignored_targets_are_counted():
    assert count_ignored(np.array([0.0, 5.0, 1.0]), True, 5.0) == 1
    with pytest.raises(ValueError, match="target must be from 0 to 1"):
        count_ignored(np.array([0.0, 5.0, 1.0]), False, 5.0)
