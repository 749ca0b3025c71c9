"""What a fit is given: bad parameters, data and labels by name; labels as numbers; weights."""

import numpy as np
import pytest
from linear_models import fit_of_scikit_learn, raw
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import StandardScaler

from fastce.linear_model import LogisticRegression, _validation

GOOD = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (GOOD[0], np.zeros(6), {}, r"needs samples of at least 2 classes .*: 0\.0 \(y must"),
        (GOOD[0], np.linspace(0, 1, 6), {}, "[Uu]nknown label type"),
        (GOOD[0], GOOD[1][:5], {}, "inconsistent numbers of samples"),
        (GOOD[0], None, {}, "requires y to be passed"),
        (np.where(GOOD[0] == 3, np.nan, GOOD[0]), GOOD[1], {}, "X contains NaN"),
        (np.where(GOOD[0] == 3, np.inf, GOOD[0]), GOOD[1], {}, "X contains infinity"),
        (
            np.array([["a", "b"]] * 6, dtype=object),
            GOOD[1],
            {},
            "could not convert string to float",
        ),
        (GOOD[0][0], GOOD[1], {}, "Expected 2D array"),
        (
            GOOD[0],
            GOOD[1],
            {"sample_weight": -np.ones(6)},
            "sample_weight must be finite and not negative",
        ),
        (GOOD[0], GOOD[1], {"sample_weight": np.zeros(6)}, "[Ss]ample.weight"),
        (GOOD[0], GOOD[1], {"sample_weight": np.ones(5)}, "sample_weight"),
        (GOOD[0], GOOD[1], {"sample_weight": np.full(6, np.nan)}, "sample_weight"),
    ],
)
def test_bad_data(X, y, options, message):
    model = LogisticRegression()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **options)
    assert vars(model) == vars(LogisticRegression())


@pytest.mark.parametrize(
    "dtype", ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", "f8", "U3", "O"]
)
@pytest.mark.parametrize("spread", [1, 100, 2**40, "lowest", "highest"])
def test_labels_are_numbered_as_unique_does(rng, dtype, spread):
    y = rng.integers(0, 1 if dtype == "bool" else 100, 200, endpoint=True)
    if spread in ("lowest", "highest") and np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        y = y.astype(dtype)
        y = limits.min + y % 7 if spread == "lowest" else limits.max - y % 7
    elif not isinstance(spread, str):
        y = y % 7 * max(1, min(spread, 2**40 if np.dtype(dtype).itemsize >= 8 else 15))
    y = y.astype(dtype)
    for labels in (y, y[:1], y[::-3]):
        classes, target = _validation._encode(labels)
        expected, numbers = np.unique(labels, return_inverse=True)
        assert classes.dtype == expected.dtype
        np.testing.assert_array_equal(classes, expected)
        np.testing.assert_array_equal(target, numbers)
        assert target.dtype == np.int64


def test_a_column_of_labels_is_warned_about():
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        model = LogisticRegression().fit(GOOD[0], GOOD[1][:, np.newaxis])
    np.testing.assert_array_equal(model.coef_, LogisticRegression().fit(*GOOD).coef_)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_are_repetitions(rng, n_classes):
    X, y = rng.normal(size=(120, 4)), rng.integers(0, n_classes, 120)
    weights = rng.integers(0, 4, 120)
    weighted = LogisticRegression(tol=1e-9).fit(X, y, sample_weight=weights)
    repeated = LogisticRegression(tol=1e-9).fit(
        np.repeat(X, weights, axis=0), np.repeat(y, weights)
    )
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 0.5}])
@pytest.mark.parametrize("name", ["breast_cancer", "iris"])
def test_class_weight_is_scikit_learns(rng, class_weight, name):
    X, y = raw(name)
    X = StandardScaler().fit_transform(X)
    if name == "iris":
        X, y = X[10:], y[10:]
    ours = LogisticRegression(class_weight=class_weight, tol=1e-9).fit(X, y)
    theirs = fit_of_scikit_learn(X, y, class_weight=class_weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-6)


def test_labels_and_weights_that_are_none_are_named(rng):
    X, y = rng.normal(size=(6, 2)), np.arange(6) % 2
    with pytest.raises(TypeError, match="y must hold labels of one type, which can be sorted"):
        LogisticRegression().fit(X, np.array(["a", 1, "a", 1, "a", 1], dtype=object))
    with pytest.raises(
        ValueError, match="sample_weight must be a number, or a number a row: could not convert"
    ):
        LogisticRegression().fit(X, y, sample_weight=["a"] * 6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"C": 1e-320}, r"C times the sum of the rows' weights must not be that small; got 1e-320"),
        (
            {"n_threads": 10**6},
            r"n_threads must be None or from 1 to \d+ \(the threads .*; got 1000",
        ),
    ],
)
def test_rules_that_depend_on_more_than_the_parameter(options, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**options).fit(*GOOD)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 1: 0.0, 2: 1.0}])
@pytest.mark.parametrize("weighted", [False, True])
def test_row_weights_sum_to_one_and_keep_their_total(rng, class_weight, weighted):
    y = np.arange(30) % 3
    sample_weight = rng.random(30) if weighted else None
    weights, total, _ = _validation.row_weights(
        y, sample_weight, class_weight, _validation.encode_labels(y)
    )
    assert weights.size == (1 if class_weight is None and not weighted else 30)
    np.testing.assert_allclose(np.broadcast_to(weights, (30,)).sum(), 1.0)
    given = np.ones(30) if sample_weight is None else sample_weight
    factors = np.array([2.0, 0.0, 1.0])[y] if isinstance(class_weight, dict) else 1.0
    np.testing.assert_allclose(total, (factors * given).sum())
    if class_weight == "balanced":
        np.testing.assert_allclose(np.bincount(y, weights=np.broadcast_to(weights, 30)), 1 / 3)
