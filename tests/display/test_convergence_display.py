"""The picture of convergence: curves, axes, names, and what has no history."""

import sys

import numpy as np
import pytest
from linear_models import fit_of_scikit_learn, raw
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastce.display import ConvergenceDisplay
from fastce.linear_model import LogisticRegression


@pytest.fixture
def pyplot():
    """Give matplotlib's pyplot, without a window, and close its figures afterwards."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    return LogisticRegression().fit(*raw("wine"))


@pytest.fixture(scope="module")
def newton():
    return LogisticRegression(solver="newton-cg").fit(*raw("wine"))


def test_the_objective_against_iterations(pyplot, model):
    display = ConvergenceDisplay.from_estimator(model)
    (line,) = display.lines_
    x, y = line.get_data()
    losses = model.loss_history_
    np.testing.assert_array_equal(x, np.arange(model.n_iter_[0] + 1))
    is_lowest = losses == losses.min()
    np.testing.assert_array_equal(np.isnan(y), is_lowest)
    np.testing.assert_array_equal(y[~is_lowest], (losses - losses.min())[~is_lowest])
    assert line.get_label() == "LogisticRegression"
    assert display.ax_.get_yscale() == "log"
    assert display.ax_.get_xlabel() == "iterations"
    assert display.ax_.get_ylabel() == "suboptimality"
    assert display.ax_.get_legend() is not None
    assert display.figure_ is display.ax_.figure
    display.figure_.canvas.draw()


def test_the_gradient_against_seconds(pyplot, model):
    display = ConvergenceDisplay.from_estimator(model, quantity="gradient", against="seconds")
    x, y = display.lines_[0].get_data()
    np.testing.assert_array_equal(x, model.seconds_history_)
    np.testing.assert_array_equal(y, model.grad_norm_history_)
    assert display.ax_.get_xlabel() == "seconds"
    assert display.ax_.get_ylabel() == "max |gradient|"
    assert np.all(np.diff(x) >= 0.0)
    assert y[-1] == model.grad_norm_


def test_several_fits_are_above_the_lowest_of_all(pyplot, model, newton):
    display = ConvergenceDisplay.from_estimators([model, newton])
    minimum = min(model.loss_history_.min(), newton.loss_history_.min())
    for line, each in zip(display.lines_, (model, newton), strict=True):
        y = line.get_ydata()
        kept = ~np.isnan(y)
        np.testing.assert_array_equal(y[kept], (each.loss_history_ - minimum)[kept])
        np.testing.assert_array_equal(kept, each.loss_history_ > minimum)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["LogisticRegression()", "LogisticRegression(solver='newton-cg')"]


def test_names_options_and_axes_are_the_callers(pyplot, model, newton):
    _, axes = pyplot.subplots(1, 2)
    display = ConvergenceDisplay.from_estimators(
        {"default": model, "Newton": newton},
        ax=axes[1],
        minimum=0.0,
        curve_kwargs=[{"color": "red"}, {"marker": "s", "label": "N"}],
    )
    assert display.ax_ is axes[1]
    assert not axes[0].lines
    first, second = display.lines_
    assert (first.get_label(), first.get_color()) == ("default", "red")
    assert (second.get_label(), second.get_marker()) == ("N", "s")
    np.testing.assert_array_equal(first.get_ydata(), model.loss_history_)
    again = display.plot(axes[0], quantity="gradient", curve_kwargs={"linewidth": 3})
    assert again is display
    assert display.ax_ is axes[0]
    assert [line.get_linewidth() for line in display.lines_] == [3, 3]
    named = ConvergenceDisplay.from_estimator(model, name="mine", curve_kwargs={"ls": "--"})
    assert named.lines_[0].get_label() == "mine"
    assert named.lines_[0].get_linestyle() == "--"


def test_the_last_step_of_pipelines_and_searches(pyplot):
    X, y = raw("iris")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=2).fit(X, y)
    display = ConvergenceDisplay.from_estimator(search, quantity="gradient")
    inside = search.best_estimator_[-1]
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), inside.grad_norm_history_)
    assert display.lines_[0].get_label() == "LogisticRegression"


def test_a_fit_that_was_stopped_early(pyplot):
    with pytest.warns(UserWarning, match="max_iter"):
        model = LogisticRegression(max_iter=0).fit(*raw("iris"))
    display = ConvergenceDisplay.from_estimator(model, quantity="gradient")
    assert display.lines_[0].get_xdata().size == 1


@pytest.mark.parametrize("wrap", [lambda model: model, lambda model: make_pipeline(model)])
def test_an_estimator_without_a_history_is_refused(pyplot, wrap):
    theirs = wrap(fit_of_scikit_learn(*raw("iris")))
    with pytest.raises(
        TypeError, match=r"estimator must keep the history .* got sklearn.*LogisticRegression"
    ):
        ConvergenceDisplay.from_estimator(theirs)


def test_a_model_of_an_older_version_is_named(pyplot, model):
    older = LogisticRegression()
    vars(older).update(vars(model))
    del older.seconds_history_
    with pytest.raises(TypeError, match=r"without seconds_history_ was it fitted by an older"):
        ConvergenceDisplay.from_estimator(older)


@pytest.mark.parametrize(
    "wrap",
    [lambda model: model, make_pipeline, lambda model: GridSearchCV(model, {"C": [1.0]})],
    ids=["alone", "pipeline", "search"],
)
def test_a_model_that_is_not_fitted_is_refused(pyplot, wrap):
    with pytest.raises(NotFittedError):
        ConvergenceDisplay.from_estimator(wrap(LogisticRegression()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantity": "loss"}, r"quantity must be one of \('objective', 'gradient'\); got 'loss'"),
        ({"against": "passes"}, r"against must be one of \('iterations', 'seconds'\)"),
        ({"minimum": np.nan}, "minimum must be a finite number or None; got nan"),
        ({"minimum": "0"}, "minimum must be a finite number or None; got '0'"),
        ({"curve_kwargs": [{}, {}]}, "curve_kwargs must be a dict, or a list of 1"),
        ({"curve_kwargs": {"nonsense": 3}}, "curve_kwargs must .* got {'nonsense': 3}: .*nonsense"),
        ({"curve_kwargs": {"color": "plaid"}}, "curve_kwargs must .* got {'color': 'plaid'}: "),
        ({"curve_kwargs": {"ms": 3, "markersize": 4}}, "curve_kwargs must .* Got both"),
    ],
)
def test_bad_options_are_named(pyplot, model, options, message):
    with pytest.raises(ValueError, match=message):
        ConvergenceDisplay.from_estimator(model, **options)
    assert not pyplot.get_fignums()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"curve_kwargs": 3}, "curve_kwargs must be a dict, or a list of 1, .* got 3"),
        ({"curve_kwargs": "red"}, "curve_kwargs must be a dict, or a list of 1, .* got 'red'"),
        ({"curve_kwargs": [3]}, "curve_kwargs must hold a dict for each curve; got 3"),
        ({"ax": np.array([None, None])}, "ax must be one Axes of matplotlib or None; got ndarray"),
    ],
)
def test_options_of_a_wrong_type_are_named(pyplot, model, options, message):
    with pytest.raises(TypeError, match=message):
        ConvergenceDisplay.from_estimator(model, **options)
    assert not pyplot.get_fignums()


def test_options_have_long_and_short_names(pyplot, model):
    for name in ("ms", "markersize"):
        display = ConvergenceDisplay.from_estimator(model, curve_kwargs={name: 3})
        assert display.lines_[0].get_markersize() == 3


def test_a_picture_that_fails_leaves_nothing(pyplot, model):
    losses, grad_norms = [model.loss_history_] * 2, [model.grad_norm_history_] * 2
    display = ConvergenceDisplay(losses, grad_norms, [model.seconds_history_, [0.0]], "ab")
    with pytest.raises(ValueError, match="same first dimension"):
        display.plot(against="seconds")
    assert not pyplot.get_fignums()
    _, ax = pyplot.subplots()
    with pytest.raises(ValueError, match="same first dimension"):
        display.plot(ax, against="seconds")
    assert not ax.lines
    assert len(pyplot.get_fignums()) == 1
    assert not hasattr(display, "lines_")


def test_a_minimum_above_a_curve_warns(pyplot, model, newton):
    lowest = float(model.loss_history_.min())
    with pytest.warns(UserWarning, match="minimum must not be above .* 'mine' falls to") as caught:
        display = ConvergenceDisplay.from_estimator(model, name="mine", minimum=2 * lowest)
    assert [warning.filename for warning in caught] == [__file__]
    y = display.lines_[0].get_ydata()
    np.testing.assert_array_equal(np.isnan(y), model.loss_history_ <= 2 * lowest)
    # the minimum of another fit differs by rounding errors
    ConvergenceDisplay.from_estimators([model, newton], minimum=lowest * (1 + 1e-12))


def test_a_fit_of_which_nothing_is_drawn_warns(pyplot):
    with pytest.warns(UserWarning, match="max_iter"):
        model = LogisticRegression(max_iter=0).fit(*raw("iris"))
    with pytest.warns(UserWarning, match="nothing is drawn of 'mine', .* above 0: set minimum"):
        ConvergenceDisplay.from_estimator(model, name="mine")


def test_no_estimators_are_refused(pyplot):
    with pytest.raises(ValueError, match="estimators must hold at least one estimator"):
        ConvergenceDisplay.from_estimators([])


def test_without_matplotlib_the_extra_is_named(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'fastce\[plot\]'"):
        ConvergenceDisplay.from_estimator(model)
