"""scikit-learn's parameters: their rules, deprecations, contradictions, and what they mean."""

import inspect
import warnings
from numbers import Real
from typing import ClassVar

import numpy as np
import pytest
import sklearn
from linear_models import fit_of_scikit_learn, objective, raw
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import Interval, InvalidParameterError

from fastce.linear_model import LogisticRegression

# No plane separates the classes: five of the six rows stand there once with each label.
_ROWS = np.arange(12.0).reshape(6, 2) % 5
GOOD = np.tile(_ROWS, (2, 1)), np.array([0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1])
IS_19 = sklearn.__version__.startswith("1.9.")
# Beside ours, those whose defaults differ.
OURS = {"label_smoothing": 0.0, "n_threads": None, "solver": "auto", "max_iter": 2000}


@pytest.mark.skipif(not IS_19, reason="the signature is that of scikit-learn 1.9")
def test_the_signature_is_scikit_learns_and_ours():
    theirs = inspect.signature(Theirs).parameters
    ours = inspect.signature(LogisticRegression).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert {name: p.default for name, p in ours.items()} == {
        name: p.default for name, p in theirs.items()
    } | OURS
    assert all(ours[name].kind == theirs[name].kind for name in theirs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"C": 0.0}, r"'C' parameter of LogisticRegression .* range \(0.0, inf\]. Got 0.0 instead"),
        ({"C": np.nan}, "'C' parameter .* Got nan"),
        ({"C": "1"}, "'C' parameter .* Got '1'"),
        ({"tol": -1e-9}, "'tol' parameter"),
        ({"tol": np.inf}, "'tol' parameter"),
        ({"tol": None}, "'tol' parameter"),
        ({"max_iter": -1}, "'max_iter' parameter"),
        ({"max_iter": 10.0}, "'max_iter' parameter of LogisticRegression must be an int"),
        ({"label_smoothing": 1.5}, "'label_smoothing' parameter"),
        ({"label_smoothing": np.nan}, "'label_smoothing' parameter"),
        ({"l1_ratio": 1.5}, "'l1_ratio' parameter"),
        ({"dual": 1}, "'dual' parameter"),
        ({"penalty": "l3"}, "'penalty' parameter"),
        ({"penalty": 0.5}, r"'penalty' parameter .* first parameter.* write C=0\.5"),
        ({"intercept_scaling": 0}, "'intercept_scaling' parameter"),
        ({"random_state": "one"}, "'random_state' parameter"),
        ({"solver": "sga"}, "'solver' parameter .* must be a str among"),
        ({"class_weight": "other"}, "'class_weight' parameter"),
        ({"class_weight": np.ones(2)}, "'class_weight' parameter"),
        ({"class_weight": {0: -1.0, 1: 1.0}}, "class_weight of class 0 must be a number, .* -1.0"),
        ({"class_weight": {0: "a"}}, "class_weight of class 0 must be a number"),
        ({"fit_intercept": 1}, "'fit_intercept' parameter"),
        ({"warm_start": "no"}, "'warm_start' parameter"),
        ({"verbose": -1}, "'verbose' parameter"),
        ({"n_jobs": 1.5}, "'n_jobs' parameter"),
        ({"n_threads": "two"}, "'n_threads' parameter"),
        ({"n_threads": 0}, "'n_threads' parameter"),
        ({"C": 10**400}, "C must be in the range of floats; got an integer beyond it"),
    ],
)
def test_a_parameter_that_breaks_its_rule_is_named(options, message):
    model = LogisticRegression(**options)
    before = dict(vars(model))
    with pytest.raises(InvalidParameterError, match=message) as caught:
        model.fit(*GOOD)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)
    assert vars(model) == before


def test_the_first_argument_is_the_penalty_and_a_number_there_names_C():
    assert LogisticRegression(None).penalty is None
    with pytest.raises(ValueError, match=r"write C=2\.0"):
        LogisticRegression(2.0).fit(*GOOD)


def test_scikit_learns_setting_turns_the_rules_off():
    with config_context(skip_parameter_validation=True):
        model = LogisticRegression(max_iter=20.0, n_threads=np.int64(1)).fit(*GOOD)
    assert model.coef_.shape == (1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"solver": "lbfgs", "l1_ratio": 1},
            "^Solver lbfgs supports only 'l2' or None penalties, got l1 penalty.$",
        ),
        ({"solver": "newton-cg", "l1_ratio": 0.5}, "got elasticnet penalty"),
        ({"dual": True}, "^Solver auto supports only dual=False, got dual=True$"),
        ({"dual": True, "solver": "saga"}, "^Solver saga supports only dual=False, got dual=True$"),
        (
            {"solver": "liblinear", "l1_ratio": 0.5},
            "^Only 'saga' solver supports elasticnet penalty, got solver=liblinear.$",
        ),
        (
            {"solver": "liblinear", "C": np.inf},
            "^C=np.inf as well as penalty=None is not supported for the liblinear solver$",
        ),
        ({"l1_ratio": 0.5}, "^l1_ratio must be 0, .* not there yet; got l1_ratio=0.5$"),
        ({"l1_ratio": 1, "solver": "liblinear"}, "not there yet; got l1_ratio=1$"),
    ],
)
def test_what_cannot_be_together_is_an_error_in_scikit_learns_words(options, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**options).fit(*GOOD)


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_an_l1_penalty_by_its_old_name_is_refused_too(penalty):
    with pytest.raises(ValueError, match=f"not there yet; got l1_ratio=0.5, penalty='{penalty}'$"):
        LogisticRegression(penalty, l1_ratio=0.5).fit(*GOOD)


def test_liblinear_has_two_classes():
    with pytest.raises(ValueError, match=r"^The 'liblinear' solver does not support mult"):
        LogisticRegression(solver="liblinear").fit(*raw("iris"))


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        ({"penalty": "l2"}, ["'penalty' was deprecated"]),
        ({"penalty": None}, ["'penalty' was deprecated"]),
        ({"penalty": None, "C": 4.0}, ["'penalty' was", "Setting penalty=None will ignore the C"]),
        ({"penalty": "l2", "l1_ratio": 1}, ["'penalty' was", "Inconsistent values: penalty=l2"]),
        (
            {"penalty": "l2", "l1_ratio": 0.5},
            ["'penalty' was", "l1_ratio parameter is only used when", "Inconsistent values"],
        ),
        ({"l1_ratio": None}, ["'l1_ratio=None' was deprecated"]),
        ({"n_jobs": 2}, ["'n_jobs' has no effect since 1.8"]),
        ({"intercept_scaling": 3.0}, []),
        ({"random_state": 0, "solver": "saga"}, []),
        ({"C": np.inf}, []),
    ],
)
def test_what_scikit_learn_deprecated_warns_at_the_line_of_fit(options, messages):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        LogisticRegression(**options).fit(*GOOD)
    assert len(caught) == len(messages)
    for warning, message in zip(caught, messages, strict=True):
        assert str(warning.message).startswith(message)
        assert warning.filename == __file__
    if IS_19:
        with warnings.catch_warnings(record=True) as theirs:
            warnings.simplefilter("always")
            Theirs(**options).fit(*GOOD)
        assert {str(w.message) for w in caught} == {
            str(w.message) for w in theirs if w.category is not ConvergenceWarning
        }


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"penalty": None, "C": 0.1}, {"C": np.inf}),
        ({"penalty": "l2", "C": 0.1, "l1_ratio": 1.0}, {"C": 0.1}),
        ({"penalty": "elasticnet", "C": 0.1}, {"C": 0.1}),
        ({"penalty": "l2", "C": np.inf}, {"C": np.inf}),
        ({"l1_ratio": 1, "C": np.inf}, {"C": np.inf}),
        ({"l1_ratio": None, "C": 0.1}, {"C": 0.1}),
    ],
)
def test_the_penalty_by_its_old_name_means_what_it_meant(options, expected):
    X, y = raw("wine")
    X, y = (X - X.mean(axis=0))[:, :2], y > 0
    model = LogisticRegression(**options).fit(X, y)
    np.testing.assert_array_equal(model.coef_, LogisticRegression(**expected).fit(X, y).coef_)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_clones_and_a_grid_over_the_penalty():
    X, y = raw("iris")
    search = GridSearchCV(LogisticRegression(), {"penalty": ["l2", None], "C": [1.0]}, cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        search.fit(X, y)
    assert {p["penalty"] for p in search.cv_results_["params"]} == {"l2", None}
    model = LogisticRegression("l2", dual=True, solver="liblinear").set_params(n_jobs=1)
    assert clone(model).get_params() == model.get_params()
    assert repr(LogisticRegression(C=2.0, solver="saga")) == (
        "LogisticRegression(C=2.0, solver='saga')"
    )


@pytest.mark.parametrize("solver", ["sag", "saga"])
def test_sag_and_saga_are_the_same_optimum(solver):
    X, y = raw("wine")
    model = LogisticRegression(solver=solver).fit(X, y)
    best = objective(fit_of_scikit_learn(X, y), X, y)
    assert objective(model, X, y) <= best * (1 + 1e-5)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cg", "newton-cholesky"])
def test_a_tolerance_of_zero_gives_what_float64_has(solver):
    X, y = raw("iris")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(tol=0, solver=solver).fit(X, y)
    assert model.grad_norm_ < 1e-12
    assert model.n_iter_[0] < 1000


def test_a_subclass_has_rules_of_its_own():
    class Bounded(LogisticRegression):
        _parameter_constraints: ClassVar = {
            **LogisticRegression._parameter_constraints,
            "extra": [Interval(Real, 0, None, closed="left")],
        }

        def __init__(self, extra=1.0):
            super().__init__()
            self.extra = extra

    X, y = raw("iris")
    Bounded().fit(X, y)
    with pytest.raises(InvalidParameterError, match="'extra' parameter of Bounded must be"):
        Bounded(extra=-3.0).fit(X, y)


@pytest.mark.parametrize("name", ["C", "tol", "intercept_scaling"])
def test_an_integer_beyond_floats_is_refused_by_name(name):
    with pytest.raises(InvalidParameterError, match=f"{name} must be in the range of floats"):
        LogisticRegression(**{name: 10**400}).fit(*raw("iris"))
