"""scikit-learn's names become ours, and again its own."""

import os
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest
import sklearn.linear_model
from linear_models import raw
from sklearn.linear_model import _logistic

import fastce
from fastce import patch
from fastce.linear_model import LogisticRegression as Ours

Theirs = sklearn.linear_model.LogisticRegression
alias = Theirs


@pytest.fixture(autouse=True)
def _undone():
    yield
    fastce.unpatch_sklearn()


def test_names_become_ours_where_they_were_imported_too(capsys):
    patched = fastce.patch_sklearn()
    assert sklearn.linear_model.LogisticRegression is Ours
    assert _logistic.LogisticRegression is Ours
    assert alias is Ours
    assert f"{__name__}.alias" in patched
    assert "sklearn.linear_model._logistic.LogisticRegression" in patched
    assert (
        capsys.readouterr().err == f"fastce is in the place of scikit-learn: {', '.join(patched)}\n"
    )


def test_nothing_is_left_afterwards():
    modules = {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in {"sklearn", __name__}
    }
    before = {name: dict(vars(module)) for name, module in modules.items()}
    order = list(vars(sklearn.linear_model))
    fastce.patch_sklearn(verbose=False)
    fastce.unpatch_sklearn()
    for name, module in modules.items():
        assert vars(module) == before[name], name
    assert list(vars(sklearn.linear_model)) == order
    assert patch._places == []
    assert alias is Theirs


def test_skl2onnx_still_tells_scikit_learns_class_from_ours():
    """Its converter of scikit-learn's models asks for the class by name."""
    pytest.importorskip("skl2onnx")
    from skl2onnx.operator_converters import linear_classifier

    before = linear_classifier.LogisticRegression
    patched = fastce.patch_sklearn(verbose=False)
    assert linear_classifier.LogisticRegression is before is not Ours
    assert not [place for place in patched if place.startswith("skl2onnx")]


def test_twice_is_once_and_undoing_nothing_is_allowed():
    assert fastce.patch_sklearn(verbose=False) == fastce.patch_sklearn("LogisticRegression", False)
    fastce.unpatch_sklearn(["LogisticRegression"])
    fastce.unpatch_sklearn()
    assert sklearn.linear_model.LogisticRegression is Theirs


def test_modules_that_were_imported_meanwhile(monkeypatch):
    fastce.patch_sklearn(verbose=False)
    for name in ("sklearn.imported_meanwhile", "a_users"):
        module = types.ModuleType(name)
        exec("from sklearn.linear_model import LogisticRegression", vars(module))
        monkeypatch.setitem(sys.modules, name, module)
    fastce.unpatch_sklearn()
    assert sys.modules["sklearn.imported_meanwhile"].LogisticRegression is Theirs
    assert sys.modules["a_users"].LogisticRegression is Ours


def test_a_pickle_of_scikit_learns_becomes_ours_that_predicts_the_same():
    X, y = raw("iris")
    theirs = Theirs(max_iter=1000, C=0.5).fit(X, y)
    text = pickle.dumps(theirs)
    fastce.patch_sklearn(verbose=False)
    model = pickle.loads(text)
    assert type(model) is Ours
    assert model.get_params()["C"] == 0.5
    assert model.get_params()["label_smoothing"] == 0.0
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(theirs)
    fastce.unpatch_sklearn()
    assert pickle.dumps(theirs) == text


def test_our_own_modules_keep_scikit_learns():
    from fastce._tools import referee

    fastce.patch_sklearn(verbose=False)
    assert all(not place.module.startswith("fastce") for place in patch._places)
    assert referee is not None


@pytest.mark.parametrize("function", [fastce.patch_sklearn, fastce.unpatch_sklearn])
def test_an_unknown_name_is_an_error(function):
    with pytest.raises(ValueError, match="name must be one of LogisticRegression; got 'Lasso'"):
        function("Lasso")


def python(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "fastce.patch", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        # the sources beside these tests, or the installed package
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


SCRIPT = """
import sys
import beside
from sklearn.linear_model import LogisticRegression
if __name__ == "__main__":
    print(LogisticRegression.__module__, sys.argv[1:], beside.number)
    import fastce
    fastce.unpatch_sklearn()
    from sklearn.linear_model import LogisticRegression
    print(LogisticRegression.__module__)
    sys.exit(3)
"""


@pytest.mark.parametrize("start", [["folder/program.py"], ["-m", "program"]])
def test_a_program_runs_patched(tmp_path, start):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "program.py").write_text(SCRIPT)
    (folder / "beside.py").write_text("number = 7")
    done = python(*start, "--flag", "1", cwd=folder if start[0] == "-m" else tmp_path)
    assert done.returncode == 3, done.stderr
    assert done.stdout == (
        "fastce.linear_model._logistic ['--flag', '1'] 7\nsklearn.linear_model._logistic\n"
    )
    assert done.stderr.startswith("fastce is in the place of scikit-learn: ")


CONVERTS = """
import importlib.util
import sys
import fastce
from sklearn.linear_model import LogisticRegression as Ours
if "find" in sys.argv:
    importlib.util.find_spec("skl2onnx")
if "undo" in sys.argv:
    fastce.unpatch_sklearn()
import skl2onnx
from skl2onnx._supported_operators import sklearn_operator_name_map as table
from skl2onnx.operator_converters import linear_classifier
from sklearn.linear_model import LogisticRegression
print(Ours.__module__, LogisticRegression.__module__)
print({each.__module__ for each in table if each.__name__ == "LogisticRegression"})
print(linear_classifier.LogisticRegression.__module__)
print([type(each).__name__ for each in sys.meta_path if type(each).__module__ == "fastce.patch"])
fastce.unpatch_sklearn()
from sklearn.linear_model import LogisticRegression
print(LogisticRegression.__module__)
"""


@pytest.mark.parametrize("arguments", [[], ["find"], ["undo"]])
def test_skl2onnx_that_is_imported_later_gets_scikit_learns_class(arguments, tmp_path):
    pytest.importorskip("skl2onnx")
    (tmp_path / "program.py").write_text(CONVERTS)
    done = python("program.py", *arguments, cwd=tmp_path)
    ours, theirs = "fastce.linear_model._logistic", "sklearn.linear_model._logistic"
    now = theirs if arguments == ["undo"] else ours
    assert done.stdout.splitlines() == [
        f"{ours} {now}",
        str({theirs}),
        theirs,
        "[]",
        theirs,
    ], done.stderr


def test_nothing_waits_for_a_package_once_it_is_undone():
    before = list(sys.meta_path)
    fastce.patch_sklearn(verbose=False)
    fastce.patch_sklearn(verbose=False)
    assert len(sys.meta_path) <= len(before) + 1
    fastce.unpatch_sklearn()
    assert sys.meta_path == before


def test_wrong_uses_say_how_it_is_used(tmp_path):
    for arguments in ([], ["-m"], ["nothing.py"]):
        done = python(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: python -m fastce.patch")
    assert python("--help", cwd=tmp_path).stdout.startswith("usage: python -m fastce.patch")
