"""The files of the package and of its tests, for the tests that read them."""

import ast
from pathlib import Path

import fastce

PACKAGE = Path(fastce.__file__).parent
TESTS = Path(__file__).parent
SOURCES = sorted(p for p in PACKAGE.rglob("*") if p.suffix in {".py", ".pyx", ".pxd"})
PYTHON = [p for p in SOURCES if p.suffix == ".py"]
TEST_FILES = sorted(TESTS.rglob("*.py"))


def name_of(path):
    """Return what a test of a file of the package is called by."""
    return path.relative_to(PACKAGE.parent).as_posix()


def functions(tree):
    """Return the functions of a file, those inside others, too."""
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
