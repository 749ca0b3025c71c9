"""What onnxruntime computes from a converted model is what the model predicts."""

import copy
import warnings

import numpy as np
import pytest
from linear_models import COEFFICIENTS_OF_USERS, raw
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fastce
from fastce.linear_model import LogisticRegression

skl2onnx = pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")

ATOL = {np.float32: 1e-6, np.float64: 1e-12}
LABELS = {
    "integers": np.array([0, 1, 2]),
    "text": np.array(["nein", "ja", "vielleicht 日"]),
    "objects": np.array(["no", "yes", "maybe"], dtype=object),
    "far integers": np.array([-5, 2**40, 7]),
    "floats": np.array([1.0, 2.0, 3.0]),
    "unsigned": np.array([0, 200, 255], dtype=np.uint8),
}


@pytest.fixture(autouse=True)
def _registered():
    runtime.set_default_logger_severity(3)
    fastce.onnx.register()


def session_of(model, X, **options):
    """Return a session of onnxruntime with the converted model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skl2onnx's own, about other packages
        converted = skl2onnx.to_onnx(model, X[:1], options={id(model): options}, name="test")
    return runtime.InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def outputs_of(model, X, *, zipmap=False, **options):
    """Return the outputs of the converted model for X, an array or a frame."""
    session = session_of(model, X, zipmap=zipmap, **options)
    names = [place.name for place in session.get_inputs()]
    feed = {names[0]: X}
    if hasattr(X, "columns"):
        feed = {name: X[[name]].to_numpy() for name in names}
    return session.run(None, feed)


def check(model, X, atol=1e-12):
    """Assert that labels and probabilities are the model's."""
    labels, probabilities = outputs_of(model, X)
    np.testing.assert_array_equal(labels, model.predict(X))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=0, atol=atol)
    return probabilities


@pytest.mark.parametrize("dtype", ATOL)
@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris"])
@pytest.mark.parametrize("labels", LABELS)
def test_labels_and_probabilities_of_raw_columns(name, labels, dtype):
    X, y = raw(name)
    X = X.astype(dtype)
    found = check(LogisticRegression().fit(X, LABELS[labels][y]), X, ATOL[dtype])
    assert found.dtype == dtype


@pytest.mark.parametrize(
    "options",
    [
        {"fit_intercept": False},
        {"solver": "liblinear", "intercept_scaling": 3.0},
        {"label_smoothing": 0.1, "class_weight": "balanced"},
    ],
)
def test_parameters_of_the_fit(options):
    X, y = raw("breast_cancer")
    check(LogisticRegression(**options).fit(X, y > 0), X)


def models():
    """Yield estimators that hold ours, by name."""
    one, other = LogisticRegression(), LogisticRegression(C=0.01)
    pair = [("one", one), ("other", other)]
    yield "pipeline", make_pipeline(StandardScaler(), one)
    yield "calibrated", CalibratedClassifierCV(one, cv=3)
    yield "one-vs-rest", OneVsRestClassifier(one)
    yield "stacked", StackingClassifier(pair, final_estimator=one, cv=3)
    yield "vote", VotingClassifier(pair, voting="soft", flatten_transform=False)
    yield "searched", GridSearchCV(one, {"C": [0.1, 1.0]}, cv=3)


@pytest.mark.parametrize("dtype", ATOL)
@pytest.mark.parametrize("name", ["breast_cancer", "iris"])
@pytest.mark.parametrize(("title", "model"), list(models()))
def test_inside_of_other_estimators(title, model, name, dtype):
    X, y = raw(name)
    X, names = X.astype(dtype), LABELS["text"][y]
    check(model.fit(X, names), X, ATOL[dtype])


def test_a_calibrated_pipeline_needs_raw_scores():
    """skl2onnx asks for them of a classifier, not of the last step of a pipeline."""
    X, y = raw("breast_cancer")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    model = CalibratedClassifierCV(pipeline, cv=3).fit(X, y)
    options = {id(model): {"zipmap": False}, LogisticRegression: {"raw_scores": True}}
    converted = skl2onnx.to_onnx(model, X[:1], options=options)
    session = runtime.InferenceSession(converted.SerializeToString())
    np.testing.assert_allclose(session.run(None, {"X": X})[1], model.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("name", ["breast_cancer", "iris"])
def test_raw_scores_are_logits(name):
    X, y = raw(name)
    model = LogisticRegression().fit(X, y)
    expected = model.decision_function(X)
    if expected.ndim == 1:
        expected = np.column_stack([-expected, expected])
    labels, scores = outputs_of(model, X, raw_scores=True)
    np.testing.assert_array_equal(labels, model.predict(X))
    np.testing.assert_allclose(scores, expected, rtol=1e-12, atol=1e-12)


def test_options_of_the_outputs():
    X, y = raw("iris")
    model = LogisticRegression().fit(X, LABELS["objects"][y])
    expected = model.predict_proba(X)
    labels, maps = outputs_of(model, X, zipmap=True)  # its default; float32 for float64, too
    np.testing.assert_array_equal(labels, model.predict(X))
    assert list(maps[0]) == ["maybe", "no", "yes"]
    np.testing.assert_allclose([list(row.values()) for row in maps], expected, atol=1e-7)
    columns = np.column_stack(outputs_of(model, X, zipmap="columns")[1:])
    np.testing.assert_allclose(columns, expected, rtol=0, atol=1e-12)
    numbers, _ = outputs_of(model, X, nocl=True)
    np.testing.assert_array_equal(model.classes_[numbers], model.predict(X))
    assert outputs_of(model, X, output_class_labels=True)[2].tolist() == ["maybe", "no", "yes"]
    with pytest.raises(NameError, match="zipmapp"):
        session_of(model, X, zipmapp=False)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, bool])
def test_numbers_that_are_no_floats(dtype):
    X, y = raw("breast_cancer")
    X = (X > X.mean(axis=0)).astype(dtype) if dtype is bool else np.round(X).astype(dtype)
    assert check(LogisticRegression().fit(X, y), X, 1e-6).dtype == np.float32
    if dtype is np.int64:
        check(CalibratedClassifierCV(LogisticRegression(), cv=3).fit(X, y), X, 1e-6)


def test_columns_far_from_zero_in_float32():
    """Products and sums are those of float64, as in predict_proba."""
    X, y = raw("breast_cancer")
    X = (X + 1e6 * np.arange(1, X.shape[1] + 1)).astype(np.float32)
    check(LogisticRegression().fit(X, y), X, 1e-6)


def test_small_probabilities_keep_their_digits():
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    model.coef_, model.intercept_ = [[1.0]], 0.0
    X = np.array([[-700.0], [-50.0], [0.0], [50.0], [700.0]])
    labels, probabilities = outputs_of(model, X)
    assert labels.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("change", COEFFICIENTS_OF_USERS.values(), ids=COEFFICIENTS_OF_USERS)
def test_coefficients_that_a_user_set(change):
    X, y = raw("breast_cancer")
    model = copy.deepcopy(LogisticRegression().fit(X, y))
    change(model)
    check(model, X)


def test_soft_labels():
    pd = pytest.importorskip("pandas")
    X, y = raw("iris")
    table = np.full((150, 3), 0.1)
    table[np.arange(150), y] = 0.8
    check(LogisticRegression().fit(X, table), X)
    model = LogisticRegression().fit(X, pd.DataFrame(table, columns=["a", "b", "c"]))
    check(model, X)
    assert set(outputs_of(model, X)[0]) == {"a", "b", "c"}


def test_frames_have_an_input_for_each_column():
    pd = pytest.importorskip("pandas")
    X, y = raw("iris")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    check(LogisticRegression().fit(frame, y), frame)
    rounded = frame.assign(b=frame["b"].round().astype(int))
    check(LogisticRegression().fit(rounded, y), rounded)
    frame = frame.assign(kind=np.array(["u", "v", "w"])[y])
    columns = make_column_transformer((StandardScaler(), ["b", "c"]), (OneHotEncoder(), ["kind"]))
    check(make_pipeline(columns, LogisticRegression()).fit(frame, X[:, 0] > 5.5), frame)


@pytest.mark.parametrize("opset", [12, 13, 18])
def test_older_operators(opset):
    X, y = raw("iris")
    model = LogisticRegression().fit(X, y)
    converted = skl2onnx.to_onnx(
        model, X[:1], options={id(model): {"zipmap": False}}, target_opset=opset
    )
    found = runtime.InferenceSession(converted.SerializeToString()).run(None, {"X": X})[1]
    np.testing.assert_allclose(found, model.predict_proba(X), rtol=0, atol=1e-12)


def test_what_cannot_be_converted_is_named():
    X, y = raw("iris")
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"inputs must have the 4 columns .*; got 3"):
        session_of(model, X[:, :3])
    with pytest.raises(TypeError, match="must be numbers; got text in 'X'"):
        session_of(model, np.array([["a", "b", "c", "d"]]))
    model = LogisticRegression().fit(X, y.astype(np.uint64) + np.uint64(2**63))
    with pytest.raises(ValueError, match="classes_ must be text or integers of 64 bits"):
        session_of(model, X)
