"""The row-wise leaves keep the numeric contract on every path and instruction set."""

import itertools
import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from ulp import in_eps, in_ulps

from fastce._native import cpu as _cpu
from fastce._native import rowwise as _rowwise

DTYPES = [np.float32, np.float64]
ROW_FUNCTIONS = ["logsumexp", "softmax", "log_softmax"]
# around one vector, two, four, the change from short to long rows, and far behind
WIDTHS = [*range(1, 20), 23, 31, 32, 33, 47, 63, 64, 65, 100, 127, 128, 129, 511, 513, 1000]


def rows(function, x):
    out = np.full(x.shape[0] if function == "logsumexp" else x.shape, 7, x.dtype)
    getattr(_rowwise, f"{function}_rows")(x, out)
    return out


def flat(function, x):
    out = np.full(x.shape, 7, x.dtype)
    getattr(_rowwise, f"{function}_flat")(x, out)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", WIDTHS)
@pytest.mark.parametrize("spread", [0.01, 3, 40])
def test_rows_keep_the_contract(dtype, n_classes, spread, rng):
    x = (rng.normal(size=(35, n_classes)) * spread).astype(dtype)
    largest, _, rest = reference.softmax_parts(x)
    gap = reference.gap(x)
    got = rows("logsumexp", x)
    larger_term = np.maximum(abs(largest), np.log1p(rest))[:, 0]
    assert (in_eps(got, reference.logsumexp(x), larger_term) <= 4).all()
    assert (in_eps(rows("softmax", x), reference.softmax(x)) <= 4 + gap).all()
    nearest = (
        np.sort(gap, axis=1)[:, 1:2] if n_classes > 1 else 0
    )  # the gap that decides the rest of the largest entry
    allowed = 4 + np.where(gap == 0, nearest, 0)
    assert (in_eps(rows("log_softmax", x), reference.log_softmax(x)) <= allowed).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [2, 3, 40, 200])
def test_confident_rows_keep_their_digits(dtype, n_classes):
    gap = 17 if dtype is np.float32 else 36
    x = np.full((3, n_classes), -gap, dtype)
    x[:, n_classes // 2] = 0
    with mpmath.workdps(50):
        rest = float(mpmath.log1p((n_classes - 1) * mpmath.exp(-gap)))
    assert rows("logsumexp", x) == pytest.approx(rest, rel=float((4 + gap) * np.finfo(dtype).eps))
    assert -rows("log_softmax", x)[:, n_classes // 2] == pytest.approx(
        rest, rel=float((4 + gap) * np.finfo(dtype).eps)
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_classes_sum_without_drift(dtype, rng):
    n_classes = 100_003
    for x in (
        rng.normal(size=(2, n_classes)).astype(dtype),
        np.zeros((1, n_classes), dtype),
        np.full((1, n_classes), -1e-3, dtype),
    ):
        gap = reference.gap(x)
        assert (in_eps(rows("softmax", x), reference.softmax(x)) <= 4 + gap).all()
        assert (in_eps(rows("logsumexp", x), reference.logsumexp(x)) <= 4).all()
        assert (in_eps(rows("log_softmax", x), reference.log_softmax(x)) <= 4).all()


@pytest.mark.parametrize("offset", [1e6, -1e6])
@pytest.mark.parametrize("n_classes", [5, 100])
def test_an_offset_costs_no_digits(offset, n_classes, rng):
    x = rng.integers(-20, 20, size=(9, n_classes)).astype(np.float32)  # exact after the offset, too
    shifted = x + np.float32(offset)
    assert (rows("softmax", shifted) == rows("softmax", x)).all()
    assert (rows("log_softmax", shifted) == rows("log_softmax", x)).all()


def test_exp_is_within_one_ulp_float32():
    bits = np.arange(
        0x80000000, 0xC2E00000, 1201, dtype=np.uint32
    )  # -0 to -112; the step is odd, so every low bit comes by
    x = bits.view(np.float32)
    assert in_ulps(flat("exp_nonpositive", x), np.exp(x.astype(np.longdouble))).max() <= 1


@pytest.mark.parametrize("low", [1e-8, 1.0, 20.0, 745.3])
def test_exp_is_within_one_ulp_float64(low, rng):
    x = -low * rng.random(200_000)
    assert in_ulps(flat("exp_nonpositive", x), np.exp(x.astype(np.longdouble))).max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_at_its_ends(dtype):
    least = np.log(np.longdouble(np.finfo(dtype).smallest_subnormal))
    x = np.array(
        [0, -0.0, -np.inf, np.nan, least, least - 0.6, least - 0.8, -np.finfo(dtype).max], dtype
    )
    tiny = np.finfo(dtype).smallest_subnormal
    np.testing.assert_array_equal(
        flat("exp_nonpositive", x), np.array([1, 1, 0, np.nan, tiny, tiny, 0, 0], dtype)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", ["sigmoid", "log_sigmoid"])
def test_flat_functions_keep_the_contract(function, dtype, rng):
    x = np.concatenate(
        [rng.normal(size=3001) * s for s in (1e-6, 1, 10, 30)] + [np.linspace(-800, 800, 4001)]
    ).astype(dtype)
    want = getattr(reference, function)(x)
    assert (in_eps(flat(function, x), want) <= 2).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_flat_functions_at_their_ends(dtype):
    x = np.array([-np.inf, np.inf, np.nan, -1000, 1000, 0, -0.0], dtype)
    np.testing.assert_array_equal(
        flat("sigmoid", x), np.array([0, 1, np.nan, 0, 1, 0.5, 0.5], dtype)
    )
    half = np.log(dtype(0.5))
    np.testing.assert_array_equal(
        flat("log_sigmoid", x), np.array([-np.inf, 0, np.nan, -1000, 0, half, half], dtype)
    )
    if dtype is np.float64:
        assert flat("log_sigmoid", np.array([40.0]))[0] == pytest.approx(-np.exp(-40.0), rel=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [1, 2, 5, 16, 33, 40, 70, 130])
@pytest.mark.parametrize("function", ROW_FUNCTIONS)
def test_odd_values_stay_in_their_row(function, n_classes, dtype, rng):
    clean = rng.normal(size=(40, n_classes)).astype(dtype)
    want = rows(function, clean)
    inf, nan = np.inf, np.nan
    for place, odd in itertools.product({0, n_classes // 2, n_classes - 1}, (nan, inf, -inf)):
        x = clean.copy()
        x[3, place] = odd
        x[17] = odd
        x[21] = -inf
        x[21, place] = odd
        for got in (rows(function, x), rows_in_place(function, x)):
            keep = np.ones(40, bool)
            keep[[3, 17, 21]] = False
            np.testing.assert_array_equal(got[keep], want[keep])
            odd_rows = got[[3, 17, 21]].reshape(3, -1)
            if np.isnan(odd):
                assert np.isnan(odd_rows).all()
            elif function == "logsumexp":
                assert (odd_rows[1:] == odd).all()
                assert odd_rows[0] == inf or odd == -inf
            elif odd == inf and function == "softmax":
                assert np.isnan(odd_rows).all()
            elif odd == inf:  # as scipy.special.log_softmax: NaN there, -inf at the finite ones
                assert np.isnan(odd_rows[0, place])
                assert (np.delete(odd_rows[0], place) == -inf).all()
            else:
                assert np.isnan(odd_rows[1:]).all()


def rows_in_place(function, x):
    if function == "logsumexp":
        return rows(function, x)
    x = x.copy()
    getattr(_rowwise, f"{function}_rows")(x, x)
    return x


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    n=st.integers(0, 40),
    n_classes=st.integers(1, 150),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.0, 1e-3, 5.0, 200.0]),
)
def test_in_place_ties_and_permutations(dtype, n, n_classes, seed, scale):
    rng = np.random.default_rng(seed)
    x = (np.round(rng.normal(size=(n, n_classes)), 1) * scale).astype(dtype)
    x.flags.writeable = False
    for function in ROW_FUNCTIONS:
        np.testing.assert_array_equal(rows_in_place(function, x), rows(function, x))
    s = rows("softmax", x)
    assert s.sum(axis=1, dtype=np.float64) == pytest.approx(
        1, abs=float(n_classes * np.finfo(dtype).eps)
    )
    order = rng.permutation(n)
    np.testing.assert_array_equal(rows("logsumexp", x[order]), rows("logsumexp", x)[order])


def test_empty_shapes():
    assert rows("logsumexp", np.empty((3, 0))).tolist() == [-np.inf] * 3
    for function in ("softmax", "log_softmax"):
        assert rows(function, np.empty((3, 0))).shape == (3, 0)
        assert rows(function, np.empty((0, 5), np.float32)).shape == (0, 5)
    assert flat("sigmoid", np.empty(0)).size == 0


@pytest.mark.parametrize(
    ("x", "out", "error"),
    [
        (np.zeros(3), np.zeros(3), ValueError),
        (np.zeros((3, 2)), np.zeros((2, 3)), ValueError),
        (np.zeros((3, 2)), np.zeros(6), ValueError),
        (np.zeros((3, 2)), np.zeros((3, 2), np.float32), TypeError),
        (np.zeros((3, 2), int), np.zeros((3, 2), int), TypeError),
        (np.zeros((3, 2), complex), np.zeros((3, 2), complex), TypeError),
        (np.zeros((3, 2), ">f8"), np.zeros((3, 2), ">f8"), TypeError),
        (np.zeros((3, 4))[:, ::2], np.zeros((3, 2)), (ValueError, BufferError)),
        (np.zeros((3, 2)), np.zeros((2, 3)).T, (ValueError, BufferError)),
        (np.zeros((3, 2)), b"123456789", (ValueError, BufferError)),
        ([[1.0, 2.0]], np.zeros((1, 2)), TypeError),
        (None, None, TypeError),
    ],
)
def test_what_does_not_fit_is_refused(x, out, error):
    with pytest.raises(error):
        _rowwise.softmax_rows(x, out)


def test_read_only_out_is_refused():
    x = np.zeros((3, 2))
    x.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        _rowwise.softmax_rows(x, x)


SCRIPT = """
import sys
import fastce
import numpy as np
from fastce._native import cpu as _cpu, products as _blocks, rowwise as _rowwise
from fastce._linear.loss import LinearLoss
assert _cpu.variant() == sys.argv[2], _cpu.variant()
rng = np.random.default_rng(5)
results = {}
for dtype in (np.float32, np.float64):
    for n_classes in (1, 2, 7, 16, 31, 33, 50, 64, 100, 515):
        x = (rng.normal(size=(21, n_classes)) * 5).astype(dtype)
        for name in ("logsumexp", "softmax", "log_softmax"):
            out = np.empty(21 if name == "logsumexp" else x.shape, dtype)
            getattr(_rowwise, name + "_rows")(x, out)
            results[f"{name} {n_classes} {out.dtype}"] = out
    x = (rng.normal(size=1003) * 20).astype(dtype)
    for name in ("exp_nonpositive", "sigmoid", "log_sigmoid"):
        out = np.empty_like(x)
        getattr(_rowwise, name + "_flat")(-abs(x) if name.startswith("exp") else x, out)
        results[f"{name} {out.dtype}"] = out
    for n_classes in (1, 3, 70):
        x = (rng.normal(size=(70, n_classes, 5)) * 5).astype(dtype)
        for name in ("logsumexp", "softmax", "log_softmax"):
            out = getattr(fastce, name)(x, axis=1)
            results[f"{name} middle {n_classes} {dtype.__name__}"] = out
        y, t = rng.integers(n_classes, size=(70, 5)), rng.random(x.shape)
        by_row, by_element = {"axis": 1, "reduction": "none"}, {"reduction": "none"}
        for name, target, options in (
            ("cross_entropy", y, by_row),
            ("focal_loss", y, by_row),
            ("binary_cross_entropy_with_logits", t, by_element),
            ("sigmoid_focal_loss", t, by_element),
        ):
            value, grad = getattr(fastce, name + "_value_and_grad")(x, target, **options)
            results[f"loss {name} {n_classes} {dtype.__name__}"] = value
            results[f"loss {name} {n_classes} {dtype.__name__} gradient"] = grad
    X = rng.normal(size=(37, 53)).astype(dtype)
    for n_classes in (1, 3, 9, 35):
        Z = np.empty((37, n_classes))
        for order in "CF":
            coef = rng.normal(size=(53, n_classes))
            _blocks.dense_forward(np.asarray(X, order=order), coef, None, Z)
            results[f"dense {n_classes} {order} {X.dtype}"] = Z.copy()
    for n_classes in (2, 3, 9, 35):
        y, weights = np.arange(37) % n_classes, np.full(1, 1 / 37)
        objective = LinearLoss(X, y, n_classes, weights=weights, penalty=0.1)
        value, grad = objective.value_and_grad(rng.normal(size=objective.size))
        results[f"objective {n_classes} {X.dtype}"] = np.append(grad, value)
np.savez(sys.argv[1], **results)
"""


@pytest.fixture(scope="module")
def by_level(tmp_path_factory):
    """Give the results of SCRIPT for each instruction set of this machine, each from a process."""
    folder = tmp_path_factory.mktemp("levels")
    results = {}
    for level in _cpu.names()[: _cpu.level() + 1]:
        file = folder / f"{level}.npz"
        subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT, str(file), level],
            env=os.environ | {"FASTCE_CPU": level},
            check=True,
        )
        with np.load(file) as stored:
            results[level] = dict(stored)
    return results


def test_every_instruction_set_gives_the_same_numbers(by_level):
    scalar = by_level["scalar"]
    for level, results in by_level.items():
        assert results.keys() == scalar.keys()
        for name, values in results.items():
            eps = np.finfo(values.dtype).eps
            sums = {"rtol": 200 * eps, "atol": 60 * eps}
            by_kind = {
                "dense": sums,
                "objective": sums,
                "loss": {"rtol": 60 * eps, "atol": 4 * eps},
            }
            allowed = by_kind.get(name.split()[0], {"rtol": 30 * eps, "atol": 0})
            np.testing.assert_allclose(
                values, scalar[name], **allowed, err_msg=f"{name} on {level}"
            )


@pytest.mark.parametrize("module", ["rowwise", "products", "scans"])
def test_an_unknown_instruction_set_is_refused(module):
    command = [sys.executable, "-c", f"import fastce._native.{module}"]
    done = subprocess.run(
        command, env=os.environ | {"FASTCE_CPU": "v9"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"FASTCE_CPU must be one of {', '.join(_cpu.names())}; got 'v9'" in done.stderr
