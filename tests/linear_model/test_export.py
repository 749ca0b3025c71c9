"""A fitted model as scikit-learn's class: the same predictions, and nothing shared."""

import numpy as np
import pytest
import sklearn.linear_model
from linear_models import COEFFICIENTS_OF_USERS, raw
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from fastce.linear_model import LogisticRegression


@pytest.mark.filterwarnings("ignore::fastce.linear_model.SeparationWarning")
@pytest.mark.parametrize("name", ["breast_cancer", "wine"])
@pytest.mark.parametrize("options", [{}, {"C": np.inf}, {"fit_intercept": False}])
def test_it_predicts_the_same(name, options):
    X, y = raw(name)
    labels = np.array(["no", "yes", "maybe"])[y]
    ours = LogisticRegression(**options).fit(X, labels)
    theirs = ours.to_sklearn()
    assert type(theirs) is sklearn.linear_model.LogisticRegression
    np.testing.assert_array_equal(theirs.predict(X), ours.predict(X))
    np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), atol=1e-12)
    np.testing.assert_allclose(
        theirs.decision_function(X), ours.decision_function(X), rtol=1e-9, atol=1e-9
    )


def test_parameters_are_carried_over_and_arrays_are_copied():
    X, y = raw("iris")
    options = {"C": 3.0, "class_weight": "balanced", "tol": 1e-6, "random_state": 3}
    ours = LogisticRegression(label_smoothing=0.1, solver="newton-cg", **options).fit(X, y)
    theirs = ours.to_sklearn()
    assert {name: getattr(theirs, name) for name in options} == options
    assert theirs.solver == "newton-cg"
    for solver in ("liblinear", "sag", "saga"):
        assert LogisticRegression(solver=solver).fit(X, y > 0).to_sklearn().solver == solver
    assert LogisticRegression().fit(X, y).to_sklearn().solver == "lbfgs"
    for name in ("coef_", "intercept_", "classes_", "n_iter_"):
        assert not np.shares_memory(getattr(theirs, name), getattr(ours, name))
    assert clone(theirs).fit(X, y).score(X, y) > 0.9  # its parameters are good ones


def test_liblinears_own_parameters_are_good_ones_there():
    X, y = raw("breast_cancer")
    ours = LogisticRegression(solver="liblinear", dual=True, intercept_scaling=3.0).fit(X, y)
    theirs = ours.to_sklearn()
    assert (theirs.dual, theirs.intercept_scaling) == (True, 3.0)
    np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), atol=1e-12)
    assert clone(theirs).set_params(dual=False).fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize("change", COEFFICIENTS_OF_USERS.values(), ids=COEFFICIENTS_OF_USERS)
def test_coefficients_that_a_user_set(change):
    X, y = raw("breast_cancer")
    ours = LogisticRegression().fit(X, y)
    change(ours)
    theirs = ours.to_sklearn()
    assert theirs.coef_.shape == (1, 30)
    assert sparse.issparse(theirs.coef_) == sparse.issparse(ours.coef_)
    assert theirs.coef_ is not ours.coef_
    np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), atol=1e-12)
    np.testing.assert_array_equal(theirs.predict(X), ours.predict(X))


def test_names_of_columns_go_with_it():
    pd = pytest.importorskip("pandas")
    X, y = raw("iris")
    frame = pd.DataFrame(X, columns=list("abcd"))
    theirs = LogisticRegression().fit(frame, y).to_sklearn()
    assert theirs.feature_names_in_.tolist() == list("abcd")
    assert theirs.n_features_in_ == 4
    assert theirs.predict(frame).shape == y.shape


def test_a_model_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        LogisticRegression().to_sklearn()


def test_a_subclass_with_fewer_parameters_and_a_model_set_by_hand():
    class OnlyC(LogisticRegression):
        def __init__(self, C=1.0):
            super().__init__(C=C)

    X, y = raw("iris")
    model = OnlyC(C=3.0).fit(X, y)
    assert model.to_sklearn().C == 3.0
    by_hand = LogisticRegression()
    by_hand.coef_, by_hand.intercept_ = model.coef_, model.intercept_
    by_hand.classes_ = model.classes_
    expected = model.predict_proba(X)
    np.testing.assert_allclose(by_hand.to_sklearn().predict_proba(X), expected, rtol=1e-12)
