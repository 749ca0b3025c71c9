"""The kernel of elements: what lies across the ends of chunks and blocks."""

import pytest
from numpy.testing import assert_array_equal

import fastce
from fastce._kernels.sigmoid import CHUNK


@pytest.mark.parametrize("n", [1, CHUNK - 1, CHUNK, CHUNK + 1, (1 << 13) + 1])
def test_an_element_has_the_same_bits_wherever_it_stands(rng, n):
    x, t = rng.standard_normal(n), rng.random(n)
    forms = fastce.binary_cross_entropy_with_logits_value_and_grad
    whole = forms(x, t, reduction="none")
    last = forms(x[-1:], t[-1:], reduction="none")
    assert_array_equal(whole[0][-1:], last[0])
    assert_array_equal(whole[1][-1:], last[1])
