"""logsumexp, softmax, log_softmax, sigmoid, log_sigmoid on any array that NumPy users bring."""

import numpy as np
import pytest
import reference as textbook
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from layouts import LAYOUTS

import fastce

ROWS = ["softmax", "log_softmax"]
FLAT = ["sigmoid", "log_sigmoid"]
ALL = ["logsumexp", *ROWS, *FLAT]
INTEGERS = [bool, np.int8, np.uint16, np.int32, np.uint64]
FLOATS = [np.float16, np.float32, np.float64]


def reference(name, x, axis=-1):
    """Return scipy's answer in float64, NaN and inf included."""
    x = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            return scipy.special.expit(x)
        if name == "log_sigmoid":
            return textbook.log_sigmoid(x).astype(np.float64)
        return getattr(scipy.special, name)(x, axis=axis)


def call(name, x, axis=-1, **options):
    if name in FLAT:
        return getattr(fastce, name)(x, **options)
    return getattr(fastce, name)(x, axis, **options)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 5, 3), (3, 1, 4, 2), (1, 1)])
def test_any_axis_and_layout(name, shape, dtype, rng):
    x = (rng.normal(size=shape) * 4).astype(dtype)
    tolerance = {"rtol": 20 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps}
    for axis in range(-len(shape), len(shape)):
        want = reference(name, x, axis)
        for given_x in (layout(x) for layout in LAYOUTS.values()):
            before = given_x.copy()
            got = call(name, given_x, axis)
            assert got.dtype == dtype
            assert got.shape == want.shape
            np.testing.assert_allclose(got.astype(np.float64), want, **tolerance)
            np.testing.assert_array_equal(given_x, before)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ALL)
def test_integers_count_as_float64(name, dtype):
    x = np.array([[0, 1, 1], [1, 0, 1]], dtype)
    got = call(name, x)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, reference(name, x), rtol=1e-14)
    np.testing.assert_array_equal(call(name, x.tolist()), got)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "bad",
    [
        [1j],
        np.array([1], object),
        np.zeros(2, np.longdouble),
        "abc",
        None,
        {},
        [[1], [2, 3]],
        np.zeros(2, "M8[s]"),
    ],
)
def test_what_is_not_a_real_array_is_refused(name, bad):
    if getattr(bad, "dtype", None) == np.float64:
        pytest.skip("long double is float64 here")
    with pytest.raises((TypeError, ValueError), match="x must"):
        call(name, bad)


@pytest.mark.parametrize("name", ["logsumexp", *ROWS])
def test_axis_is_checked(name):
    x = np.zeros((2, 3))
    for axis in (2, -3):
        with pytest.raises(ValueError, match=f"axis must .*got {axis}"):
            call(name, x, axis)
    for axis in (1.0, "1", (0, 1.0), [0, 1]):
        with pytest.raises(TypeError, match="axis must"):
            call(name, x, axis)
    with pytest.raises(ValueError, match="x must have at least one dimension"):
        call(name, 3.0)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*ROWS, *FLAT])
@pytest.mark.parametrize("axis", [0, 1])
def test_out_is_returned_and_may_be_x(name, axis, dtype, rng):
    for n in (3, 40):
        x = rng.normal(size=(5, n)).astype(dtype)
        want = call(name, x, axis)
        for given_x in (layout(x) for layout in LAYOUTS.values()):
            for out in (
                np.empty_like(x),
                np.empty((n, 5), dtype).T,
                np.empty((10, 2 * n), dtype)[::2, ::-2],
            ):
                assert call(name, given_x, axis, out=out) is out
                np.testing.assert_array_equal(out, want)
            if given_x.flags.writeable and given_x.dtype.isnative:
                itself = given_x.copy(order="K")
                assert call(name, itself, axis, out=itself) is itself
                np.testing.assert_array_equal(itself, want)


def test_out_of_logsumexp(rng):
    x = rng.normal(size=(4, 3, 2))
    for axis, shape in ((0, (3, 2)), (1, (4, 2)), (2, (4, 3)), (None, ())):
        out = np.empty(shape)
        assert fastce.logsumexp(x, axis, out=out) is out
        np.testing.assert_array_equal(out, fastce.logsumexp(x, axis))
        kept = fastce.logsumexp(x, axis, keepdims=True)
        assert kept.shape == tuple(1 if axis in (None, i) else n for i, n in enumerate(x.shape))
        np.testing.assert_array_equal(kept.reshape(shape), out)
        out = np.empty(kept.shape)
        assert fastce.logsumexp(x, axis, keepdims=True, out=out) is out
        np.testing.assert_array_equal(kept, out)


@pytest.mark.parametrize("name", [*ROWS, *FLAT])
def test_bad_out_is_refused_before_anything_is_written(name):
    pool = np.arange(20.0)
    x = pool[:12].reshape(4, 3)
    fixed = np.zeros((4, 3))
    fixed.flags.writeable = False
    overlapping = (
        pool[1:13].reshape(4, 3),
        pool[:12].reshape(4, 3)[::-1],
        np.lib.stride_tricks.as_strided(np.zeros(3), (4, 3), (0, 8)),
    )
    for out in (np.zeros((3, 4)), np.zeros((4, 3, 1)), fixed, *overlapping):
        with pytest.raises(ValueError, match="out must"):
            call(name, x, out=out)
    for out in (
        [[0.0] * 3] * 4,
        3.0,
        "out",
        memoryview(x),
        np.zeros((4, 3), np.float32),
        np.zeros((4, 3), int),
    ):
        with pytest.raises(TypeError, match="out must"):
            call(name, x, out=out)
    np.testing.assert_array_equal(pool, np.arange(20.0))


def test_out_of_logsumexp_must_not_overlap_x():
    x = np.zeros((4, 1))
    with pytest.raises(ValueError, match="out must not overlap x"):
        fastce.logsumexp(x, out=x[:, 0])
    with pytest.raises(ValueError, match="out must not overlap x"):
        fastce.logsumexp(x, keepdims=True, out=x)


@pytest.mark.parametrize("name", ALL)
def test_a_scalar_comes_back_as_one(name):
    got = (
        call(name, [0.5, -1.0])
        if name in ROWS
        else call(name, 0.5)
        if name in FLAT
        else call(name, [0.5])
    )
    assert np.ndim(got) == (1 if name in ROWS else 0)
    assert isinstance(got, np.ndarray if name in ROWS else np.float64)


def test_empties():
    assert fastce.logsumexp([]) == -np.inf
    assert fastce.logsumexp(np.empty((0, 3)), axis=None) == -np.inf
    assert fastce.logsumexp(np.empty((2, 0, 3)), axis=1).tolist() == [[-np.inf] * 3] * 2
    assert fastce.logsumexp(np.empty((2, 3, 0)), axis=-1).tolist() == [[-np.inf] * 3] * 2
    assert fastce.logsumexp(np.empty((2, 0, 3)), axis=2).shape == (2, 0)
    assert fastce.logsumexp(np.empty((2, 0, 0)), axis=2).shape == (2, 0)
    for name in (*ROWS, *FLAT):
        for shape in ((0,), (0, 3), (3, 0), (2, 0, 3)):
            assert call(name, np.empty(shape, np.float32)).shape == shape
            assert call(name, np.empty(shape, np.float16), 0).shape == shape


@pytest.mark.parametrize(
    "row",
    [
        [np.inf, 1],
        [-np.inf, -np.inf],
        [np.nan, 1],
        [np.inf, np.nan],
        [np.inf, np.inf],
        [-np.inf, 1],
        [np.nan, -np.inf],
    ],
)
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", FLOATS)
def test_odd_values_as_in_scipy(name, row, dtype):
    for x in (np.array(row, dtype), np.array(row * 30, dtype)):
        np.testing.assert_allclose(
            call(name, x).astype(np.float64),
            reference(name, x),
            rtol=4 * float(np.finfo(dtype).eps),
        )


def test_float16_overflow_is_silent():
    x = np.full((2, 4), 65504, np.float16)
    with np.errstate(all="raise"):
        assert (
            fastce.logsumexp(x + np.float16(0), axis=0) == 65504
        ).all()  # log(2) is below half a step
        assert (fastce.log_softmax(np.array([65504, -65504], np.float16)) == [0, -np.inf]).all()
        assert (fastce.softmax(np.array([0, -20], np.float16)) == [1, 0]).all()


@given(
    x=hnp.arrays(
        st.sampled_from(FLOATS),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=7),
        elements=st.integers(-60, 60),
    ),
    data=st.data(),
)
def test_shift_sum_and_names_agree(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    eps = float(np.finfo(x.dtype).eps)
    s, ls, lse = (call(name, x, axis) for name in ("softmax", "log_softmax", "logsumexp"))
    assert s.sum(axis=axis, dtype=np.float64) == pytest.approx(1, abs=2 * x.shape[axis] * eps)
    np.testing.assert_array_equal(call("softmax", x + x.dtype.type(3), axis), s)
    np.testing.assert_allclose(
        np.exp(ls.astype(np.float64)),
        s.astype(np.float64),
        rtol=130 * eps,
        atol=np.finfo(x.dtype).smallest_subnormal,
    )
    np.testing.assert_allclose(
        x.astype(np.float64) - np.expand_dims(lse, axis).astype(np.float64),
        ls.astype(np.float64),
        atol=130 * eps,
    )
    np.testing.assert_array_equal(
        call("sigmoid", -x) + call("sigmoid", x) == pytest.approx(1, abs=2 * eps), True
    )


def test_more_equal_entries_than_float32_counts():
    x = np.zeros((2**24 + 8, 2), np.float32)
    np.testing.assert_allclose(fastce.logsumexp(x, axis=0), np.log(2.0**24 + 8), rtol=2e-7)
    np.testing.assert_allclose(fastce.softmax(x[:, :1], axis=0)[0], 1 / (2.0**24 + 8), rtol=2e-7)


AXES = [None, (), (0,), (0, 1), (1, 0), (1, 2), (-1, 0), (0, 1, 2), 1]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["logsumexp", *ROWS])
def test_axes_are_those_of_scipy(name, axis, dtype, rng):
    x = (rng.normal(size=(3, 5, 2)) * 4).astype(dtype)
    tolerance = {"rtol": 20 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps}
    want = reference(name, x, axis)
    for given_x in (layout(x) for layout in LAYOUTS.values()):
        got = call(name, given_x, axis)
        assert got.dtype == dtype
        assert got.shape == want.shape
        np.testing.assert_allclose(got.astype(np.float64), want, **tolerance)
        out = np.full(want.shape, 7, dtype)
        assert call(name, given_x, axis, out=out) is out
        np.testing.assert_array_equal(out, got)
    if name == "logsumexp":
        kept = fastce.logsumexp(x, axis, keepdims=True)
        np.testing.assert_array_equal(kept, got.reshape(kept.shape))
        with np.errstate(all="ignore"):
            expected = scipy.special.logsumexp(x.astype(float), axis, keepdims=True).shape
        assert kept.shape == expected
    else:
        itself = np.asfortranarray(x)
        assert call(name, itself, axis).strides == itself.strides
        assert call(name, itself, axis, out=itself) is itself
        np.testing.assert_array_equal(itself, got)


@pytest.mark.parametrize("name", ["logsumexp", *ROWS])
def test_all_axes_of_a_number_and_of_nothing(name):
    assert call(name, 3.0, None) == {"logsumexp": 3.0, "softmax": 1.0, "log_softmax": 0.0}[name]
    assert np.shape(call(name, 3.0, ())) == ()
    assert call(name, np.empty((2, 0)), None).shape == (() if name == "logsumexp" else (2, 0))
    assert call(name, np.empty((2, 0, 3)), (0, 1)).shape[-1] == 3


@pytest.mark.parametrize("name", ["logsumexp", *ROWS])
@pytest.mark.parametrize("dtype", FLOATS)
def test_where_takes_some(name, dtype, rng):
    """As jax does: what is left out has a probability of 0."""
    x = rng.normal(size=(4, 6)).astype(dtype)
    mask = rng.random((4, 6)) < 0.6
    mask[0], mask[1] = True, False
    poisoned = np.where(mask, x, rng.choice([np.nan, np.inf, -np.inf], x.shape)).astype(dtype)
    got = call(name, poisoned, where=mask)
    assert got.dtype == dtype
    for i in range(4):
        some = call(name, x[i, mask[i]])
        if name == "logsumexp":
            eps = float(np.finfo(dtype).eps)
            assert got[i] == pytest.approx(some, rel=4 * eps, abs=4 * eps)
            continue
        np.testing.assert_allclose(got[i, mask[i]], some, rtol=4 * np.finfo(dtype).eps)
        assert (got[i, ~mask[i]] == (0 if name == "softmax" else -np.inf)).all()
    np.testing.assert_array_equal(call(name, x, where=True), call(name, x))
    np.testing.assert_array_equal(
        call(name, x, None, where=mask[:1]),
        call(name, x, (0, 1), where=np.broadcast_to(mask[:1], x.shape)),
    )
    itself = x.copy()
    if name != "logsumexp":
        assert call(name, itself, where=mask, out=itself) is itself
        np.testing.assert_array_equal(itself, got)
    for bad, error in ((mask.astype(int), TypeError), (mask[:, :5], ValueError)):
        with pytest.raises(error, match=r"^where must"):
            call(name, x, where=bad)
