"""logsumexp, softmax and log_softmax in compiled code, beside the same from Python."""

import numpy as np
import pytest
from hypothesis import given
from inside import check_same, compiled, logits
from numba.core.errors import TypingError
from numpy.testing import assert_array_equal

import fastce


@compiled
def of_matrices(x):
    return (
        fastce.softmax(x),
        fastce.log_softmax(x, axis=-1),
        fastce.logsumexp(x),
        fastce.logsumexp(x, axis=1, keepdims=True),
    )


@compiled
def of_vectors(x):
    return (
        fastce.softmax(x),
        fastce.log_softmax(x, axis=0),
        fastce.logsumexp(x),
        fastce.logsumexp(x, keepdims=True),
    )


@given(x=logits())
def test_rows_are_those_of_python(x):
    check_same(of_matrices, x)
    for row in x[:3]:
        check_same(of_vectors, row)


@compiled
def in_place(x):
    fastce.softmax(x, out=x)


@compiled
def into(x, out):
    return fastce.softmax(x, out=out), fastce.log_softmax(x, out=out)


def test_out_is_written(rng):
    x = rng.standard_normal((5, 3))
    want, out = fastce.softmax(x), np.empty((5, 3))
    first, second = into(x, out)
    assert first.ctypes.data == second.ctypes.data == out.ctypes.data
    assert_array_equal(out, fastce.log_softmax(x))
    in_place(x)
    assert_array_equal(x, want)


def test_out_must_fit(rng):
    x = rng.standard_normal((5, 3))
    with pytest.raises(ValueError, match="out must have the shape of the input"):
        into(x, np.empty((5, 2)))
    memory = np.zeros(18)
    with pytest.raises(ValueError, match="out must be the input itself or not overlap it"):
        into(memory[:15].reshape(5, 3), memory[3:].reshape(5, 3))
    assert not memory.any()


def test_empty_rows():
    x = np.empty((2, 0))
    got = of_matrices(x)
    assert got[0].shape == got[1].shape == (2, 0)
    assert_array_equal(got[2], [-np.inf, -np.inf])


def test_keepdims_is_a_literal(rng):
    @compiled
    def call(x, keepdims):
        return fastce.logsumexp(x, keepdims=keepdims)

    with pytest.raises(TypingError, match="keepdims must be written as True or False"):
        call(rng.random((2, 3)), True)
