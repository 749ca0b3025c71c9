"""The files of the package and of its tests, and what is public, for the tests that read them."""

import ast
import importlib
from pathlib import Path

import fastce

PACKAGE = Path(fastce.__file__).parent
TESTS = Path(__file__).parent
SOURCES = sorted(p for p in PACKAGE.rglob("*") if p.suffix in {".py", ".pyx", ".pxd"})
PYTHON = [p for p in SOURCES if p.suffix == ".py"]
TEST_FILES = sorted(TESTS.rglob("*.py"))


# Modules whose `__all__` is public. `fastce.patch` is the program; its functions are the package's.
PUBLIC_MODULES = ["fastce", *(f"fastce.{name}" for name in fastce._SUBMODULES)]


def public_things():
    """Return what users import: (module, name) -> function or class."""
    modules = {module: importlib.import_module(module) for module in PUBLIC_MODULES}
    return {
        (name, public): getattr(module, public)
        for name, module in modules.items()
        for public in module.__all__
    }


def name_of(path):
    """Return what a test of a file of the package is called by."""
    return path.relative_to(PACKAGE.parent).as_posix()


def functions(tree):
    """Return the functions of a file, those inside others, too."""
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
