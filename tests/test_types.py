"""What a type checker knows of each public function: its result is a float or an array."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastce
from fastce._losses import table

pytest.importorskip("mypy", reason="mypy is not installed")
ROOT = Path(fastce.__file__).parents[1]

NUMBER, ARRAY, PAIR = "float", "ndarray", "tuple[ndarray, ndarray]"
HEAD = """import numpy as np
import fastce
x = np.zeros((4, 3))
y = np.zeros(4, int)
reduction = str("mean")
"""


def calls_of(loss):
    """Yield the calls of a loss and the types of their results."""
    target = "y" if table.INDICES in loss.targets else "x"
    arguments = f"x, x, {target}" if loss.kind == table.LINEAR else f"x, {target}"
    unreduced = {"": NUMBER, ', reduction="sum"': NUMBER, ', reduction="none"': ARRAY}
    unreduced[", reduction=reduction"] = f"{NUMBER} | {ARRAY}"
    for option, value in unreduced.items():
        yield f"fastce.{loss.name}({arguments}{option})", value
        grads = ARRAY
        if loss.kind == table.LINEAR:
            grads = f"{ARRAY} | None, {ARRAY}, {ARRAY} | None"
        name = loss.name + table.VALUE_AND_GRAD
        yield f"fastce.{name}({arguments}{option})", f"tuple[{value}, {grads}]"
    if table.GRAD_AND_HESS in loss.forms:
        yield f"fastce.{loss.name}{table.GRAD_AND_HESS}({arguments})", PAIR


def calls():
    """Return every call with the type that its result must have."""
    found = [call for loss in table.LOSSES for call in calls_of(loss)]
    for special in table.SPECIAL:
        found.append((f"fastce.{special.name}(x)", ARRAY))
        if special.kind == table.ELEMENTS:
            found.append((f"fastce.{special.name}(0.5)", "float64"))
    found.remove(("fastce.logsumexp(x)", ARRAY))
    found += [
        ("fastce.logsumexp(x)", f"{ARRAY} | floating[Any]"),
        ("fastce.logsumexp(x, axis=None)", "floating[Any]"),
        ("fastce.logsumexp(x, keepdims=True)", ARRAY),
        ("fastce.get_num_threads()", "int"),
        ("fastce.set_num_threads(1)", "None"),
        ("fastce.show_versions()", "None"),
        ("fastce.warmup()", "None"),
        ("fastce.linear_model.LogisticRegression().fit(x, y)", "LogisticRegression"),
        # an array of the library that X is one of
        ("fastce.linear_model.LogisticRegression().predict_proba(x)", "Any"),
        ("fastce.patch_sklearn()", "list[str]"),
        ("fastce.unpatch_sklearn()", "None"),
        (
            "fastce.display.ConvergenceDisplay.from_estimator("
            "fastce.linear_model.LogisticRegression())",
            "ConvergenceDisplay",
        ),
        (
            "fastce.inference.summary(fastce.linear_model.LogisticRegression(), x, y)",
            "CoefficientTable",
        ),
    ]
    return found


def plain(revealed):
    """Return a revealed type without modules and without what an array is generic in."""
    text = re.sub(r"\b(\w+\.)+(?=\w)", "", revealed)
    text = re.sub(r"ndarray\[tuple\[[^\]]*\], dtype\[[^\[\]]*(\[[^\[\]]*\])?\]\]", ARRAY, text)
    return text


def test_results_are_floats_or_arrays(tmp_path):
    expected = calls()
    file = tmp_path / "user.py"
    lines = [call if t == "None" else f"reveal_type({call})" for call, t in expected]
    file.write_text(HEAD + "\n".join(lines) + "\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--show-error-codes"),
            *("--config-file", str(ROOT / "pyproject.toml"), "--follow-imports", "silent"),
            *("--cache-dir", str(tmp_path / "cache"), str(file)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert "error:" not in done.stdout, done.stdout + done.stderr
    revealed = {
        int(line): plain(found)
        for line, found in re.findall(
            r"user\.py:(\d+): note: Revealed type is \"(.*)\"", done.stdout
        )
    }
    start = HEAD.count("\n") + 1
    for i, (call, wanted) in enumerate(expected):
        assert wanted == "None" or revealed[start + i] == wanted, call
