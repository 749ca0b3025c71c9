"""The decorators: flags, drivers on any number of threads, and a stamp that covers every folder."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce
from fastce._core import jit, threads

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


@jit.driver
def count_calls(b, counts, factor, nothing, pair):
    """Add to one number of each block."""
    scratch = np.empty(3)
    scratch[:] = factor
    counts[b] += scratch.sum() + pair[0] + (1.0 if nothing is None else 0.0)


@jit.driver
def fill_memory(b, sizes):
    """Fail at blocks whose size is beyond any memory."""
    sizes[b] = np.empty(sizes[b]).size


@jit.driver
def refuse(b, numbers):
    """Fail at a block whose number is negative."""
    if numbers[b] < 0:
        raise ValueError("a negative number")
    numbers[b] += 1


@jit.driver
def invert(b, x, out):
    """Divide, by 0 as well."""
    out[b] = 1.0 / x[b]


@pytest.mark.parametrize("n_blocks", [0, 1, 2, 7, 1000])
def test_a_driver_calls_every_block_once_on_any_number_of_threads(n_blocks):
    for n_threads in (1, 2, 3, 5000):
        counts = np.zeros(n_blocks)
        threads.run(count_calls, 0, n_blocks, counts, 2.0, None, (4.0, np.ones(2)))
        with threads.parallel_from(0), threads.at_most(n_threads):
            threads.run(count_calls, 1, n_blocks, counts, 2.0, None, (4.0, np.ones(2)))
        assert_array_equal(counts, np.full(n_blocks, 22.0))
    assert len(count_calls.signatures) == 1  # the same machine code on any number of threads


@pytest.mark.parametrize("least_work", [0, sys.maxsize])
def test_what_a_block_raises_comes_out(least_work):
    sizes, numbers = np.array([1, 2, 2**58, 3]), np.array([1, 2, -1, -1, 5])
    with threads.parallel_from(least_work):
        with pytest.raises(MemoryError, match="Allocation failed"):
            threads.run(fill_memory, 1, 4, sizes)
        with pytest.raises(ValueError, match=r"^a negative number$"):
            threads.run(refuse, 1, 5, numbers)
        threads.run(fill_memory, 1, 2, sizes)
        threads.run(refuse, 1, 2, numbers)
    assert_array_equal(numbers[:4], [3, 4, -1, -1])
    assert not threads.region.locked()


def test_a_block_divides_as_numpy_does():
    out = np.empty(3)
    threads.run(invert, 0, 3, np.array([1.0, 0.0, -0.0]), out)
    assert_array_equal(out, [1.0, np.inf, -np.inf])


def test_one_block_starts_no_threads(monkeypatch):
    monkeypatch.setattr(threads, "_start_threads", lambda: pytest.fail("threads were started"))
    numbers = np.zeros(1, int)
    with threads.parallel_from(0), threads.at_most(2):
        threads.run(refuse, 1, 1, numbers)
    assert numbers == [1]


def closure(constant):
    def block(b, out):
        out[b] = constant

    return block


def test_a_block_that_the_cache_cannot_tell_is_refused():
    def without_arguments(b):
        pass

    def with_a_taken_name(b, n_threads):
        pass

    def with_a_default(b, out=None):
        pass

    for block in (closure(1.0), without_arguments, with_a_taken_name, with_a_default):
        with pytest.raises(TypeError, match=rf"{block.__name__} must have named arguments"):
            jit.driver(block)


def test_an_edited_block_is_compiled_anew(tmp_path):
    """Here the file that holds the driver is not one of the package's."""
    code = "import numpy as np, toy\nx = np.array([3.0])\ntoy.f(1, 1, x)\nprint(x[0])"
    for source, expected in (("x[b] + 1.0", 4.0), ("x[b] * x[b]", 9.0), ("x[b] + 2.0", 5.0)):
        (tmp_path / "toy.py").write_text(
            f"from fastce._core.jit import driver\n\n\n@driver\ndef f(b, x):\n    x[b] = {source}\n"
        )
        assert run(tmp_path, code, PACKAGE.parent) == expected


def test_a_driver_keeps_name_document_and_place():
    assert count_calls.__name__ == count_calls.__qualname__ == "count_calls"
    assert count_calls.__doc__ == "Add to one number of each block."
    code = count_calls.py_func.__code__
    assert code.co_filename == __file__
    assert code.co_firstlineno < fill_memory.py_func.__code__.co_firstlineno


PROBLEM = """
import numba, warnings, numpy as np
warnings.simplefilter("error")
import fastce
value = fastce.cross_entropy(np.zeros((4, 2)), [0, 1, 1, 0])
assert not fastce._core.jit.__file__.endswith(".py")
print(value)
"""
FROZEN = "import sys; sys.frozen = True\n"


@pytest.mark.parametrize("prelude", ["", FROZEN], ids=["pyc", "frozen"])
def test_an_installation_without_sources_keeps_its_kernels(tmp_path, prelude):
    """Each file is keyed by the .pyc files, and loaded by the next process."""
    package = copy_package(tmp_path)
    assert compileall.compile_dir(package, legacy=True, quiet=1)
    for path in package.rglob("*.py"):
        path.unlink()
    assert run(tmp_path, prelude + PROBLEM) == pytest.approx(np.log(2))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")}
    assert kept
    assert run(tmp_path, prelude + PROBLEM) == pytest.approx(np.log(2))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")} == kept


def test_the_stamp_of_a_package_without_sources(tmp_path):
    package = copy_package(tmp_path)
    compileall.compile_dir(package, legacy=True, quiet=1)
    for path in package.rglob("*.py"):
        path.unlink()
    before = jit.source_stamp(package)
    kernel = package / "_kernels" / "sums.pyc"
    kernel.write_bytes(kernel.read_bytes() + b"x")
    assert jit.source_stamp(package) != before
    for path in package.rglob("*.pyc"):
        path.unlink()
    assert jit.source_stamp(package) == jit.source_stamp(package) != before


def test_a_function_of_a_prompt_is_not_cached():
    """Its bytecode does not tell it from another one: constants may differ."""
    names = {"__name__": "__main__"}
    exec("def add_one(x):\n    return x + 1.0", names)
    assert "NullCache" in type(jit.kernel(names["add_one"])._cache).__name__
    assert "NullCache" not in type(jit.kernel(add_one)._cache).__name__


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


def run(folder, code, *others):
    paths = os.pathsep.join(map(str, (folder, *others)))
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": paths}
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
