"""LogisticRegression: the optimum beside scikit-learn's, options, warnings, pickles."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from linear_models import fit_of_scikit_learn, objective, raw
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastce
from fastce._core import threads
from fastce._core.design import as_design
from fastce._linear import loss as linear_loss
from fastce._optimize import minimise
from fastce.linear_model import LogisticRegression, SeparationWarning


@parametrize_with_checks(
    [LogisticRegression(), LogisticRegression(C=3.0, label_smoothing=0.05, tol=1e-8)]
)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        # the checks fit data of a few rows, pandas and others' deprecations included
        warnings.simplefilter("ignore")
        assert check(estimator) is None


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
    original = linear_loss.LinearLoss.__init__

    def spy(self, data, *args, **kwargs):
        seen.append(data)
        original(self, data, *args, **kwargs)

    monkeypatch.setattr(linear_loss.LinearLoss, "__init__", spy)
    for data in (X, np.asfortranarray(X), X.astype(np.float32), X[:, ::2], sparse.csr_matrix(X)):
        before = data.copy()
        LogisticRegression().fit(data, y)
        mine = as_design(seen[-1]).matrix()
        assert np.shares_memory(*(x.data if sparse.issparse(x) else x for x in (mine, data)))
        assert (data != before).sum() == 0


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
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = LogisticRegression(C=C).fit(X, y)
    assert [warning.category for warning in caught] == [SeparationWarning] * (C == np.inf)
    assert np.all(np.isfinite(model.coef_))
    assert model.n_iter_[0] < 500
    assert model.score(X, y) == 1.0


def test_warm_start(rng):
    X, y = raw("breast_cancer")
    model = LogisticRegression(warm_start=True).fit(X, y)
    first = model.n_iter_[0]
    assert model.fit(X, y).n_iter_[0] <= first // 3
    with pytest.raises(ValueError, match="coef_ must have a column for each of the 5 features"):
        model.fit(X[:, :5], y)
    # other names are other classes, and the same start, as in scikit-learn
    assert model.fit(X, y + 1).n_iter_[0] <= first // 3
    assert model.classes_.tolist() == [1, 2]
    with pytest.raises(ValueError, match="y must hold as many classes as the previous fit's"):
        model.fit(X, np.arange(len(X)) % 3)
    model.coef_, model.intercept_ = np.vstack([-model.coef_, model.coef_]), model.intercept_[[0, 0]]
    assert model.fit(X, y).coef_.shape == (1, 30)
    X, y = raw("iris")
    model = LogisticRegression(warm_start=True, tol=1e-8).fit(X, y)
    model.coef_ = model.coef_ + 5.0  # another set of coefficients of the same probabilities
    again = clone(model).fit(X, y)
    model.fit(X, y)
    np.testing.assert_allclose(model.coef_, again.coef_, atol=1e-4)


@pytest.mark.parametrize("name", ["coef_", "intercept_"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_warm_start_that_is_not_finite_is_named(name, value):
    X, y = raw("iris")
    model = LogisticRegression(warm_start=True).fit(X, y)
    getattr(model, name)[...] = value
    with pytest.raises(ValueError, match=f"{name} must be finite when warm_start is set"):
        model.fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["auto", "newton-cg", "liblinear"])
def test_no_iterations_leave_zeros(solver):
    X, y = raw("breast_cancer")
    model = LogisticRegression(max_iter=0, solver=solver).fit(X, y)
    assert model.n_iter_[0] == 0
    assert not model.coef_.any()
    np.testing.assert_array_equal(model.predict_proba(X), 0.5)


def test_the_number_of_threads_changes_no_bit(rng, monkeypatch):
    monkeypatch.setattr(threads, "MIN_PARALLEL_WORK", 0)
    X, y = rng.normal(size=(5000, 8)), rng.integers(0, 3, 5000)
    models = [
        LogisticRegression(n_threads=n).fit(X, y) for n in (1, min(2, threads.get_num_threads()))
    ]
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)
    with pytest.raises(ValueError, match="n_threads"):
        LogisticRegression(n_threads=0).fit(X, y)


def test_max_iter_warns_with_figures():
    X, y = raw("breast_cancer")
    with pytest.warns(
        ConvergenceWarning,
        match=r"(?s)max_iter=3 iterations: max \|gradient\| .* estimated gap .*\nIncrease the",
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

    monkeypatch.setattr(minimise, "minimise", interrupt)
    for estimator in (model, fresh):
        with pytest.raises(KeyboardInterrupt):
            estimator.fit(X[:, :2], y)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)
    assert not hasattr(fresh, "n_features_in_")


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

    monkeypatch.setattr(threads, "region", Region())
    with pytest.warns(
        ConvergenceWarning, match="have lost their digits or the objective still fell"
    ):
        LogisticRegression(n_threads=1, max_iter=3, tol=1.0).fit(X, y)
    assert Region.entered == 0
    with threads.parallel_from(0):
        monkeypatch.setattr(threads, "_n_threads", 2)
        LogisticRegression(max_iter=3, tol=1.0).fit(X, y)
    assert Region.entered > 0


def test_a_warning_points_at_the_line_that_called_fit():
    X, y = raw("wine")
    with pytest.warns(ConvergenceWarning) as caught:
        LogisticRegression(max_iter=1).fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]


def test_a_pickle_of_the_module_that_is_a_folder_now_predicts():
    X, y = raw("iris")
    model = LogisticRegression().fit(X, y)
    text = pickle.dumps(model, protocol=0)
    assert b"fastce.linear_model._logistic" in text
    loaded = pickle.loads(text.replace(b"fastce.linear_model._logistic", b"fastce.linear_model"))
    assert type(loaded) is LogisticRegression
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_pickle_that_0_1_0_wrote_is_a_model():
    """It lacks scikit-learn's parameters that came later."""
    X, y = raw("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    model = pickle.loads((Path(__file__).parent / "logistic-0.1.0.pickle").read_bytes())
    assert model.predict(X[::50]).tolist() == names.tolist()
    np.testing.assert_allclose(
        model.predict_proba(X[::50])[0], [0.9170791221467416, 0.0823278317813, 0.00059304607195719]
    )
    options = {"C": 3.0, "solver": "newton-cholesky", "label_smoothing": 0.125}
    assert model.get_params() == LogisticRegression(**options).get_params()
    assert repr(model) == repr(LogisticRegression(**options))
    again = clone(model).fit(X, names[y])
    np.testing.assert_allclose(again.coef_, model.coef_, rtol=1e-3)
    assert vars(pickle.loads(pickle.dumps(model))).keys() == vars(model).keys()


def test_a_pickle_of_a_newer_version_warns():
    model = LogisticRegression().fit(*raw("iris"))
    state = model.__getstate__()
    assert state["_fastce_version"] == fastce.__version__
    newer = LogisticRegression()
    with pytest.warns(UserWarning, match=r"was pickled by fastce 1000\.1, which is newer than"):
        newer.__setstate__(state | {"_fastce_version": "1000.1", "of_the_future": 1})
    assert vars(newer) == vars(model) | {"of_the_future": 1}


def test_a_skops_file_is_the_model():
    skops_io = pytest.importorskip("skops.io")
    X, y = raw("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    trusted = ["fastce.linear_model._logistic.LogisticRegression"]  # the guide names them
    plain = LogisticRegression(C=3.0).fit(X, names[y])
    sparse = LogisticRegression().fit(X, y).sparsify()
    for model, types in ((plain, trusted), (sparse, [*trusted, "scipy.sparse._csr.csr_matrix"])):
        file = skops_io.dumps(make_pipeline(model))
        assert skops_io.get_untrusted_types(data=file) == types
        loaded = skops_io.loads(file, trusted=types)[0]
        assert vars(loaded).keys() == vars(model).keys()
        assert repr(loaded) == repr(model)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        assert skops_io.dumps(make_pipeline(loaded))


def test_a_skops_file_of_a_newer_version_warns(monkeypatch):
    skops_io = pytest.importorskip("skops.io")
    model = LogisticRegression().fit(*raw("iris"))
    monkeypatch.setattr("fastce.linear_model._logistic.__version__", "1000.1")
    file = skops_io.dumps(model)
    monkeypatch.undo()
    with pytest.warns(UserWarning, match=r"was pickled by fastce 1000\.1, which is newer than"):
        skops_io.loads(file, trusted=skops_io.get_untrusted_types(data=file))
