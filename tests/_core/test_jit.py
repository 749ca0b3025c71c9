"""The decorators: flags, serial and parallel twins, and a stamp that covers every folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import fastce
from fastce._core import jit

PACKAGE = Path(fastce.__file__).parent
CODE = """
import numpy as np
from fastce._kernels.probe import probe
print(probe(np.ones(3)))
"""
PROBE = '''"""A kernel of a test."""

from .._core.jit import kernel


@kernel
def probe(x):
    return x.sum() * FACTOR
'''


def add_one(x):
    return x + 1.0


def test_every_decorator_keeps_its_flags():
    flags = {f: f(add_one).targetoptions for f in (jit.kernel, jit.elementwise, jit.reduction)}
    assert all(f["nogil"] and f["error_model"] == "numpy" for f in flags.values())
    assert flags[jit.kernel]["fastmath"] == {"contract"}
    assert flags[jit.elementwise]["fastmath"] is False
    assert flags[jit.reduction]["fastmath"] == {"contract", "reassoc"}


def test_a_driver_is_a_serial_and_a_parallel_variant_of_one_source():
    pair = jit.driver(add_one)
    assert "parallel" not in pair.serial.targetoptions
    assert pair.parallel.targetoptions["parallel"] is True
    assert pair.serial.py_func.__code__ is pair.parallel.py_func.__code__
    assert pair.serial.py_func.__qualname__ != pair.parallel.py_func.__qualname__


def copy_package(folder):
    ignored = shutil.ignore_patterns("__pycache__", "*.c", "*.nb?")
    return Path(shutil.copytree(PACKAGE, folder / "fastce", ignore=ignored))


def test_the_stamp_covers_every_folder(tmp_path):
    package = copy_package(tmp_path)
    before = jit.source_stamp(package)
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        assert jit.source_stamp(package) != before, path
        path.write_bytes(content)
    assert jit.source_stamp(package) == before


def run(folder, code):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_an_edited_constant_in_a_subfolder_is_compiled_anew(tmp_path):
    """`probe` itself keeps its bytes: only a file that it imports a constant from changes."""
    kernels = copy_package(tmp_path) / "_kernels"
    source = PROBE.replace("kernel\n\n", "kernel\nfrom .factor import FACTOR\n\n", 1)
    (kernels / "probe.py").write_text(source)
    (kernels / "factor.py").write_text("FACTOR = 2.0\n")
    assert run(tmp_path, CODE) == 6.0
    (kernels / "factor.py").write_text("FACTOR = 5.0\n")
    assert run(tmp_path, CODE) == 15.0
