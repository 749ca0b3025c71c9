"""Callbacks of scikit-learn: what they are told, what they may stop, what a fit leaves behind."""

import os
import pickle
import threading

import numpy as np
import pytest
from linear_models import objective, raw
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastce
from fastce._optimize import minimise
from fastce.linear_model import LogisticRegression, _callbacks, _solve

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")


class Recorder:
    """Notes each call of a hook; stops the fit at the end of iteration `stop_after`, if given."""

    def __init__(self, stop_after=None, fails_at=None):
        self.calls, self.models, self.data = [], [], []
        self.stop_after, self.fails_at = stop_after, fails_at

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.calls.append(("end", context.task_name))
        if context.task_name == "fit":
            return False
        if self.fails_at == context.task_id:
            raise RuntimeError("a callback failed")
        if fitted_estimator is not None:
            self.models.append(fitted_estimator)
            self.data.append((X, y, metadata))
        return context.task_id + 1 == self.stop_after


def two(X, y):
    return X, (y > 0).astype(int)


def wide(X, y):
    rng = np.random.default_rng(0)
    return np.hstack([X[::10], rng.normal(size=(len(X[::10]), 200))]), y[::10]


# What a fit may work with: other coordinates, one logit, another intercept, other methods.
SITUATIONS = {
    "several classes": ({}, lambda X, y: (X, y)),
    "two classes": ({}, two),
    "no intercept": ({"fit_intercept": False}, lambda X, y: (X, y)),
    "sparse": ({}, lambda X, y: (sparse.csr_matrix(X), y)),
    "float32": ({}, lambda X, y: (X.astype(np.float32), y)),
    "row space": ({}, wide),
    "row space, two classes, no intercept": (
        {"fit_intercept": False},
        lambda X, y: two(*wide(X, y)),
    ),
    "liblinear": ({"solver": "liblinear", "intercept_scaling": 7.0}, two),
    "newton-cg": ({"solver": "newton-cg"}, lambda X, y: (X, y)),
    "newton-cholesky": ({"solver": "newton-cholesky"}, two),
    "without a penalty": ({"C": np.inf}, two),
}


@pytest.fixture(params=SITUATIONS)
def situation(request):
    """Give the parameters of a model and its data."""
    parameters, change = SITUATIONS[request.param]
    return {"C": 1.0} | parameters, change(*raw("iris"))


def dense(X):
    return X.toarray() if sparse.issparse(X) else X.astype(float)


def mean_objective(model, X, y):
    """Return what `loss_history_` holds; liblinear's intercept is penalised."""
    value = objective(model, dense(X), y, model.C)
    if model.solver == "liblinear":
        value += 0.5 * (model.intercept_[0] / model.intercept_scaling) ** 2
    return value / (len(y) if model.C == np.inf else model.C * len(y))


@pytest.mark.filterwarnings("ignore:Perfect separation")
def test_each_iteration_is_told_with_the_model_there(situation):
    parameters, (X, y) = situation
    plain = LogisticRegression(**parameters).fit(X, y)
    recorder = Recorder()
    model = LogisticRegression(**parameters).set_callbacks(recorder).fit(X, y)
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    n_iter = model.n_iter_[0]
    assert n_iter > 3
    name = "iter"
    if parameters.get("solver", "liblinear") != "liblinear":
        name = f"{parameters['solver']}-iter"
    each = [("begin", name), ("end", name)]
    root = [("setup", "fit"), ("begin", "fit")]
    # an empty task comes last, as scikit-learn's class has it
    assert recorder.calls == [*root, *each * (n_iter + 1), ("end", "fit"), ("teardown", "fit")]
    values = [mean_objective(m, X, y) for m in recorder.models]
    np.testing.assert_allclose(values, model.loss_history_[1:], rtol=1e-9)
    assert [m.n_iter_[0] for m in recorder.models] == list(range(1, n_iter + 1))
    for there in recorder.models:
        assert there.coef_.shape == model.coef_.shape
        assert there.intercept_.shape == model.intercept_.shape
        assert there.predict(X[:3]).shape == (3,)
    np.testing.assert_array_equal(recorder.models[-1].coef_, model.coef_)


def test_a_stop_ends_the_fit_without_a_warning(situation):
    parameters, (X, y) = situation
    recorder = Recorder(stop_after=3)
    model = LogisticRegression(**parameters).set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ == 3
    assert model.loss_history_.size == model.grad_norm_history_.size == 4
    assert recorder.calls[-1] == ("teardown", "fit")
    assert mean_objective(model, X, y) == pytest.approx(model.loss_history_[-1])
    np.testing.assert_array_equal(recorder.models[-1].coef_, model.coef_)
    # as is a fit of so many iterations
    parameters = parameters | {"max_iter": 3}
    with pytest.warns(ConvergenceWarning):
        shorter = LogisticRegression(**parameters).fit(X, y)
    np.testing.assert_array_equal(model.coef_, shorter.coef_)


def test_a_change_of_the_method_is_no_iteration(monkeypatch):
    monkeypatch.setattr(minimise, "choose", lambda *_: ("lbfgs", 3.0))
    X, y = raw("iris")
    recorder = Recorder()
    model = LogisticRegression().set_callbacks(recorder).fit(X, y)
    assert len(recorder.models) == model.n_iter_[0] > 3
    values = [mean_objective(m, X, y) for m in recorder.models]
    np.testing.assert_allclose(values, model.loss_history_[1:], rtol=1e-9)


@pytest.mark.parametrize("stop_after", [2, None])
def test_a_row_space_that_does_not_hold_the_minimum(stop_after, monkeypatch):
    """The fit begins again in the columns, and its tasks go on; where it was stopped, it ends."""
    monkeypatch.setattr(_solve, "_is_negligible", lambda *_: False)
    X, y = wide(*raw("iris"))
    recorder = Recorder(stop_after)
    model = LogisticRegression().set_callbacks(recorder).fit(X, y)
    values = [mean_objective(m, X, y) for m in recorder.models]
    n_iter = model.n_iter_[0]
    np.testing.assert_allclose(values[-n_iter:], model.loss_history_[1:], rtol=1e-9)
    assert (len(values) == n_iter == stop_after) if stop_after else len(values) > n_iter > 3


def nearly_equal_columns():
    """Return a problem that goes on in orthonormal columns."""
    k = np.array([0.0, 1, 2, 3, 0, 1, 2, 3])
    j = np.array([-1.0, 1, -1, 1, 1, -1, 1, -1])
    return np.column_stack([k, k + j * 2.0**-34]), np.array([0, 1, 0, 1, 1, 0, 0, 1])


def test_a_fit_that_goes_on_in_orthonormal_columns():
    X, y = nearly_equal_columns()
    recorder = Recorder()
    model = LogisticRegression(C=np.inf).set_callbacks(recorder).fit(X, y)
    first = Recorder(stop_after=1)
    LogisticRegression(C=np.inf).set_callbacks(first).fit(X, y)
    n_iter = model.n_iter_[0]
    assert len(recorder.models) == n_iter > 3
    assert model.grad_norm_history_.size == model.seconds_history_.size == n_iter + 1
    assert np.all(np.diff(model.seconds_history_) >= 0.0)
    assert [m.n_iter_[0] for m in recorder.models] == list(range(1, n_iter + 1))
    values = [mean_objective(m, X, y) for m in recorder.models]
    np.testing.assert_allclose(values, model.loss_history_[1:], rtol=1e-4)
    for n in range(1, n_iter):
        stopped = LogisticRegression(C=np.inf).set_callbacks(Recorder(stop_after=n)).fit(X, y)
        assert stopped.n_iter_ == n
        assert stopped.loss_history_.size == n + 1


@pytest.mark.parametrize("parameters", [{"max_iter": 0}, {"warm_start": True}])
def test_no_iteration_is_one_task_that_changes_nothing(parameters):
    X, y = raw("iris")
    model = LogisticRegression(**parameters)
    if "warm_start" in parameters:
        model.fit(X, y)
    model.set_callbacks(recorder := Recorder())
    if "warm_start" in parameters:
        model.fit(X, y)
    else:
        with pytest.warns(UserWarning, match="max_iter"):
            model.fit(X, y)
    assert model.n_iter_ == 0
    assert recorder.calls.count(("end", "iter")) == 2
    np.testing.assert_array_equal(recorder.models[0].coef_, model.coef_)


def test_callbacks_get_the_data_of_the_fit():
    X, y = raw("iris")
    labels = np.array(["a", "b", "c"])[y]
    weights = np.arange(1.0, len(y) + 1)
    recorder = Recorder()
    LogisticRegression().set_callbacks(recorder).fit(X.tolist(), labels.tolist(), weights)
    X_there, y_there, metadata = recorder.data[0]
    np.testing.assert_array_equal(X_there, X)
    np.testing.assert_array_equal(y_there, labels)
    assert metadata["sample_weight"] is weights
    recorder = Recorder()
    LogisticRegression().set_callbacks(recorder).fit(X, y, 2.0)
    np.testing.assert_array_equal(recorder.data[0][2]["sample_weight"], np.full(len(y), 2.0))


def scores(monitor, name="accuracy"):
    rows = monitor.get_logs().data
    return [row[name] for row in rows if row["task_name"].endswith("iter")]


def test_a_scoring_monitor_scores_each_iteration():
    X, y = raw("breast_cancer")
    monitor = callback.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model = LogisticRegression().set_callbacks(monitor).fit(X, y)
    assert len(scores(monitor)) == model.n_iter_
    assert scores(monitor)[-1] == model.score(X, y)
    losses = scores(monitor, "neg_log_loss")
    assert losses[-1] > losses[0]


def test_a_scoring_monitor_of_a_frame_does_not_warn():
    pandas = pytest.importorskip("pandas")
    X, y = raw("iris")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = LogisticRegression().set_callbacks(monitor).fit(frame, y)
    assert len(scores(monitor)) == model.n_iter_


def number_of_threads(model, X, y):
    """Return, as a score, how many threads this process may use."""
    return {"n_threads": fastce.get_num_threads()}


@pytest.mark.parametrize("n_jobs", [None, -1])
def test_in_a_grid_search(n_jobs):
    X, y = raw("iris")
    monitor = callback.ScoringMonitor(scoring=number_of_threads)
    search = GridSearchCV(
        LogisticRegression().set_callbacks(monitor), {"C": [0.1, 1.0]}, cv=2, n_jobs=n_jobs
    ).fit(X, y)
    rows = monitor.get_logs().data
    paths = {row["parent_task_id_path"] for row in rows if row["task_name"] == "iter"}
    assert len(paths) == 5  # two candidates on two splits, and the best one on all rows
    refit = [row for row in rows if row["parent_task_id_path"] == (0, 1)]
    assert len(refit) == search.best_estimator_.n_iter_
    if n_jobs is not None and "NUMBA_NUM_THREADS" in os.environ:
        pytest.skip("NUMBA_NUM_THREADS, not joblib, says how many threads workers have")
    if n_jobs is not None:  # workers share the cores
        in_workers = [row for row in rows if row["task_id_path"][:2] == (0, 0)]
        assert {row["n_threads"] for row in in_workers} == {1}


def test_a_stop_in_a_grid_search_stops_one_fit():
    X, y = raw("iris")
    model = LogisticRegression().set_callbacks(Recorder(stop_after=3))
    search = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=2).fit(X, y)
    assert search.best_estimator_.n_iter_ == 3


def test_progress_bars_of_all_levels(capsys):
    pytest.importorskip("rich")
    X, y = raw("iris")
    bar = callback.ProgressBar(max_propagation_depth=None)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2).set_callbacks(bar).fit(X, y)
    assert "LogisticRegression - fit" in capsys.readouterr().out
    LogisticRegression().set_callbacks(bar).fit(X, y)
    assert "100%" in capsys.readouterr().out


@pytest.mark.parametrize("fails", ["labels", "callback", "interrupt"])
def test_a_failed_fit_leaves_no_thread_and_no_trace(fails, monkeypatch, capsys):
    pytest.importorskip("rich")
    X, y = raw("iris")
    recorder = Recorder(fails_at=2 if fails == "callback" else None)
    model = LogisticRegression().fit(X, y).set_callbacks(callback.ProgressBar(), recorder)
    before, threads = dict(vars(model)), set(threading.enumerate())
    error = {"labels": ValueError, "callback": RuntimeError, "interrupt": KeyboardInterrupt}[fails]
    if fails == "interrupt":

        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(minimise, "minimise", interrupt)
    with pytest.raises(error):
        model.fit(X[:, :2], np.zeros(len(y)) if fails == "labels" else y)
    assert vars(model) == before
    assert {thread for thread in threading.enumerate() if not thread.daemon} <= threads
    if fails != "labels":
        assert recorder.calls[-1] == ("teardown", "fit")


def test_clones_and_pickles_keep_callbacks():
    model = LogisticRegression(C=3.0).set_callbacks(Recorder(stop_after=2))
    X, y = raw("iris")
    assert clone(model).fit(X, y).n_iter_ == 2
    again = pickle.loads(pickle.dumps(model.fit(X, y)))
    assert again.fit(X, y).n_iter_ == 2
    assert again.set_callbacks().fit(X, y).n_iter_ > 2
    assert not [name for name in vars(model) if "callback" in name and name != "_skl_callbacks"]


def test_without_callbacks_nothing_is_made(monkeypatch):
    monkeypatch.setattr(_callbacks, "FitTasks", None)
    monkeypatch.setattr(LogisticRegression, "_init_callback_context", None)
    X, y = raw("iris")
    model = LogisticRegression().set_callbacks().fit(X, y)
    search = GridSearchCV(model, {"C": [1.0]}, cv=2).set_callbacks(Recorder())
    assert search.fit(X, y).best_estimator_.n_iter_ > 3


def test_a_callback_may_fit():
    X, y = raw("iris")

    class Fitting(Recorder):
        """Fits another model to the same data at the end of each task."""

        def on_fit_task_end(self, estimator, context):
            self.models.append(LogisticRegression().fit(X, y))

    fitting = Fitting()
    model = LogisticRegression().set_callbacks(fitting).fit(X, y)
    assert len(fitting.models) > 3
    for other in fitting.models:
        np.testing.assert_array_equal(other.coef_, model.coef_)


def test_warnings_point_at_the_line_that_fits():
    X, y = raw("iris")
    with pytest.warns(UserWarning, match="max_iter") as caught:
        LogisticRegression(max_iter=1).set_callbacks(Recorder()).fit(X, y)
    assert caught[0].filename == __file__


def test_soft_labels_are_told_as_they_are():
    y = np.array([[1.0, 0.0], [0.5, 0.5], [0.1, 0.9]])
    recorder = Recorder()
    LogisticRegression().set_callbacks(recorder).fit([[0.0], [1.0], [2.0]], y)
    np.testing.assert_array_equal(recorder.data[0][1], y)


def test_an_older_scikit_learn_has_no_callbacks(monkeypatch):
    monkeypatch.setattr(_callbacks, "with_callbacks", None)
    model = LogisticRegression().set_callbacks(Recorder(stop_after=2))
    assert not _callbacks.has_callbacks(model)
    assert model.fit(*raw("iris")).n_iter_ > 2


def test_callbacks_hear_of_overflows_as_the_caller_does():
    seen = []

    class Asking(Recorder):
        """Notes what NumPy does where a number overflows."""

        def on_fit_task_end(self, estimator, context):
            seen.append(np.geterr()["over"])

    with np.errstate(over="raise"):
        LogisticRegression().set_callbacks(Asking()).fit(*raw("iris"))
    assert set(seen) == {"raise"}
