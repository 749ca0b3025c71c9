"""Soft labels: what counts as such, the fit beside that of repeated rows, and bad rows named."""

import numpy as np
import pytest
from linear_models import objective
from problems import raw_columns
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import cross_val_score

import fastce
from fastce.linear_model import LogisticRegression, _soft_labels


def soft_problem(rng, n_classes, n=200, p=4):
    """Return raw columns, and soft labels of which some are certain."""
    y = rng.dirichlet(np.full(n_classes, 0.4), n)
    y[:20] = np.eye(n_classes)[rng.integers(0, n_classes, 20)]
    return raw_columns(rng, n, p), y


def repeated(X, y, sample_weight=None):
    """Return each row once for each class, its label, and its weight."""
    n, K = y.shape
    weights = y if sample_weight is None else y * sample_weight[:, np.newaxis]
    return np.repeat(X, K, axis=0), np.tile(np.arange(K), n), weights.ravel()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"C": np.inf},
        {"fit_intercept": False},
        {"label_smoothing": 0.2},
        {"class_weight": "balanced"},
        {"class_weight": {0: 2.0, 1: 0.1}},
        {"solver": "newton-cholesky"},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_the_fit_is_that_of_repeated_rows(rng, n_classes, options):
    X, y = soft_problem(rng, n_classes)
    options = options | {"tol": 1e-10}
    for weight in (None, rng.integers(0, 4, len(y)).astype(float)):
        expected = LogisticRegression(**options).fit(*repeated(X, y, weight))
        found = LogisticRegression(**options).fit(X, y, weight)
        logits = expected.decision_function(X)
        np.testing.assert_allclose(found.decision_function(X), logits, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(found.loss_history_[-1], expected.loss_history_[-1], rtol=1e-10)
        assert found.coef_.shape == expected.coef_.shape
        np.testing.assert_array_equal(found.classes_, np.arange(n_classes))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", [sparse.csr_matrix, np.asfortranarray, np.float32])
def test_formats_of_x(rng, n_classes, kind):
    X, y = soft_problem(rng, n_classes)
    X = X.astype(np.float32).astype(np.float64)
    expected = LogisticRegression(tol=1e-10).fit(X, y).predict_proba(X)
    found = LogisticRegression(tol=1e-10).fit(kind(X), y).predict_proba(kind(X))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_more_columns_than_rows(rng, n_classes):
    X, y = rng.normal(size=(30, 300)), rng.dirichlet(np.ones(n_classes), 30)
    expected = LogisticRegression(tol=1e-10).fit(*repeated(X, y))
    found = LogisticRegression(tol=1e-10).fit(X, y)
    np.testing.assert_allclose(
        found.decision_function(X), expected.decision_function(X), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("n_classes", [2, 4])
def test_certain_rows_are_labels(rng, n_classes):
    X, _ = soft_problem(rng, n_classes)
    labels = rng.integers(0, n_classes, len(X))
    hard = LogisticRegression(tol=1e-10).fit(X, labels)
    soft = LogisticRegression(tol=1e-10).fit(X, np.eye(n_classes)[labels])
    np.testing.assert_allclose(soft.predict_proba(X), hard.predict_proba(X), rtol=1e-8)
    assert soft.score(X, labels) == hard.score(X, labels)
    assert objective(soft, X, labels) == pytest.approx(objective(hard, X, labels), rel=1e-9)


def test_probabilities_of_another_model_are_fitted_back(rng):
    """Without a penalty a model's own probabilities lead to its coefficients."""
    X, _ = soft_problem(rng, 3)
    teacher = LogisticRegression().fit(X, np.arange(len(X)) % 3)
    pupil = LogisticRegression(C=np.inf, tol=1e-10).fit(X, teacher.predict_proba(X))
    np.testing.assert_allclose(pupil.decision_function(X), teacher.decision_function(X), atol=1e-6)


def test_lists_and_narrow_floats(rng):
    X, y = soft_problem(rng, 3)
    expected = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(LogisticRegression().fit(X, y.tolist()).coef_, expected.coef_)
    for dtype, tolerance in ((np.float32, 1e-5), (np.float16, 2e-2)):
        narrow = LogisticRegression().fit(X, y.astype(dtype))
        np.testing.assert_allclose(narrow.predict_proba(X), expected.predict_proba(X), tolerance)
    target = _soft_labels.read(y.astype(np.float32)).target
    assert target.dtype == np.float64
    np.testing.assert_allclose(target.sum(axis=1), 1.0, rtol=1e-15)


def plain_index(model, labels):
    return [model.classes_.tolist().index(label) for label in labels]


def test_columns_of_a_frame_are_the_classes(rng):
    pd = pytest.importorskip("pandas")
    X, y = soft_problem(rng, 3)
    columns = ["setosa", "a", "m"]
    model = LogisticRegression().fit(X, pd.DataFrame(y, columns=columns))
    # sorted: scorers of scikit-learn take it that they are
    assert model.classes_.tolist() == ["a", "m", "setosa"]
    plain = LogisticRegression().fit(X, y[:, [1, 2, 0]])
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-9)
    labels = np.array(columns)[y.argmax(axis=1)]
    expected = -np.log(model.predict_proba(X)[range(len(y)), plain_index(model, labels)]).mean()
    assert get_scorer("neg_log_loss")(model, X, labels) == pytest.approx(-expected)
    weighted = LogisticRegression(class_weight={"a": 3.0, "m": 1.0, "setosa": 1.0})
    weighted.fit(X, pd.DataFrame(y, columns=["setosa", "a", "m"]))
    expected = LogisticRegression(class_weight={0: 3.0}).fit(X, y[:, [1, 2, 0]])
    np.testing.assert_allclose(weighted.coef_, expected.coef_, rtol=1e-9)
    for columns in (["a", "a", "b"], ["a", 1, "b"], [0.5, 1.5, 2.5]):
        with pytest.raises(ValueError, match="y must have columns with different names, all str"):
            LogisticRegression().fit(X, pd.DataFrame(y, columns=columns))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, 0.3, 0.3], r"rows that sum to 1; got a sum of 1\.1 in row 7"),
        ([0.0, 0.0, 0.0], r"rows that sum to 1; got a sum of 0 in row 7"),
        ([0.7, -0.2, 0.5], r"got -0\.2 in row 7"),
        ([np.nan, 0.5, 0.5], r"got nan in row 7"),
        ([np.inf, 0.5, 0.5], r"got a sum of inf in row 7"),
    ],
)
def test_bad_rows_are_named(rng, row, message):
    X, y = soft_problem(rng, 3)
    y[7] = row
    model = LogisticRegression()
    with pytest.raises(ValueError, match=f"y must hold labels, or probabilities .*{message}"):
        model.fit(X, y)
    assert vars(model) == vars(LogisticRegression())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_accuracy_of_probabilities_is_refused_and_the_loss_named(rng, n_classes):
    X, y = soft_problem(rng, n_classes)
    model = LogisticRegression().fit(X, y)
    for table in (y, y.tolist(), y.astype(np.float32)):
        with pytest.raises(ValueError, match=r"^y must hold labels, .*fastce\.cross_entropy\("):
            model.score(X, table)
    with pytest.raises(ValueError, match=r"^y must hold labels"):
        cross_val_score(LogisticRegression(), X, y, error_score="raise")
    loss = fastce.cross_entropy(model.predict_log_proba(X), y)
    np.testing.assert_allclose(loss, -(y * model.predict_log_proba(X)).sum(axis=1).mean())

    def scoring(model, X, y):
        return -fastce.cross_entropy(model.predict_log_proba(X), y)

    assert (cross_val_score(LogisticRegression(), X, y, scoring=scoring) < 0).all()
    labels = y.argmax(axis=1)
    assert model.score(X, labels) == (model.predict(X) == labels).mean()
    with pytest.raises(ValueError, match="multilabel-indicator"):
        model.score(X, np.eye(n_classes, dtype=int)[labels])


def test_what_is_no_table_of_probabilities(rng):
    X, y = soft_problem(rng, 3)
    no_class = np.hstack([y, np.zeros((len(y), 1))])
    with pytest.raises(ValueError, match=r"each class a probability .* got none for class 3"):
        LogisticRegression().fit(X, no_class)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LogisticRegression().fit(X, y[1:])
    with pytest.raises(
        ValueError, match=r"y should be a 1d array, got an array of shape \(200, 3\)"
    ):
        LogisticRegression().fit(X, np.eye(3, dtype=int)[rng.integers(0, 3, 200)])
    column = rng.integers(0, 2, (200, 1)).astype(float)
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        assert LogisticRegression().fit(X, column).classes_.tolist() == [0.0, 1.0]
    for labels in (sparse.csr_matrix(y), [[0.5, 0.5], [1.0]], np.array("a"), None, y[:, 0], y[0]):
        assert _soft_labels.read(labels) is None


def test_weights_of_classes_keep_rows_that_sum_to_one():
    target = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    found = _soft_labels.weigh(target, np.array([1.0, 3.0, 0.0]))
    np.testing.assert_array_equal(found, [[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
