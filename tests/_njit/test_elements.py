"""Binary cross-entropy of logits in compiled code, beside the same from Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inside import check_same, compiled, logits
from numba.core.errors import TypingError

import fastce

SEEDS = st.integers(0, 2**32 - 1)
# Few columns and many, beyond the longest block as well.
SHAPES = st.sampled_from([(0, 3), (5, 3), (3000, 10), (2, 9001)])


@compiled
def plain(x, t):
    value, grad = fastce.binary_cross_entropy_with_logits_value_and_grad(x, t)
    return value, grad, fastce.binary_cross_entropy_with_logits(x, t, reduction="none")


@compiled
def weighted(x, t, w, v, ignore_index):
    return fastce.binary_cross_entropy_with_logits_value_and_grad(
        x, t, weight=w, pos_weight=v, ignore_index=ignore_index, reduction="sum"
    )


@compiled
def unreduced(x, t, v):
    return fastce.binary_cross_entropy_with_logits_value_and_grad(
        x, t, pos_weight=v, reduction="none"
    )


@compiled
def ignoring(x, t):
    return fastce.binary_cross_entropy_with_logits(x, t, ignore_index=-1)


@given(x=logits(shapes=SHAPES), seed=SEEDS)
def test_elements(x, seed):
    check_same(plain, x, np.random.default_rng(seed).random(x.shape))


@given(x=logits(special=False, shapes=SHAPES), seed=SEEDS, shape=st.sampled_from("ce"))
def test_weights(x, seed, shape):
    """Of columns beside such of rows, or of elements."""
    x, rng = x.astype(np.float64), np.random.default_rng(seed)
    t = np.where(rng.random(x.shape) < 0.1, 2, rng.random(x.shape))
    v = rng.random(x.shape[1] if shape == "c" else (x.shape[0], 1))
    check_same(weighted, x, t, rng.random(x.shape[1]), v, 2)


def test_numbers_as_weights_integers_and_booleans_as_targets(rng):
    x, t = rng.standard_normal((70, 10)), rng.random((70, 10)) < 0.5
    check_same(unreduced, x, t, 2.5)
    check_same(ignoring, x[0], t[0].astype(np.int8) - (x[0] > 1))


def test_bad_input_raises(rng):
    x, t, w = rng.standard_normal((4, 3)), rng.random((4, 3)), np.ones(3)
    with pytest.raises(ValueError, match="target must be from 0 to 1"):
        plain(x, t + 1)
    with pytest.raises(ValueError, match="target must have the shape of the logits"):
        plain(x, t[:3])
    for bad, words in ((-w, "weight must be finite, not negative"), (w[:2], "must broadcast")):
        with pytest.raises(ValueError, match=words):
            weighted(x, t, w, bad, 2)
        with pytest.raises(ValueError, match=words):
            weighted(x, t, bad, w, 2)
    with pytest.raises(ValueError, match="weight times pos_weight must be at most"):
        weighted(x, t, 1e30 * w, 1e30 * w, 2)


REFUSED = {
    "target must be a 2-D array of numbers or booleans": lambda x: (
        fastce.binary_cross_entropy_with_logits(x, x[0])
    ),
    "pos_weight must be None or a number or a 1-D or 2-D array": lambda x: (
        fastce.binary_cross_entropy_with_logits(x, x, pos_weight=[1.0, 2.0])
    ),
    "ignore_index must be an integer": lambda x: fastce.binary_cross_entropy_with_logits(
        x, x, ignore_index=0.5
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_compiled_code_does_not_support_is_refused(message, rng):
    with pytest.raises(TypingError, match=message):
        compiled(REFUSED[message])(rng.random((4, 3)))
