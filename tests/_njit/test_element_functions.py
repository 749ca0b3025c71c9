"""sigmoid and log_sigmoid in compiled code, beside the same from Python."""

import numpy as np
import pytest
from hypothesis import given
from inside import DTYPES, check_same, compiled, logits
from numpy.testing import assert_array_equal

import fastce


@compiled
def of_arrays(x):
    return fastce.sigmoid(x), fastce.log_sigmoid(x)


@given(x=logits())
def test_elements_are_those_of_python(x):
    check_same(of_arrays, x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_is_an_element(dtype):
    for x in (-50.0, -0.0, 0.3, np.inf, np.nan):
        check_same(of_arrays, dtype(x))


@compiled
def in_place(x):
    fastce.sigmoid(x, out=x)


def test_out_may_be_the_input(rng):
    x = 5 * rng.standard_normal(1000)
    want = fastce.sigmoid(x)
    in_place(x)
    assert_array_equal(x, want)
