"""A fitted model as scikit-learn's class: the same predictions, and nothing shared."""

import numpy as np
import pytest
import sklearn.linear_model
from linear_models import raw
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
    assert LogisticRegression().fit(X, y).to_sklearn().solver == "lbfgs"
    for name in ("coef_", "intercept_", "classes_", "n_iter_"):
        assert not np.shares_memory(getattr(theirs, name), getattr(ours, name))
    assert clone(theirs).fit(X, y).score(X, y) > 0.9  # its parameters are good ones


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
