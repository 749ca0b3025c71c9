"""LogisticRegression: the optimum beside scikit-learn's, options, bad input, the interface, prediction without Numba."""

import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import reference
from scipy import sparse
from scipy.special import expit
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastce._core import threads as _threads
from fastce._linear import loss as _linear_loss
from fastce._optimize import minimise as _solvers
from fastce.linear_model import LogisticRegression
from fastce.linear_model import _logistic as linear_model


@parametrize_with_checks(
    [LogisticRegression(), LogisticRegression(C=3.0, label_smoothing=0.05, tol=1e-8)]
)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        # the checks fit data of a few rows, pandas and others' deprecations included
        warnings.simplefilter("ignore")
        assert check(estimator) is None


def objective(model, X, y, C=1.0, weights=None, label_smoothing=0.0):
    """scikit-learn's objective in the textbook's formula."""
    labels = np.unique(y, return_inverse=True)[1]
    total, _, _ = reference.linear_cross_entropy(
        X, labels, model.coef_, model.intercept_, weights=weights, label_smoothing=label_smoothing
    )
    coef = np.asarray(model.coef_, dtype=float)
    return total if C == np.inf else C * total + 0.5 * (coef**2).sum()


def fit_of_scikit_learn(X, y, weights=None, **options):
    """scikit-learn's most exact solver on scaled columns would not be the same problem: so its tightest on the raw ones."""
    options = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 10_000} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Theirs(**options).fit(X, y, weights)


def raw(name):
    return {
        "breast_cancer": load_breast_cancer,
        "wine": load_wine,
        "iris": load_iris,
        "digits": load_digits,
    }[name](return_X_y=True)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris"])
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_default_ends_at_the_optimum_of_raw_data(name, C, fit_intercept):
    X, y = raw(name)
    model = LogisticRegression(C=C, fit_intercept=fit_intercept).fit(X, y)
    best = objective(fit_of_scikit_learn(X, y, C=C, fit_intercept=fit_intercept), X, y, C)
    assert objective(model, X, y, C) <= best * (1 + 1e-5)
    np.testing.assert_allclose(
        model.loss_history_[-1], objective(model, X, y, C) / (C * len(y)), rtol=1e-9
    )
    if not fit_intercept:
        assert not model.intercept_.any()


@pytest.mark.parametrize("name", ["breast_cancer", "iris"])
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cg", "newton-cholesky"])
def test_coefficients_are_scikit_learns(name, solver):
    X, y = raw(name)
    X = StandardScaler().fit_transform(X)
    theirs, ours = fit_of_scikit_learn(X, y), LogisticRegression(tol=1e-9, solver=solver).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.n_iter_.shape == theirs.n_iter_.shape


def test_no_penalty(rng):
    X = rng.normal(size=(400, 4)) * [1.0, 10.0, 0.1, 1.0]
    for n_classes in (2, 3):
        y = rng.integers(0, n_classes, 400)
        ours, theirs = (
            LogisticRegression(C=np.inf, tol=1e-8).fit(X, y),
            fit_of_scikit_learn(X, y, C=np.inf),
        )
        np.testing.assert_allclose(
            ours.decision_function(X), theirs.decision_function(X), atol=1e-5
        )


@pytest.mark.parametrize("n_classes", [2, 5])
def test_sparse_is_dense(rng, n_classes):
    X = sparse.random(500, 60, density=0.05, random_state=0, format="csr")
    y = rng.integers(0, n_classes, 500)
    best = objective(fit_of_scikit_learn(X.toarray(), y), X, y)
    for data in (X, sparse.csr_array(X), X.tocsc(), X.toarray(), X.astype(np.float32)):
        assert objective(LogisticRegression().fit(data, y), X, y) <= best * (1 + 1e-5)


def test_layouts_and_dtypes(rng):
    X, y = raw("wine")
    expected = LogisticRegression(tol=1e-8).fit(X, y).decision_function(X)
    for data in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X[::-1][::-1]):
        np.testing.assert_allclose(
            LogisticRegression(tol=1e-8).fit(data, y).decision_function(X), expected, atol=1e-4
        )
    integers = rng.integers(0, 50, size=X.shape)
    a, b = (
        LogisticRegression().fit(integers, y),
        LogisticRegression().fit(integers.astype(float), y),
    )
    np.testing.assert_array_equal(a.coef_, b.coef_)


def test_float32_reaches_the_same_optimum():
    X, y = raw("breast_cancer")
    X = X.astype(np.float32)
    model = LogisticRegression(tol=1e-6).fit(X, y)
    assert model.coef_.dtype == np.float64
    exact = X.astype(float)
    assert objective(model, exact, y) <= objective(fit_of_scikit_learn(exact, y), exact, y) * (
        1 + 1e-7
    )


def test_x_is_not_copied_or_changed(monkeypatch):
    X, y = raw("wine")
    seen = []
    original = _linear_loss.LinearLoss.__init__

    def spy(self, data, *args, **kwargs):
        seen.append(data)
        original(self, data, *args, **kwargs)

    monkeypatch.setattr(_linear_loss.LinearLoss, "__init__", spy)
    for data in (X, np.asfortranarray(X), X.astype(np.float32), X[:, ::2], sparse.csr_matrix(X)):
        before = data.copy()
        LogisticRegression().fit(data, y)
        mine, given = (m.data if sparse.issparse(m) else m for m in (seen[-1], data))
        assert np.shares_memory(mine, given)
        assert (data != before).sum() == 0


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


@pytest.mark.parametrize("n_classes", [2, 4])
def test_label_smoothing_is_fitting_soft_targets(rng, n_classes):
    X, y = rng.normal(size=(200, 3)), rng.integers(0, n_classes, 200)
    ours = LogisticRegression(label_smoothing=0.3, tol=1e-9).fit(X, y)
    # soft targets as rows that are repeated with each label, weighted with its probability
    soft = (np.eye(n_classes)[y] * 0.7 + 0.3 / n_classes).ravel()
    theirs = fit_of_scikit_learn(
        np.repeat(X, n_classes, axis=0), np.tile(np.arange(n_classes), 200), soft
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        ours.loss_history_[-1] * 200, objective(ours, X, y, label_smoothing=0.3), rtol=1e-10
    )


@pytest.mark.parametrize("C", [1.0, 1e6, np.inf])
@pytest.mark.parametrize("name", ["digits", "wide"])
def test_separable_data_end_cleanly(rng, C, name):
    X, y = raw("digits") if name == "digits" else (rng.normal(size=(30, 200)), np.arange(30) % 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LogisticRegression(C=C).fit(X, y)
    assert np.all(np.isfinite(model.coef_))
    assert model.n_iter_[0] < 500
    assert model.score(X, y) == 1.0


def test_warm_start(rng):
    X, y = raw("breast_cancer")
    model = LogisticRegression(warm_start=True).fit(X, y)
    first = model.n_iter_[0]
    assert model.fit(X, y).n_iter_[0] <= first // 3
    with pytest.raises(ValueError, match="coef_ must have shape"):
        model.fit(X[:, :5], y)
    with pytest.raises(ValueError, match="y must hold the classes of the previous fit"):
        model.fit(X, y + 1)
    X, y = raw("iris")
    model = LogisticRegression(warm_start=True, tol=1e-8).fit(X, y)
    model.coef_ = model.coef_ + 5.0  # another set of coefficients of the same probabilities
    again = clone(model).fit(X, y)
    model.fit(X, y)
    np.testing.assert_allclose(model.coef_, again.coef_, atol=1e-4)


def test_the_number_of_threads_changes_no_bit(rng, monkeypatch):
    monkeypatch.setattr(_threads, "MIN_PARALLEL_WORK", 0)
    X, y = rng.normal(size=(5000, 8)), rng.integers(0, 3, 5000)
    models = [
        LogisticRegression(n_threads=n).fit(X, y) for n in (1, min(2, _threads.get_num_threads()))
    ]
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)
    with pytest.raises(ValueError, match="n_threads"):
        LogisticRegression(n_threads=0).fit(X, y)


def test_max_iter_warns_with_figures():
    X, y = raw("breast_cancer")
    with pytest.warns(
        ConvergenceWarning,
        match=r"max_iter=3 iterations: max \|gradient\| .* estimated gap .* Increase max_iter",
    ):
        model = LogisticRegression(max_iter=3).fit(X, y)
    assert model.n_iter_[0] == 3
    assert len(model.loss_history_) == 4


def test_a_tolerance_below_rounding_ends():
    X, y = raw("iris")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(tol=1e-300, max_iter=100_000).fit(X, y)
    assert model.n_iter_[0] < 1000
    assert model.grad_norm_ < 1e-12


def test_an_interrupt_leaves_the_estimator_as_it_was(monkeypatch):
    X, y = raw("iris")
    model, fresh = LogisticRegression().fit(X, y), LogisticRegression()
    before = dict(vars(model))

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_solvers, "minimise", interrupt)
    for estimator in (model, fresh):
        with pytest.raises(KeyboardInterrupt):
            estimator.fit(X[:, :2], y)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)
    assert not hasattr(fresh, "n_features_in_")


def test_verbose_prints_progress(capsys):
    LogisticRegression(verbose=1).fit(*raw("iris"))
    printed = capsys.readouterr().out
    assert "iteration    1" in printed
    assert printed.endswith("converged\n")


# ---- bad input -----------------------------------------------------------------------------------

GOOD = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"C": 0.0}, ValueError, r"C must be above 0; got 0\.0"),
        ({"C": -1}, ValueError, "C must be above 0; got -1"),
        ({"C": np.nan}, ValueError, "C must be above 0; got nan"),
        ({"C": "1"}, TypeError, "C must be a number, above 0; got '1'"),
        ({"tol": 0.0}, ValueError, "tol must be finite and above 0"),
        ({"tol": np.inf}, ValueError, "tol must be finite and above 0"),
        ({"tol": None}, TypeError, "tol must be a number"),
        ({"max_iter": -1}, ValueError, "max_iter must not be negative"),
        ({"max_iter": 10.0}, TypeError, "max_iter must be an integer"),
        ({"label_smoothing": 1.5}, ValueError, r"label_smoothing must be from 0 to 1; got 1\.5"),
        ({"label_smoothing": np.nan}, ValueError, "label_smoothing must be from 0 to 1"),
        (
            {"l1_ratio": 0.5},
            ValueError,
            r"l1_ratio must be equal to 0 \(the only value supported so far\); got 0\.5",
        ),
        (
            {"solver": "saga"},
            ValueError,
            "solver must be one of 'auto', 'lbfgs', 'newton-cg', 'newton-cholesky'; got 'saga'",
        ),
        ({"class_weight": "other"}, ValueError, "class_weight must be a dict, 'balanced' or None"),
        (
            {"class_weight": {0: -1.0, 1: 1.0}},
            ValueError,
            "class_weight of class 0 must be finite and not negative; got -1.0",
        ),
        ({"class_weight": {0: "a"}}, TypeError, "class_weight of class 0 must be a number"),
        (
            {"class_weight": np.ones(2)},
            ValueError,
            "class_weight must be a dict, 'balanced' or None",
        ),
        ({"fit_intercept": "no"}, TypeError, "fit_intercept must be True or False; got 'no'"),
        ({"verbose": -1}, ValueError, "verbose must be an integer of at least 0; got -1"),
        (
            {"C": 1e-320},
            ValueError,
            r"C times the sum of the rows' weights must not be that small; got 1e-320 times",
        ),
        ({"n_threads": "two"}, TypeError, "n_threads must be None or an integer; got 'two'"),
        (
            {"n_threads": -1},
            ValueError,
            r"n_threads must be None or from 1 to \d+ \(the threads .*; got -1",
        ),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        LogisticRegression(**options).fit(*GOOD)


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (GOOD[0], np.zeros(6), {}, "at least 2 classes; got 1 class"),
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


@pytest.mark.parametrize("offset", [0.0, 1.6e18])
def test_sparse_columns_of_very_different_units_reach_the_optimum(rng, offset):
    # one column of nanoseconds beside categories: too many columns for their entries to factor a
    # Hessian
    n = 2000
    category = rng.integers(0, 400, n)
    y = rng.random(n) < expit(2.0 * rng.normal(size=400)[category])
    time = offset + rng.integers(0, 3 * 10**16, n)
    X = sparse.hstack(
        [
            sparse.csr_matrix((np.ones(n), category, np.arange(n + 1))),
            sparse.csr_matrix(time[:, np.newaxis]),
        ]
    ).tocsr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        of_sparse, of_dense = (
            LogisticRegression().fit(table, y).loss_history_[-1] for table in (X, X.toarray())
        )
    assert of_sparse <= of_dense * (1 + 1e-6)
    assert of_dense <= of_sparse * (1 + 1e-6)


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
        classes, target = linear_model._encode(labels)
        expected, numbers = np.unique(labels, return_inverse=True)
        assert classes.dtype == expected.dtype
        np.testing.assert_array_equal(classes, expected)
        np.testing.assert_array_equal(target, numbers)
        assert target.dtype == np.int64


def test_a_column_of_labels_is_warned_about():
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        model = LogisticRegression().fit(GOOD[0], GOOD[1][:, np.newaxis])
    np.testing.assert_array_equal(model.coef_, LogisticRegression().fit(*GOOD).coef_)


# ---- prediction ----------------------------------------------------------------------------------


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


# ---- the interface -------------------------------------------------------------------------------


def test_in_scikit_learns_tools():
    X, y = raw("breast_cancer")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.95
    search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, cv=3, n_jobs=2).fit(X, y)
    assert search.best_score_ > 0.9
    model = LogisticRegression(C=3.0, class_weight="balanced")
    assert clone(model).get_params() == model.get_params()
    with config_context(enable_metadata_routing=True):
        assert model.set_fit_request(sample_weight=True).get_metadata_routing().fit.requests == {
            "sample_weight": True
        }


@pytest.mark.parametrize("step", [1, -1])
def test_a_field_of_a_structured_array(step, rng):
    """Its strides are no whole number of elements."""
    table = np.zeros((60, 4), "f8,f4")
    table["f0"] = rng.standard_normal((60, 4))
    X, y = table["f0"][:, ::step], rng.integers(0, 2, 60)
    model = LogisticRegression().fit(X, y)
    expected = LogisticRegression().fit(X.copy(), y)
    np.testing.assert_array_equal(model.coef_, expected.coef_)
    np.testing.assert_array_equal(model.decision_function(X), expected.decision_function(X.copy()))


def test_blas_gets_its_threads_back_after_fits_at_once(rng):
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_info

    def blas_threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = blas_threads()
    X, y = rng.standard_normal((300, 5)), rng.integers(0, 3, 300)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: LogisticRegression().fit(X, y), range(12)))
    assert blas_threads() == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_takes_no_more_threads_than_asked_for(rng, monkeypatch):
    """Its vectors included, which are long where X has many columns."""
    X = sparse.random(2000, 30_000, 0.002, "csr", random_state=rng)
    y = rng.integers(0, 20, 2000)

    class Region:
        entered = 0

        def acquire(self, blocking):
            Region.entered += 1
            return False  # computes alone

    monkeypatch.setattr(_threads, "region", Region())
    with pytest.warns(ConvergenceWarning, match="still fell by more than such a gap"):
        LogisticRegression(n_threads=1, max_iter=3, tol=1.0).fit(X, y)
    assert Region.entered == 0
    with _threads.parallel_from(0):
        monkeypatch.setattr(_threads, "_n_threads", 2)
        LogisticRegression(max_iter=3, tol=1.0).fit(X, y)
    assert Region.entered > 0


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
            for n in (1, min(2, _threads.get_num_threads()))
        )
        np.testing.assert_array_equal(one, several)
        np.testing.assert_array_equal(getattr(model, method)(X[-3:]), several[-3:])


@pytest.mark.parametrize("C", [1e-290, 1e-295])
def test_a_penalty_near_the_largest_number_gives_no_stray_warning(C):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(20, 60)), np.arange(20) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=C).fit(X, y)
    assert np.all(np.isfinite(model.coef_))
