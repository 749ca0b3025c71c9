"""Cross-entropy in compiled code, beside the same from Python."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inside import check_same, compiled, logits
from numba.core.errors import TypingError
from numpy.testing import assert_array_equal

import fastce


@compiled
def plain(x, y):
    value, grad = fastce.cross_entropy_value_and_grad(x, y)
    return value, grad, fastce.cross_entropy(x, y, reduction="none")


@compiled
def weighted(x, y, w, s):
    return fastce.cross_entropy_value_and_grad(
        x, y, weight=w, sample_weight=s, ignore_index=1, reduction="mean"
    )


@compiled
def smoothed(x, y, w, s, e, z):
    return fastce.cross_entropy_value_and_grad(
        x, y, weight=w, sample_weight=s, label_smoothing=e, z_loss=z, reduction="sum"
    )


@compiled
def soft(x, q, w, s, e):
    return fastce.cross_entropy_value_and_grad(
        x, q, weight=w, sample_weight=s, label_smoothing=e, reduction="none"
    )


SEEDS = st.integers(0, 2**32 - 1)


@given(x=logits(), seed=SEEDS)
def test_labels(x, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, x.shape[1], x.shape[0])
    y[rng.random(y.size) < 0.1] = -100
    check_same(plain, x, y)


@given(x=logits(), seed=SEEDS, scale=st.sampled_from([1.0, 1e-310, 0.0]))
def test_weights(x, seed, scale):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, x.shape[1], x.shape[0])
    w, s = rng.random(x.shape[1]), scale * rng.random(x.shape[0])
    check_same(weighted, x, y, w, s)


@given(x=logits(special=False), seed=SEEDS, e=st.sampled_from([0.0, 0.1]))
def test_smoothing_and_z_loss(x, seed, e):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, x.shape[1], x.shape[0])
    w, s = rng.random(x.shape[1]), rng.random(x.shape[0])
    check_same(smoothed, x, y, w, s, e, 0.0)
    check_same(smoothed, x, y, w, s, e, 0.01)


@given(x=logits(), seed=SEEDS, e=st.sampled_from([0.0, 0.1]))
def test_probabilities(x, seed, e):
    rng = np.random.default_rng(seed)
    w, s = rng.random(x.shape[1]), rng.random(x.shape[0])
    check_same(soft, x, rng.random(x.shape), w, s, e)


@compiled
def value(x, y):
    return fastce.cross_entropy(x, y)


def test_labels_of_another_dtype_probabilities_and_single_rows(rng):
    x, q = 5 * rng.standard_normal((70, 10)), rng.random(10).astype(np.float32)
    check_same(value, x, rng.integers(0, 10, 70).astype(np.int32))
    for row in x[:5]:
        check_same(value, row, int(rng.integers(10)))
        check_same(value, row, q)


def test_a_target_beyond_the_dtype_of_the_logits_is_refused():
    with pytest.raises(ValueError, match="target must be within the range of the dtype"):
        value(np.zeros((1, 2), np.float32), np.array([[1e300, 0.0]]))


@compiled
def value_of_a_row(x, y):
    return fastce.cross_entropy(x, y, reduction="none")


def test_the_unreduced_loss_of_a_row_is_a_number(rng):
    x = rng.standard_normal(7).astype(np.float32)
    assert value_of_a_row(x, 3) == fastce.cross_entropy(x, 3, reduction="none")[()]
    (signature,) = value_of_a_row.nopython_signatures
    assert signature.return_type == numba.float32


@numba.njit(parallel=True, fastmath=True)
def in_parallel(x, y, values, grad):
    for i in numba.prange(x.shape[0]):
        value, _ = fastce.cross_entropy_value_and_grad(x[i], y[i], out=grad[i])
        values[i] = value


def test_calls_may_stand_in_a_prange(rng):
    x = 5 * rng.standard_normal((500, 10))
    x[3, 3], x[4] = np.nan, -np.inf
    y, values, grad = rng.integers(0, 10, 500), np.empty(500), np.empty_like(x)
    in_parallel(x, y, values, grad)
    want = fastce.cross_entropy_value_and_grad(x, y, reduction="none")
    assert_array_equal(values, want[0])
    assert_array_equal(grad, want[1])


@compiled
def in_place(x, y):
    return fastce.cross_entropy_value_and_grad(x, y, out=x)[0]


def test_the_gradient_may_take_the_place_of_the_logits(rng):
    x, y = rng.standard_normal((70, 10)), rng.integers(0, 10, 70)
    value, grad = fastce.cross_entropy_value_and_grad(x, y)
    assert in_place(x, y) == value
    assert_array_equal(x, grad)


def test_bad_input_raises_before_anything_is_written(rng):
    x, y = rng.standard_normal((4, 3)), np.array([0, 1, 2, 0])
    before, s, w = x.copy(), np.ones(4), np.ones(3)
    for bad in (3, -1):
        with pytest.raises(ValueError, match="target must be class indices from 0"):
            in_place(x, np.array([0, 1, bad, 0]))
    with pytest.raises(ValueError, match="one class index for each row"):
        in_place(x, y[:3])
    with pytest.raises(ValueError, match="logits must have at least one class"):
        plain(np.empty((4, 0)), y)
    with pytest.raises(ValueError, match="weight must have one number for each class"):
        weighted(x, y, np.ones(4), s)
    with pytest.raises(ValueError, match="sample_weight must have one number for each row"):
        weighted(x, y, w, np.ones(3))
    with pytest.raises(ValueError, match="weight must be finite, not negative"):
        weighted(x, y, np.array([1.0, np.nan, 1.0]), s)
    with pytest.raises(ValueError, match="sample_weight must be finite, not negative"):
        weighted(x, y, w, -s)
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to 1"):
        smoothed(x, y, w, s, 1.5, 0.0)
    with pytest.raises(ValueError, match="z_loss must be finite and not negative"):
        smoothed(x, y, w, s, 0.5, np.inf)
    with pytest.raises(ValueError, match="target must be finite and not negative"):
        soft(x, -np.ones((4, 3)), w, s, 0.0)
    with pytest.raises(ValueError, match="target must have the shape of the logits"):
        soft(x, np.ones((4, 2)), w, s, 0.0)
    assert_array_equal(x, before)


REFUSED = {
    "target must be a 1-D array of integers": lambda x, y: fastce.cross_entropy(x, 3),
    "target must be a 1-D array of integers, one": lambda x, y: fastce.cross_entropy(x, y > 0),
    "target must be an integer": lambda x, y: fastce.cross_entropy(x[0], y),
    "ignore_index must be left alone": lambda x, y: fastce.cross_entropy(x, x, ignore_index=2),
    "ignore_index must be an integer": lambda x, y: fastce.cross_entropy(x, y, ignore_index=2.0),
    "label_smoothing must be a number": lambda x, y: fastce.cross_entropy(
        x, y, label_smoothing="a"
    ),
    "weight must be None or a 1-D array": lambda x, y: fastce.cross_entropy(x, y, weight=x),
    "sample_weight must be None or a 1-D": lambda x, y: fastce.cross_entropy(
        x, y, sample_weight=[1.0, 2.0]
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_compiled_code_does_not_support_is_refused(message, rng):
    with pytest.raises(TypingError, match=message):
        compiled(REFUSED[message])(rng.random((4, 3)), np.array([0, 1, 2, 0]))
