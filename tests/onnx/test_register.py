"""skl2onnx knows our class after one call, and says so clearly where it is not there."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import fastce
from fastce.linear_model import LogisticRegression

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "deployment.rst"


def test_without_skl2onnx_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"register needs skl2onnx: .* 'fastce\[onnx\]'"):
        fastce.onnx.register()


def test_a_second_call_changes_nothing():
    pytest.importorskip("skl2onnx")
    from skl2onnx import supported_converters
    from skl2onnx._supported_operators import sklearn_operator_name_map

    fastce.onnx.register()
    names, classes = supported_converters(), dict(sklearn_operator_name_map)
    fastce.onnx.register()
    assert supported_converters() == names
    assert sklearn_operator_name_map == classes
    assert classes[LogisticRegression] == "FastceLogisticRegression"


@pytest.mark.skipif(not PAGE.exists(), reason="an sdist's tests")
def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    """The guide shows it without doctests, which would need what is optional."""
    pytest.importorskip("skl2onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("skops")
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(re.sub(r"^   ", "", block, flags=re.MULTILINE), names)
    expected = names["model"].predict_proba(names["X"])
    np.testing.assert_allclose(names["probabilities"], expected, atol=1e-12)
    np.testing.assert_array_equal(names["labels"], names["model"].predict(names["X"]))
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "model.skops"}
