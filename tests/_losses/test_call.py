"""A checked call: the fast way accepts exactly the calls for which the long way changes nothing."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from fastce._losses import _call, _forms
from fastce._losses._call import ElementOptions, RowOptions, check_elements, check_rows
from fastce._losses._evaluate import evaluate_elements, evaluate_rows


def laid_out(x, layout):
    if layout == "fortran":
        return np.asfortranarray(x)
    if layout == "step":
        return np.repeat(x, 2, axis=-1)[..., ::2]
    if layout == "read-only":
        x = x.copy()
        x.flags.writeable = False
    if layout == "unaligned":
        memory = np.empty(x.nbytes + 1, np.uint8)
        y = memory[1:].view(x.dtype).reshape(x.shape)
        y[...] = x
        return y
    return x


LAYOUTS = st.sampled_from(["plain", "plain", "fortran", "step", "read-only", "unaligned"])


@st.composite
def calls(draw):
    """Return logits, target, outs and whether the target is labels; most calls are nearly plain."""
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    shape = draw(st.sampled_from([(3, 4), (1, 1), (5, 2), (0, 3), (4,), (2, 3, 2)]))
    dtype = draw(st.sampled_from([np.float32, np.float64, np.float16, np.int64, ">f8"]))
    logits = laid_out((9 * rng.standard_normal(shape)).astype(dtype), draw(LAYOUTS))
    labels = draw(st.booleans())
    if labels:
        target = rng.integers(0, shape[-1], shape[:-1])
        target = target.astype(draw(st.sampled_from([np.int64, np.int64, np.int32, np.uint8])))
        if draw(st.integers(0, 4)) == 0:
            target[...] = np.array(draw(st.sampled_from([0, -1, 100, -100]))).astype(target.dtype)
    else:
        target = rng.random(shape).astype(draw(st.sampled_from([dtype, np.float64])))
        if draw(st.integers(0, 4)) == 0:
            target[...] = draw(st.sampled_from([0, 1, 2]))
    target = laid_out(target, draw(LAYOUTS))
    kind = draw(st.sampled_from(["none", "new", "logits", "target", "part", "shape", "dtype"]))
    out = {
        "none": None,
        "new": np.empty(shape, logits.dtype),
        "logits": logits,
        "target": target,
        "part": logits[..., ::-1],
        "shape": np.empty((*shape, 2), logits.dtype),
        "dtype": np.empty(shape, np.complex64),
    }[kind]
    return logits, target, out, labels


def long_way(logits, target, out, labels):
    """Return the call as the checks make it, without the fast way; None if they refuse it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_call, "_is_plain", lambda *args, **kwargs: False)
        try:
            return made(logits, target, out, labels)
        except (TypeError, ValueError):
            return None


def made(logits, target, out, labels):
    if labels:
        return check_rows(logits, target, RowOptions(), evaluate_rows, outs=(out,))
    return check_elements(logits, target, ElementOptions(), evaluate_elements, outs=(out,))


def is_memory_of(x, source):
    """Tell whether `x` is the memory of `source`, not an alias of it that hides a flag."""
    return (
        x.dtype == source.dtype
        and x.size == source.size
        and source.flags.carray
        and x.__array_interface__["data"] == source.__array_interface__["data"]
    )


ONE = np.array([[0.25]])


@given(calls())
@example((ONE, ONE + 0.5, ONE[..., ::-1], False))
def test_the_fast_way_takes_exactly_the_calls_that_checks_leave_alone(call):
    logits, target, out, labels = call
    long = long_way(*call)
    unchanged = (
        long is not None
        and logits.size > 0  # nothing to win there
        and logits.dtype.type in (np.float32, np.float64)
        and is_memory_of(long.layout.data, logits)
        and is_memory_of(long.target.data, target)
        and (out is None or out.flags.carray)
        and (not labels or logits.ndim == 2)  # else the rows have another shape than the logits
        and (not labels or long.form.target_weight.size == 1)
    )
    assert _call._is_plain(logits, target, (out,), labels) == unchanged
    if unchanged:
        short = made(*call)
        for name in ("data", "source"):
            assert getattr(short.layout, name).__array_interface__ == (
                getattr(long.layout, name).__array_interface__
            )
        assert short.layout[3:] == long.layout[3:]
        assert short.layout.view is long.layout.view is None
        assert short.form._replace(**dict.fromkeys(weights(short))) == long.form._replace(
            **dict.fromkeys(weights(long))
        )
        assert short.unreduced == long.unreduced
        assert short.evaluate is long.evaluate


def weights(call):
    names = [name for name in call.form._fields if name.endswith("_weight")]
    for name in names:
        x = getattr(call.form, name)
        assert x is None or x.tolist() == [1.0]
    return names


@pytest.mark.parametrize("labels", [True, False])
def test_both_ways_give_the_same_bits(rng, labels):
    x = rng.standard_normal((70, 5)).astype(np.float32)
    target = rng.integers(0, 5, 70) if labels else rng.random((70, 5)).astype(np.float32)
    assert _call._is_plain(x, target, (None,), labels)
    short = _forms.value_and_grad(made(x, target, None, labels))
    long = _forms.value_and_grad(long_way(x, target, None, labels))
    assert short[0] == long[0]
    assert_array_equal(short[1], long[1])


def test_derivatives_of_a_pair_go_the_long_way():
    x = np.zeros((3, 4))
    assert not _call._is_plain(x, np.zeros(3, int), (None, None), True)
    assert _call._is_plain(x, np.zeros(3, int), (), True)


def test_outs_are_named_by_their_place():
    x, y = np.zeros((3, 4)), np.zeros(3, int)
    with pytest.raises(ValueError, match=r"^out must have shape"):
        check_rows(x, y, RowOptions(), evaluate_rows, outs=(np.empty(2),))
    with pytest.raises(ValueError, match=r"^out\[1\] must have shape"):
        check_rows(x, y, RowOptions(), evaluate_rows, outs=(None, np.empty(2)))
    with pytest.raises(ValueError, match=r"^out\[1\] must not overlap logits"):
        check_rows(x, y, RowOptions(), evaluate_rows, outs=(None, x))
