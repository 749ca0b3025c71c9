"""What a new loss touches: one file and one line of the table; everything else reads the table.

A toy loss is made in a copy of the package, and a fresh interpreter looks who knows of it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import fastce

PACKAGE = Path(fastce.__file__).parent
TESTS = Path(__file__).parent

# The toy: the negative log-likelihood by another name.
MODULE = '''"""A toy loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .nll import nll_loss, nll_loss_value_and_grad


def toy_loss(
    log_probs: npt.ArrayLike, target: npt.ArrayLike, *, reduction: str = "mean", axis: int = -1
) -> Any:
    """Toy."""
    return nll_loss(log_probs, target, reduction=reduction, axis=axis)


def toy_loss_value_and_grad(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    reduction: str = "mean",
    axis: int = -1,
    out: np.ndarray | None = None,
) -> tuple[Any, np.ndarray]:
    """Toy."""
    return nll_loss_value_and_grad(log_probs, target, reduction=reduction, axis=axis, out=out)
'''
LINE = '    Loss("toy_loss", "toy_loss", ROWS, (INDICES,), forms=_PAIR, first="log_probs"),\n'
ROW = """    Loss(
        name="toy_loss",
        function="toy_loss",
        make=_index_log_probs,
        reference=reference.nll_loss,
        options={"plain": _plain},
    ),
"""
LOOK = """
import sys
import fastce
from fastce._losses import hess_vector, table
from fastce._tools import stubs, warmup
names = {"toy_loss", "toy_loss_value_and_grad"}
assert names <= set(fastce.__all__) and names <= set(dir(fastce))
assert fastce.toy_loss([[-0.5, -1.0]], [1]) == 1.0
assert all(f"def {name}(" in stubs.text() for name in names)
import fuzz.__main__ as fuzz
assert "toy_loss" in fuzz.ONLY
import losses
assert "toy_loss" in {loss.function for loss, _ in losses.CASES}
called = []
class Module:
    def __getattr__(self, name):
        called.append(name)
        return lambda *args, **options: None
warmup.importlib.import_module = lambda name, package: Module()
hess_vector.cross_entropy_hess_vector = lambda *args, **options: None
warmup._call_losses("float64")
assert names <= set(called)
"""

CALL = """
import fuzz.__main__ as fuzz
for defect in fuzz.run(60, 1, only="toy_loss"):
    raise SystemExit(str(defect))
"""


def put(path, before, text):
    """Put text into a file, before what stands there once."""
    content = path.read_text(encoding="utf-8")
    assert content.count(before) == 1
    path.write_text(content.replace(before, text + before), encoding="utf-8")


def test_a_loss_is_one_file_one_line_and_one_row(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "fastce", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(TESTS, tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "fastce" / "_losses" / "toy_loss.py").write_text(MODULE, encoding="utf-8")
    put(tmp_path / "fastce" / "_losses" / "table.py", ")\nSPECIAL = (", LINE)
    put(tmp_path / "tests" / "losses.py", "]\n\nCASES", ROW)
    paths = os.pathsep.join([str(tmp_path), str(tmp_path / "tests")])
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CALL + LOOK],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
