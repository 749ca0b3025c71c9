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
print("done")
"""


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9), reason="needs scikit-learn 1.9"
)
def test_arrays_of_another_library_go_in_and_come_out(library):
    pytest.importorskip(library)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(library=library)],
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
