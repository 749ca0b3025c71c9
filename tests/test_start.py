"""What a fresh interpreter sees: a cheap import, and exactly the public names."""

import os
import pkgutil
import subprocess
import sys
import types

import pytest

import fastce
from fastce._losses.table import MODULES

# What stays public; losses added since stand in the table.
PUBLIC = [
    "binary_cross_entropy",
    "binary_cross_entropy_value_and_grad",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_grad_and_hess",
    "binary_cross_entropy_with_logits_value_and_grad",
    "cross_entropy",
    "cross_entropy_grad_and_hess",
    "cross_entropy_value_and_grad",
    "focal_loss",
    "focal_loss_grad_and_hess",
    "focal_loss_value_and_grad",
    "get_num_threads",
    "linear_cross_entropy",
    "linear_cross_entropy_value_and_grad",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "nll_loss",
    "nll_loss_value_and_grad",
    "patch_sklearn",
    "set_num_threads",
    "show_versions",
    "sigmoid",
    "sigmoid_focal_loss",
    "sigmoid_focal_loss_grad_and_hess",
    "sigmoid_focal_loss_value_and_grad",
    "softmax",
    "unpatch_sklearn",
    "warmup",
]
HEAVY = ["numba", "llvmlite", "scipy", "sklearn", "torch", "jax", "pandas", "matplotlib"]


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


def test_the_public_names():
    assert sorted(fastce.__all__) == fastce.__all__
    assert set(PUBLIC) <= set(fastce.__all__)
    public = {*PUBLIC, *MODULES}
    assert set(fastce.__all__) == public
    for name in public:
        assert callable(getattr(fastce, name))
        assert getattr(fastce, name).__name__ == name
    listed = {name for name in dir(fastce) if not name.startswith("_")}
    listed -= {name for name in listed if isinstance(getattr(fastce, name), types.ModuleType)}
    assert listed == public


def test_the_public_modules():
    """Those without an underscore, and `fastce.patch`, which is a program."""
    found = {module.name for module in pkgutil.iter_modules(fastce.__path__)}
    public = {name for name in found if not name.startswith("_")}
    assert public - {"patch"} == set(fastce._SUBMODULES)
    for name in fastce._SUBMODULES:
        assert getattr(fastce, name).__all__


def test_import_star_gives_the_public_names():
    names = {}
    exec("from fastce import *", names)
    assert set(fastce.__all__) <= set(names)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="cross_entropi"):
        _ = fastce.cross_entropi
    assert not hasattr(fastce, "numba")
    assert not hasattr(fastce, "np")


def test_import_is_cheap():
    assert (
        run(f"import fastce, sys; print([m for m in {HEAVY} if m in sys.modules])").strip() == "[]"
    )


def test_special_functions_compile_nothing():
    names = ["logsumexp", "softmax", "log_softmax", "sigmoid", "log_sigmoid"]
    code = (
        f"import fastce, sys\nfor name in {names}:\n    getattr(fastce, name)([1.0, 2.0])\n"
        f"    print(name, [m for m in {HEAVY} if m in sys.modules])"
    )
    assert run(code).splitlines() == [f"{name} []" for name in names]


def test_first_call_in_a_fresh_interpreter_is_silent():
    code = "import fastce; print(round(fastce.cross_entropy([[0, 1, 2, 3]], [3]), 4))"
    assert run(code).strip() == "0.4402"


def test_names_are_found_before_anything_is_loaded():
    assert run("import fastce; print(set(fastce.__all__) <= set(dir(fastce)))").strip() == "True"


def test_functions_of_others_are_left_to_python_where_numba_is_told_so(tmp_path):
    code = """
import numba, numpy as np, fastce
from fastce._core import threads as _threads
with _threads.parallel_from(1):
    assert abs(fastce.cross_entropy(np.zeros((4, 2)), [0, 1, 1, 0]) - np.log(2)) < 1e-15
assert numba.config.DISABLE_JIT
def own(x):
    return x
assert numba.njit(own) is own
"""
    settings = {
        "NUMBA_DISABLE_JIT": "1",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }  # an empty cache: compiled there
    subprocess.run([sys.executable, "-c", code], env=os.environ | settings, check=True)
    assert any(tmp_path.rglob("*.nbc"))
