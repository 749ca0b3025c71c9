"""Predictions: small digits, layouts, threads, agreement with each other, and no Numba."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from linear_models import raw
from scipy import sparse
from scipy.special import expit
from sklearn.exceptions import NotFittedError

from fastce._core import threads
from fastce._core.design import as_design
from fastce.linear_model import LogisticRegression, _predict


def test_probabilities_keep_small_digits():
    model = LogisticRegression().fit(np.array([[-1.0], [1.0], [-2.0], [2.0]]), [0, 1, 0, 1])
    X = np.array([[-900.0 / model.coef_[0, 0]], [50.0 / model.coef_[0, 0]]])
    logits = model.decision_function(X)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba[1, 0], np.exp(-logits[1]), rtol=1e-12)
    np.testing.assert_array_equal(np.isfinite(model.predict_log_proba(X)), True)
    np.testing.assert_allclose(model.predict_log_proba(X)[0, 1], logits[0], rtol=1e-12)
    np.testing.assert_allclose(proba[:, 1], expit(logits), rtol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_agree_with_each_other(rng, n_classes):
    X, y = rng.normal(size=(90, 4)), np.array(["red", "green", "blue"])[np.arange(90) % n_classes]
    model = LogisticRegression().fit(X, y)
    logits, proba = model.decision_function(X), model.predict_proba(X)
    assert logits.shape == ((90,) if n_classes == 2 else (90, 3))
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), proba)
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert model.score(X, y) == (model.predict(X) == y).mean()
    for data in (sparse.csr_matrix(X), X.astype(np.float32).astype(float), X.tolist()):
        np.testing.assert_allclose(model.predict_proba(data), proba, atol=1e-6)
    with pytest.raises(NotFittedError):
        LogisticRegression().predict(X)


PROGRAM = """
import pickle, sys, numpy as np
from scipy import sparse
model, X, expected = pickle.load(open(sys.argv[1], "rb"))
for data in (X, sparse.csr_matrix(X), X.astype(np.float32)):
    np.testing.assert_allclose(model.predict_proba(data), expected, rtol=1e-4)
    model.predict(data), model.decision_function(data), model.predict_log_proba(data)
model.score(X, model.predict(X))
repr(model)
assert "numba" not in sys.modules and "llvmlite" not in sys.modules
"""


@pytest.mark.parametrize("name", ["breast_cancer", "iris"])
def test_prediction_imports_no_numba(tmp_path, name):
    X, y = raw(name)
    model = LogisticRegression().fit(X, y)
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps((model, X, model.predict_proba(X))))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["C", "F", "csr"])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_predictions_do_not_depend_on_threads(rng, kind, n_classes):
    X = rng.normal(size=(9001, 40))  # enough for several parts
    y = np.arange(9001) % n_classes
    model = LogisticRegression(C=1e-3).fit(X[:500], y[:500])
    X = sparse.csr_matrix(X) if kind == "csr" else np.asarray(X, order=kind)
    for method in ("decision_function", "predict", "predict_proba", "predict_log_proba"):
        one, several = (
            getattr(model.set_params(n_threads=n), method)(X)
            for n in (1, min(2, threads.get_num_threads()))
        )
        np.testing.assert_array_equal(one, several)
        np.testing.assert_array_equal(getattr(model, method)(X[-3:]), several[-3:])


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_every_row_is_visited_once(rng, n_outputs):
    X, coef = rng.normal(size=(5001, 40)), rng.normal(size=(n_outputs, 40))
    seen = []
    logits = _predict.logits(
        as_design(X), coef, np.ones(1), lambda part, first, last: seen.append((first, last, part))
    )
    np.testing.assert_allclose(logits, X @ coef.T + 1.0, rtol=1e-10, atol=1e-12)
    seen.sort(key=lambda of: of[0])
    assert [first for first, _, _ in seen] == [0, *(last for _, last, _ in seen[:-1])]
    np.testing.assert_array_equal(np.concatenate([part for _, _, part in seen]), logits)


def test_predictions_of_float32_rows_are_float32(rng):
    X, y = rng.normal(size=(90, 4)), np.arange(90) % 3
    for labels in (y, y == 1):
        model = LogisticRegression().fit(X, labels)
        assert model.coef_.dtype == np.float64
        for name in ("decision_function", "predict_proba", "predict_log_proba"):
            call = getattr(model, name)
            expected = call(X.astype(np.float32).astype(float))
            assert expected.dtype == np.float64
            for data in (X.astype(np.float32), sparse.csr_matrix(X.astype(np.float32))):
                found = call(data)
                assert found.dtype == np.float32
                np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_a_logit_beyond_float32_is_infinite_without_a_flag():
    model = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    model.coef_ = model.coef_ * 1e30
    with np.errstate(all="raise"):
        assert model.decision_function(np.array([[1e20]], dtype=np.float32))[0] == np.inf


def test_coefficients_that_a_user_has_set_may_be_of_other_kinds(rng):
    X, y = rng.normal(size=(60, 4)), np.arange(60) % 2
    model = LogisticRegression().fit(X, y)
    expected, coef, intercept = model.predict_proba(X), model.coef_, float(model.intercept_[0])
    for kind in (
        coef[0],
        coef.tolist(),
        coef[0].tolist(),
        sparse.csr_matrix(coef),
        sparse.coo_array(coef),
        np.asfortranarray(coef),
    ):
        for offset in (intercept, [intercept], np.float32(0.0)):
            model.coef_, model.intercept_ = kind, offset
            if isinstance(offset, np.float32):
                assert model.decision_function(X) == pytest.approx(X @ coef[0])
            else:
                np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
            assert model.decision_function(X).shape == (60,)


def test_an_estimator_that_was_never_fitted_predicts_by_what_was_set():
    model = LogisticRegression()
    model.classes_, model.coef_, model.intercept_ = np.array(["no", "yes"]), [1.0, -1.0], 0.5
    assert model.predict([[0.0, 0.0], [0.0, 1.0]]).tolist() == ["yes", "no"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("coef_", np.zeros((2, 4)), r"coef_ must have a row for each of the 3 classes.* \(2, 4\)"),
        ("coef_", np.zeros((3, 4, 1)), "coef_ must have a row for each"),
        ("coef_", np.zeros((3, 5)), "coef_ must have a column for each of the 4 features"),
        ("intercept_", np.zeros(2), "intercept_ must be a number, or one for each of the 3 rows"),
    ],
)
def test_coefficients_of_another_shape_are_named(rng, name, value, message):
    X = rng.normal(size=(60, 4))
    model = LogisticRegression().fit(X, np.arange(60) % 3)
    setattr(model, name, value)
    with pytest.raises(ValueError, match=message):
        model.predict(X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_sparsify_and_densify(rng, n_classes):
    X, y = rng.normal(size=(60, 4)), np.arange(60) % n_classes
    model = LogisticRegression(warm_start=True).fit(X, y)
    expected, coef = model.predict_proba(X), model.coef_
    assert model.sparsify() is model
    assert sparse.issparse(model.coef_)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    np.testing.assert_allclose(model.predict_proba(sparse.csr_matrix(X)), expected, rtol=1e-12)
    assert model.fit(X, y).n_iter_[0] <= 1  # starts from them, too
    model.sparsify().densify()
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-3)
