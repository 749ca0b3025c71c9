"""How Numba comes to know of fastce's functions, in processes of their own."""

import inspect
import subprocess
import sys
from importlib import import_module, metadata

import pytest

import fastce
from fastce._njit.extension import OVERLOADS

CALL = """
@numba.njit
def call(x):
    return {name}(x)
assert abs(call(numpy.zeros(2)).sum() - 1) < 1e-12
"""


def run(code):
    """Run Python code in a fresh interpreter with warnings as errors; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_installed():
    """Whether an entry point of fastce is where Numba looks for it."""
    found = metadata.entry_points(group="numba_extensions")
    return any(entry.value.startswith("fastce.") for entry in found)


@pytest.mark.skipif(not is_installed(), reason="a checkout has no entry points until installed")
def test_numba_finds_functions_by_the_entry_point():
    before = "from fastce import softmax\nassert softmax([0.0])\n"
    assert run(before + "import numba, numpy\n" + CALL.format(name="softmax")) == ""


def test_register_makes_known_what_was_loaded_before_numba():
    before = "from fastce import softmax\nassert softmax([0.0])\nimport numba, numpy\n"
    register = "from fastce._njit.extension import register\nregister()\nregister()\n"
    assert run(before + register + CALL.format(name="softmax")) == ""


def test_a_name_may_be_met_while_numba_compiles():
    assert run("import numba, numpy, fastce\n" + CALL.format(name="fastce.softmax")) == ""


def test_numba_without_fastce_loads_no_kernel():
    code = """
import sys, numba
from fastce._njit.extension import register
register()
numba.njit(lambda x: x + 1)(1)
print([name for name in sys.modules if name.startswith(("fastce._kernels", "fastce._losses."))])
"""
    assert run(code).strip() == "['fastce._losses.table']"


@pytest.mark.parametrize("name", OVERLOADS)
def test_builders_have_the_arguments_of_the_functions(name):
    """Some lack `out`; an argument that is not there is refused by Numba."""
    builder = getattr(import_module(f"fastce._njit.{OVERLOADS[name]}"), name)
    public = inspect.signature(getattr(fastce, name)).parameters
    own = inspect.signature(builder).parameters
    assert list(own) == [option for option in public if option in own]
    assert set(public) - set(own) <= {"out", "b", "return_sign"}
    for option, parameter in own.items():
        assert parameter.default == public[option].default
