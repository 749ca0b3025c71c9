"""No floating-point flag leaves a call: `np.seterr(all="raise")` changes nothing."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

import fastce
from fastce._core.flags import silent
from fastce._losses.table import ELEMENTS, LINEAR, LOSSES, PROBABILITIES, ROWS, SPECIAL
from fastce.linear_model import LogisticRegression

FLOATS = (np.float16, np.float32, np.float64)
# Numbers that leave the range of one float dtype or another, and what is no number.
HARD = np.array(
    [[20, 0, -20], [1e300, -1e300, 1e-300], [6e4, -6e4, 1e-7], [88, -88, 0], [np.inf, 0, -np.inf]]
)
NOT_NUMBERS = np.array([[np.nan, 0, 1], [1e-320, 1e-46, -1e-7]])
LABELS = np.array([0, 1, 2, 0, 1, 2, 0])
WEIGHTS = np.array([1e-300, 1e30, 1e-45])
SIGNALLING = np.array([0x7D01, 0x3C00, 0xBC00], np.uint16).view(np.float16)


def hard(dtype):
    with silent():
        return np.concatenate([HARD, NOT_NUMBERS]).astype(dtype)


def fractions(dtype):
    with silent():
        return np.tile([[1.0, 1e-50, 0.0]], (7, 1)).astype(dtype)


def row_calls(loss, dtype):
    x, numbers = hard(dtype), {n.name: n.most if n.name == "gamma" else 0.1 for n in loss.numbers}
    soft = [fractions(kind) for kind in FLOATS]
    targets = soft if loss.targets == (PROBABILITIES,) else [LABELS]
    if PROBABILITIES in loss.targets and len(loss.targets) == 2:
        targets = targets + soft
    given = {"weight": WEIGHTS, "sample_weight": np.geomspace(1e-300, 1e8, 7)}
    options = [{}, numbers, {name: given[name] for name in given if name in loss.options}]
    for target, chosen, reduction in itertools.product(
        targets, [*options, options[1] | options[2]], ("mean", "none")
    ):
        yield (x, target), {**chosen, "reduction": reduction}


def element_calls(loss, dtype):
    x = fractions(dtype) if loss.first == "probs" else hard(dtype)
    numbers = {n.name: 0.5 for n in loss.numbers}
    given = {"weight": WEIGHTS, "pos_weight": np.array([1e-30, 1.0, 1e8])}
    options = [{}, numbers, {name: given[name] for name in given if name in loss.options}]
    for kind, chosen, reduction in itertools.product(FLOATS, options, ("mean", "none")):
        yield (x, fractions(kind)), {**chosen, "reduction": reduction}


def linear_calls(loss, dtype):
    coef = hard(np.float64)[:3]
    for kind, reduction in itertools.product((np.float32, np.float64), ("mean", "none")):
        with silent():
            X = hard(dtype)[[0, 1, 2, 3, 3, 2, 6]]
            options = {"intercept": WEIGHTS, "weight": WEIGHTS, "reduction": reduction}
            yield (X, coef.astype(kind), LABELS), options
            if dtype is not np.float16:
                yield (sparse.csr_matrix(X), coef.astype(kind), LABELS), options


CALLS = {ROWS: row_calls, ELEMENTS: element_calls, LINEAR: linear_calls}


def assert_as_silent(function, args, options):
    """Call with every flag ignored, and with every flag an error."""
    with silent():
        expected = function(*args, **options)
    with np.errstate(all="raise"):
        found = function(*args, **options)
    for a, b in (
        zip(np.atleast_1d(found), np.atleast_1d(expected), strict=True)
        if not isinstance(found, tuple)
        else zip(found, expected, strict=True)
    ):
        assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_no_flag_leaves_a_loss(loss, dtype):
    n_calls = 0
    for args, options in CALLS[loss.kind](loss, dtype):
        for form in loss.functions:
            assert_as_silent(getattr(fastce, form), args, options)
            n_calls += 1
    assert n_calls >= 8


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("function", SPECIAL, ids=lambda function: function.name)
def test_no_flag_leaves_a_special_function(function, dtype):
    for x in (hard(dtype), hard(dtype).T, np.asfortranarray(hard(dtype))):
        assert_as_silent(getattr(fastce, function.name), (x,), {})


def test_sums_of_several_blocks_may_have_no_limit():
    """The sum of one block is +inf, that of another NaN or beyond the largest number."""
    x = np.zeros((200_000, 2))
    x[0], x[-1] = [0, np.inf], [0, 1e308]
    x[100_000] = [0, 1e308]
    y = np.zeros(len(x), int)
    assert_as_silent(fastce.cross_entropy_value_and_grad, (x, y), {"reduction": "sum"})
    assert_as_silent(fastce.cross_entropy, (x[1:], y[1:]), {"reduction": "sum"})
    assert_as_silent(fastce.binary_cross_entropy_with_logits, (x, np.zeros_like(x)), {})


@pytest.mark.parametrize("name", ["softmax", "sigmoid", "log_softmax", "logsumexp"])
def test_a_signalling_nan_is_nan(name):
    with np.errstate(all="raise"):
        assert np.isnan(getattr(fastce, name)(SIGNALLING)).any()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("scale", [1e-320, 1e-30, 1.0, 1e300])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_no_flag_leaves_a_prediction(dtype, scale, n_classes):
    rng = np.random.default_rng(0)
    model = LogisticRegression()
    model.classes_ = np.arange(n_classes)
    with silent():
        model.coef_ = rng.standard_normal((1 if n_classes == 2 else 3, 3)) * scale
        model.intercept_ = np.zeros(len(model.coef_))
        X = np.nan_to_num(hard(dtype), posinf=6e4, neginf=-6e4)
    for name in ("decision_function", "predict", "predict_proba", "predict_log_proba"):
        assert_as_silent(getattr(model, name), (X,), {})
        if dtype is not np.float16:
            assert_as_silent(getattr(model, name), (sparse.csr_matrix(X),), {})


def test_no_flag_leaves_a_fit():
    X = np.random.default_rng(0).standard_normal((60, 3)) * [1e-160, 1.0, 1e140]
    y = np.arange(60) % 3

    def coefficients(X, y):
        return LogisticRegression(max_iter=5, tol=1e3).fit(X, y).coef_

    assert_as_silent(coefficients, (X, y), {})


def test_inside_nothing_is_read_and_after_it_all_is_as_before():
    with np.errstate(all="raise"):
        with silent():
            assert np.isinf(np.float64(1e308) * 10.0)
            assert np.float32(1e-30) * np.float32(1e-30) == 0
        with pytest.raises(FloatingPointError):
            np.float64(1e308) * np.float64(10.0)
