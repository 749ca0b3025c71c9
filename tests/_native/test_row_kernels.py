"""The kernels that users cimport, from an extension module that is built here."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce

USER = """
# cython: language_level=3
cimport cython
from fastce cimport log_softmax_rows, logsumexp_rows, softmax_rows


def compute(const cython.floating[:, ::1] x, cython.floating[::1] total,
            cython.floating[:, ::1] p, cython.floating[:, ::1] logs):
    with nogil:
        logsumexp_rows(&x[0, 0], x.shape[0], x.shape[1], &total[0])
        softmax_rows(&x[0, 0], x.shape[0], x.shape[1], &p[0, 0])
        log_softmax_rows(&x[0, 0], x.shape[0], x.shape[1], &logs[0, 0])
"""
SETUP = """
from Cython.Build import cythonize
from setuptools import setup

setup(ext_modules=cythonize("user.pyx", include_path=[{path!r}]))
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    folder, root = tmp_path_factory.mktemp("cimport"), str(Path(fastce.__file__).parents[1])
    (folder / "user.pyx").write_text(USER)
    (folder / "setup.py").write_text(SETUP.format(path=root))
    built = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if "command 'cc' failed: No such file" in built.stderr or "not found" in built.stderr:
        pytest.skip("there is no C compiler")
    assert built.returncode == 0, built.stdout + built.stderr
    (module,) = [path for path in folder.glob("user.*") if path.suffix in {".so", ".pyd"}]
    spec = importlib.util.spec_from_file_location("user", module)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (70, 10), (5, 1000)])
def test_cimported_kernels_are_those_of_the_library(user, dtype, shape, rng):
    x = (5 * rng.standard_normal(shape)).astype(dtype)
    x.flags.writeable = False
    total, p, logs = np.empty(shape[0], dtype), np.empty(shape, dtype), np.empty(shape, dtype)
    user.compute(x, total, p, logs)
    assert_array_equal(total, fastce.logsumexp(x))
    assert_array_equal(p, fastce.softmax(x))
    assert_array_equal(logs, fastce.log_softmax(x))
