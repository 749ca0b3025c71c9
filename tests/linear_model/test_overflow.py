"""Rows of numbers at the end of float64's range: the class is the one that exact logits say."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from fastce.linear_model import LogisticRegression

ROWS = np.array(
    [
        [1.7e308, -1.7e308, 1.7e308],
        [1.7e308, 1.7e308, 1.7e308],
        [-1.7e308, 1.7e308, 0.0],
        [1.0, 2.0, 3.0],
        [0.0, 0.0, -1.7e308],
    ]
)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_rows_that_mix_the_largest_numbers(rng, n_classes, kind):
    X, y = rng.normal(size=(40, 3)), np.arange(40) % n_classes
    model = LogisticRegression().fit(X, y)
    model.coef_ = 10.0 * model.coef_
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probabilities = model.predict_proba(kind(ROWS))
        log_probabilities = model.predict_log_proba(kind(ROWS))
        decision, predicted = model.decision_function(kind(ROWS)), model.predict(kind(ROWS))
    for i, row in enumerate(ROWS.tolist()):
        logits = [
            sum(Fraction(c) * Fraction(x) for c, x in zip(own, row, strict=True)) + Fraction(b)
            for own, b in zip(model.coef_.tolist(), model.intercept_.tolist(), strict=True)
        ]
        logits = [Fraction(0), *logits] if n_classes == 2 else logits
        best = max(range(n_classes), key=logits.__getitem__)
        assert predicted[i] == best
        if i != 3:
            np.testing.assert_array_equal(probabilities[i], np.arange(n_classes) == best)
            assert log_probabilities[i, best] == 0.0
            assert np.all(np.delete(log_probabilities[i], best) < -1e300)
    assert np.all(np.isfinite(decision))
    np.testing.assert_allclose(probabilities[3], model.predict_proba(ROWS[3:4])[0], rtol=1e-14)


def test_coefficients_that_are_no_numbers_stay_so(rng):
    model = LogisticRegression().fit(rng.normal(size=(40, 3)), np.arange(40) % 2)
    model.coef_ = np.full((1, 3), np.nan)
    assert np.isnan(model.decision_function(ROWS)).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("largest", [1e38, 3e38])
def test_the_largest_numbers_of_float32(rng, n_classes, largest):
    X = (largest * np.sign(rng.normal(size=(60, 3))) * (1.0 - 0.5 * rng.random((60, 3)))).astype(
        "f4"
    )
    y = np.arange(60) % n_classes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LogisticRegression().fit(X, y)
        predicted = model.predict_proba(X)
    # with an intercept and no penalty to speak of, the unit of the columns is of no account
    expected = LogisticRegression(C=1e12).fit(X.astype(float) / largest, y)
    np.testing.assert_allclose(
        predicted, expected.predict_proba(X / np.float32(largest)), atol=1e-3
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e200])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_warm_start_from_numbers_that_are_none_is_named(rng, value, n_classes):
    X, y = rng.normal(size=(40, 3)), np.arange(40) % n_classes
    model = LogisticRegression(warm_start=True).fit(X, y)
    model.coef_ = np.array(model.coef_)
    model.coef_[0, 1] = value
    with pytest.raises(ValueError, match=r"coef_ .*must be finite.* when warm_start is set; got "):
        model.fit(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_beyond_float32_are_named(rng, dtype):
    X, y = rng.normal(size=(40, 3)).astype(dtype), np.arange(40) % 2
    with pytest.raises(ValueError, match=r"sample_weight must be at most 3.4e\+38; got 1e\+39"):
        LogisticRegression().fit(X, y, np.full(40, 1e39))
    heavy, plain = LogisticRegression(C=1e-38), LogisticRegression(C=1.0)
    heavy.fit(X, y, np.full(40, 1e38))
    np.testing.assert_allclose(heavy.coef_, plain.fit(X, y).coef_, rtol=1e-6)
