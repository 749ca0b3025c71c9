"""Arrays of other libraries under array_api_dispatch."""

import os
import subprocess
import sys

import numpy as np
import pytest
import sklearn

from fastce.linear_model import LogisticRegression, _namespace

PROGRAM = """
import numpy as np, sklearn
import {library} as xp
from sklearn.datasets import load_iris
from fastce.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True)
names = np.array(["a", "b", "c"])[y]
plain = LogisticRegression(C=0.1).fit(X, y)
data, labels = xp.asarray(X), xp.asarray(y)
kind = type(data)
with sklearn.config_context(array_api_dispatch=True):
    model = LogisticRegression(C=0.1, warm_start=True).fit(data, labels)
    for name in ("coef_", "intercept_", "classes_", "n_iter_"):
        assert isinstance(getattr(model, name), kind), name
    np.testing.assert_array_equal(np.asarray(model.coef_), plain.coef_)
    for name in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        found = getattr(model, name)(data)
        assert isinstance(found, kind), name
        np.testing.assert_array_equal(np.asarray(found), getattr(plain, name)(X))
    assert model.predict_proba(xp.asarray(X, dtype=xp.float32)).dtype == xp.float32
    assert model.fit(data, labels, sample_weight=xp.ones(150)).n_iter_[0] < 5
    by_name = LogisticRegression(C=0.1).fit(data, names)
    assert isinstance(by_name.predict(data), np.ndarray)
    assert by_name.score(data, names) > 0.9
    assert isinstance(plain.fit(X, y).predict(X), np.ndarray)
    theirs = model.to_sklearn()
    assert isinstance(theirs.coef_, np.ndarray)
    assert isinstance(theirs.classes_, np.ndarray)
    by_hand = LogisticRegression().fit(data, labels)
    by_hand.coef_, by_hand.intercept_ = plain.coef_.tolist(), plain.intercept_.tolist()
    found = by_hand.predict_proba(data)
    assert isinstance(found, kind)
    np.testing.assert_array_equal(np.asarray(found), plain.predict_proba(X))
    soft = xp.asarray(plain.predict_proba(X))
    assert isinstance(LogisticRegression().fit(data, soft).predict(data), kind)
# without the setting they are NumPy's
for given in (X, data):
    assert isinstance(model.predict(given), np.ndarray)
    assert isinstance(model.predict_proba(given), np.ndarray)
np.testing.assert_array_equal(model.predict(X), plain.predict(X))
assert isinstance(model.fit(X, y).coef_, np.ndarray)
assert model.n_iter_[0] < 5
print("done")
"""

TORCH = """
import numpy as np, sklearn, torch
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from fastce.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True)
data, labels = torch.asarray(X), torch.asarray(y)
plain = LogisticRegression().fit(X, y)
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")

def check(data, dtype=torch.float64, rtol=0.0):
    model = LogisticRegression().fit(data, labels)
    for name in METHODS:
        found = getattr(model, name)(data)
        assert isinstance(found, torch.Tensor), name
        assert found.dtype == (torch.int64 if name == "predict" else dtype), name
        assert not found.requires_grad, name
        np.testing.assert_allclose(found, getattr(plain, name)(X), rtol=rtol, atol=rtol)
    return model

def refused(error, part, *arguments):
    try:
        LogisticRegression().fit(*arguments)
    except error as caught:
        assert part in str(caught), caught
    else:
        raise AssertionError(part)

with sklearn.config_context(array_api_dispatch=True):
    model = check(data)
    assert abs(model.score(data, labels) - plain.score(X, y)) < 1e-6
    check(data.float(), torch.float32, 1e-5)
    check(data.T.contiguous().T, rtol=1e-12)
    with_grad = data.clone().requires_grad_()
    check(with_grad)
    check(with_grad * 1.0)
    weight = torch.ones(150, requires_grad=True)
    assert LogisticRegression().fit(data, labels, sample_weight=weight).coef_.shape == (3, 4)
    soft = torch.softmax(with_grad[:, :3].float(), dim=1)
    assert LogisticRegression().fit(data, soft).classes_.tolist() == [0, 1, 2]
    kinds = (torch.int8, torch.uint8, torch.int32, torch.bool, torch.float32)
    for dtype in kinds:
        other = (labels > 0).to(dtype)
        model = LogisticRegression().fit(data, other)
        assert model.classes_.dtype == model.predict(data).dtype == dtype
        assert model.score(data, other) == 1.0
    search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, cv=3).fit(data, labels)
    assert search.best_params_ == {"C": 1.0}
    assert isinstance(search.predict(data), torch.Tensor)
    assert isinstance(cross_val_predict(LogisticRegression(), data, labels, cv=3), torch.Tensor)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(data, labels)
    assert isinstance(pipeline.predict_proba(data), torch.Tensor)
    refused(ValueError, "torch.bfloat16", data.bfloat16(), labels)
    refused(ValueError, "Use Tensor.to_dense() first", data.to_sparse(), labels)
    refused(ValueError, "Input X contains NaN", data * float("nan"), labels)
model = LogisticRegression().fit(with_grad, labels)
assert isinstance(model.coef_, np.ndarray)
np.testing.assert_array_equal(model.predict_proba(with_grad), plain.predict_proba(X))
print("done")
"""


needs_dispatch = pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9), reason="needs scikit-learn 1.9"
)


@needs_dispatch
@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_arrays_of_another_library_go_in_and_come_out(library):
    pytest.importorskip(library)
    run(PROGRAM.format(library=library))


@needs_dispatch
def test_torch_tensors_of_all_kinds():
    pytest.importorskip("torch")
    run(TORCH)


def run(program):
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        # SciPy must know before it is imported.
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
    )
    assert done.stdout == "done\n", done.stderr


def test_without_the_setting_nothing_is_foreign():
    assert _namespace.namespace_of(np.zeros(2)) is None
    assert _namespace.to_numpy([1.0]) == [1.0]
    assert isinstance(LogisticRegression().fit([[0.0], [1.0]], [0, 1]).coef_, np.ndarray)
