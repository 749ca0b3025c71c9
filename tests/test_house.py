"""The house: imports point down, imports and predictions load no Numba, tests mirror the files."""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from sources import PACKAGE, PYTHON, SOURCES, TESTS, name_of

# A file imports only from its own folder, or from folders on lower floors.
FLOORS = {
    "_native": 1,
    "_core": 2,
    "_kernels": 3,
    "_losses": 4,
    "_optimize": 4,
    "_linear": 5,
    "_njit": 5,
    "linear_model": 6,
    "boosting": 6,
    "inference": 7,
    "display": 7,
    "onnx": 7,
    "_tools": 8,
    "": 9,  # the package itself: what users import
}


def module_of(path):
    """Return a file's module as names below the package.

    That is ("_core", "checks") for a file, ("_core",) for the folder's own.
    """
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def is_module(names):
    # an installed extension module has no source there
    place = PACKAGE.joinpath(*names)
    return place.is_dir() or any(place.parent.glob(f"{place.name}.*"))


def resolve(names, imported):
    """Return the modules that ``from NAMES import IMPORTED`` loads."""
    inside = {(*names, name) for name in imported if is_module((*names, name))}
    return inside if len(inside) == len(imported) else inside | {names}


def own_imports(path):
    """Return the modules of the package that a file imports or cimports, in functions, too.

    Imports for types only count as well.
    """
    text, here = path.read_text(encoding="utf-8"), path.relative_to(PACKAGE).parts[:-1]
    if path.suffix != ".py":
        text = "\n".join(cython_imports(text))
    return imports_of(ast.walk(ast.parse(text)), here) - {module_of(path)}


def cython_imports(text):
    """Return the imports and cimports of Cython code as statements of Python."""
    text = re.sub(r"\bcimport\b", "import", text.replace("\\\n", " "))
    statement = r"^[ \t]*((?:from\s+[.\w]+\s+)?import\s+(?:\([^)]*\)|[^(\n]+))"
    return re.findall(statement, text, re.MULTILINE)


def imports_of(nodes, here):
    """Return the modules of the package that code of a file in the folder `here` imports."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
            found |= {name[1:] for name in names if name[0] == "fastce"}
        if isinstance(node, ast.ImportFrom):
            names = tuple(filter(None, (node.module or "").split(".")))
            if node.level:
                names = here[: len(here) + 1 - node.level] + names
            elif names[0] == "fastce":
                names = names[1:]
            else:
                continue
            found |= resolve(names, {alias.name for alias in node.names})
    return found


def runs_never(node):
    """Whether a statement guards what only type checkers read."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    }


def run_at_import(tree):
    """Yield the nodes that run when a file is imported: those of no function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield node
        inside = ast.Module(node.orelse, []) if runs_never(node) else node
        yield from run_at_import(inside)


def loads_numba(tree):
    """Tell whether the import of a file with this code imports Numba or llvmlite itself."""
    names = set()
    for node in run_at_import(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return bool({name.split(".")[0] for name in names} & {"numba", "llvmlite"})


def folder_of(module):
    return module[0] if module and (PACKAGE / module[0]).is_dir() else ""


def test_every_folder_has_a_floor():
    assert {path.parent.relative_to(PACKAGE).as_posix() for path in SOURCES} == {
        f or "." for f in FLOORS
    }


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_down(path):
    here = folder_of(module_of(path))
    for other in own_imports(path):
        there = folder_of(other)
        assert there == here or FLOORS[there] < FLOORS[here], f"{name_of(path)} imports {other}"


@pytest.mark.parametrize("folder", FLOORS)
def test_no_circles_inside_a_folder(folder):
    files = {module_of(p): own_imports(p) for p in SOURCES if p.parent == PACKAGE / folder}
    graph = {module: others & set(files) for module, others in files.items()}
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_the_import_finder_finds():
    source = PACKAGE / "_kernels" / "new.py"

    class Text(type(source)):
        """A file that is not there."""

        def read_text(self, encoding):
            return CONTENT[self.suffix]

    CONTENT = {
        ".py": "import fastce\nimport fastce._core.jit\nfrom .. import softmax\n"
        "from .sums import add\nfrom . import sigmoid\nfrom .._core import checks\n"
        "def f():\n    from fastce.linear_model import A\n"
        "if TYPE_CHECKING:\n    from .._tools import B\n",
        ".pyx": "from .softmax cimport f\nfrom .._native import cpu\n"
        "import numpy\ncimport cython\n"
        "from .sums cimport (  # two\n    add,\n    clear,\n)\n"
        "def f():\n    from .._core \\\n        import (checks, layout)\n",
    }
    python = {
        (),
        ("_core", "jit"),
        ("_kernels", "sums"),
        ("_kernels", "sigmoid"),
        ("_core", "checks"),
        ("linear_model",),
        ("_tools",),  # types are no excuse
    }
    assert own_imports(Text(source)) == python
    assert own_imports(Text(source.with_suffix(".pyx"))) == {
        ("_kernels", "softmax"),
        ("_native", "cpu"),
        ("_kernels", "sums"),
        ("_core", "checks"),
        ("_core", "layout"),
    }


NUMBA_FREE = [
    "__init__.py",
    "_losses/special.py",
    "_core/checks.py",
    "linear_model/__init__.py",
    "boosting/__init__.py",
    "inference/__init__.py",
    "display/__init__.py",
    "onnx/__init__.py",
]


@pytest.mark.parametrize("name", NUMBA_FREE)
def test_prediction_and_import_load_no_numba(name):
    """Nothing at the top of these files leads to Numba, not even through another file."""
    sources = {module_of(path): path for path in PYTHON}
    seen, todo = set(), [module_of(PACKAGE / name)]
    while todo:
        module = todo.pop()
        path = sources.get(module)
        if path is None or module in seen:
            continue
        seen.add(module)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not loads_numba(tree), f"{name} leads to Numba through {name_of(path)}"
        todo += imports_of(run_at_import(tree), path.relative_to(PACKAGE).parts[:-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import numba", True),
        ("from llvmlite import ir", True),
        ("try:\n    import numba\nexcept ImportError:\n    numba = None", True),
        ("if a:\n    pass\nelse:\n    from numba.core import types", True),
        ("class A:\n    with b:\n        import os, numba", True),
        ("if TYPE_CHECKING:\n    import numpy\nelse:\n    import numba", True),
        ("if TYPE_CHECKING:\n    import numba", False),
        ("def f():\n    import numba", False),
        ("import numbers\nfrom . import numba", False),
    ],
)
def test_the_search_for_numba_finds_what_runs_at_import(text, expected):
    assert loads_numba(ast.parse(text)) is expected


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.suffix != ".pxd" and p.stem[:2] != "__"], ids=name_of
)
def test_every_module_has_a_test_file(path):
    """Tests mirror the house: fastce/_core/checks.py has tests/_core/test_checks.py."""
    expected = TESTS / path.parent.relative_to(PACKAGE) / f"test_{path.stem.strip('_')}.py"
    assert expected.exists()
