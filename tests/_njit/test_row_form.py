"""The compiled normal form of rows beside the one of Python."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastce._core.layout import Rows, as_target
from fastce._losses import weights
from fastce._njit.row_form import check_labels, index_form, probability_form

N, K = 300, 5
ROWS = Rows((N,), K, (N, K), 1, np.dtype(np.float64))
NONE = np.empty(0)


def absent_as_none(form):
    return [NONE if x is None else x for x in form]


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("which", ["", "w", "s", "ws"])
@pytest.mark.parametrize("scale", [1.0, 1e-310, 0.0])
def test_the_numbers_are_those_of_weights(mean, smoothing, which, scale, rng):
    y, q = rng.integers(0, K, N), rng.random((N, K))
    w = rng.random(K) if "w" in which else None
    s = scale * rng.random(N) if "s" in which else None
    given = [NONE if x is None else x for x in (w, s)]
    for ignore in (-100, 1):
        want = weights.index_form(y, ROWS, w, s, ignore, smoothing, mean)
        got = index_form(y, K, *given, ignore, smoothing, mean)
        parts = want.target_weight, want.sample_weight, want.smoothing, want.factor
        for one, other in zip(got, absent_as_none(parts), strict=True):
            assert_array_equal(one, other)
    want = weights.probability_form(as_target(q, q.dtype), ROWS, w, s, smoothing, mean)
    got = probability_form(q, *given, smoothing, mean)
    parts = want.target_weight, want.scaled_class_weight, want.smoothing, want.factor
    for one, other in zip(got, absent_as_none(parts), strict=True):
        assert_array_equal(one, other)


def test_labels_are_counted():
    assert check_labels(np.array([0, -100, 2, -100]), 3, -100) == 2
    with pytest.raises(ValueError, match="target must be class indices"):
        check_labels(np.array([0, 3]), 3, -100)


def test_huge_products_are_refused():
    huge = np.full(K, 1e38)
    with pytest.raises(ValueError, match="weight times sample_weight must be at most"):
        index_form(np.zeros(N, int), K, huge, np.full(N, 1e38), -100, 0.0, True)
    with pytest.raises(ValueError, match="weight times sample_weight must be at most"):
        probability_form(np.ones((N, K)), huge, np.full(N, 1e38), 0.0, True)
