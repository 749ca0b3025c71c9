"""The house: imports point down, files stay small, public things are documented, tests assert something."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import fastce

PACKAGE = Path(fastce.__file__).parent
TESTS = Path(__file__).parent

# A file that is not named here is a loss: floor 1.
FLOORS = {
    "__main__": 7,
    "__init__": 6,
    "_main_plot": 5.5,
    "_compare": 5,
    "_versions": 5,
    "linear_model": 4,
    "_solvers": 3,
    "_newton": 2.8,
    "_search": 2.6,
    "_linear_loss": 2,
    "_rowspace": 2,
    "_gram": 1,
    "_linear_cross_entropy": 2,
    "_forms": 0.9,
    "_linear_hessian": 0.8,
    "_inverses": 0.8,
    "_curvatures": 0.8,
    "_walk": 0.6,
    "_cross_entropy_kernels": 0.8,
    "_binary_kernels": 0.8,
    "_weights": 0.5,
    "_layout": 0.5,
    "_rows": 0.5,
    "_math": 0,
    "_vectors": 0.5,
    "_threads": 0,
    "_checks": 0,
    "_rowwise": -0.5,
    "_blocks": -0.5,
    "_scans": -0.5,
    "_cpu": -1,
    "_jit": -1,
    "_cache": -2,
    "_interrupts": -2,
}
MAX_LINES = 330  # about 300, docstrings aside
SOURCES = sorted(p for p in PACKAGE.rglob("*") if p.suffix in {".py", ".pyx", ".pxd"})
PYTHON = [p for p in SOURCES if p.suffix == ".py"]
TEST_FILES = sorted(TESTS.rglob("*.py"))


def floor(module):
    return FLOORS.get(module, 1)


def is_for_types_only(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def own_imports(path):
    """Return the modules of the package that a file imports or cimports, at its top or inside a function."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        lines = re.findall(r"^\s*(?:from\s+(\S+)\s+c?import\s+(.+)|c?import\s+(.+))$", text, re.MULTILINE)
        named = [f".{names}" if source == "." else source or names for source, names, plain in lines for names in [names or plain]]
        return {m for name in named for m in re.findall(r"^(?:fastce)?\.(\w+)", name.strip())}
    tree, found = ast.parse(text), set()
    for_types = {n for node in ast.walk(tree) if is_for_types_only(node) for n in ast.walk(node)}
    for node in set(ast.walk(tree)) - for_types:
        if isinstance(node, ast.Import):
            parts = [alias.name.split(".") for alias in node.names]
            found |= {[*names, "__init__"][1] for names in parts if names[0] == "fastce"}
        if isinstance(node, ast.ImportFrom) and (node.level == 1 or (node.module or "").split(".")[0] == "fastce"):
            inner = (node.module or "") if node.level == 1 else (node.module or "").partition(".")[2]
            if inner:
                found.add(inner.split(".")[0])
            else:
                files = {p.name.split(".")[0] for p in PACKAGE.iterdir()}  # an installed extension has no source there
                found |= {alias.name if alias.name in files else "__init__" for alias in node.names}
    return found


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_imports_point_down(path):
    module = path.stem
    for other in own_imports(path) - {module}:
        assert floor(other) < floor(module), f"{path.name} (floor {floor(module)}) imports {other} (floor {floor(other)})"


def test_the_import_finder_finds(tmp_path):
    source = tmp_path / "_new.py"
    top = "import fastce\nimport fastce._rows\nfrom . import _math, softmax\nfrom ._jit import kernel\n"
    source.write_text(top + "def f():\n    from fastce.linear_model import A\nif TYPE_CHECKING:\n    from .__main__ import B\n")
    assert own_imports(source) == {"__init__", "_rows", "_math", "_jit", "linear_model"}
    source = tmp_path / "_new.pyx"
    source.write_text("from ._blocks cimport f\nfrom fastce._rowwise cimport g\nfrom . import _checks\nimport numpy\ncimport cython\n")
    assert own_imports(source) == {"_blocks", "_rowwise", "_checks"}


@pytest.mark.parametrize("path", [p for p in PYTHON if p.stem in {"__init__", "_special", "_checks", "linear_model"}], ids=lambda p: p.name)
def test_prediction_and_import_load_no_numba(path):
    """At the top of these files stands nothing that leads to Numba, not even through another file."""
    seen, todo = set(), [path]
    while todo:
        current = todo.pop()
        for node in ast.parse(current.read_text(encoding="utf-8")).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                prefix = "fastce." if node.level else ""
                names = [prefix + node.module] if node.module else [prefix + alias.name for alias in node.names]
            for name in names:
                assert name.split(".")[0] not in {"numba", "llvmlite"}, f"{path.name} leads to Numba through {current.name}"
                inner = PACKAGE / (name.removeprefix("fastce.").replace(".", "/") + ".py")
                if name.startswith("fastce.") and inner.exists() and inner not in seen:
                    seen.add(inner)
                    todo.append(inner)


def lines_besides_docstrings(path):
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    if path.suffix == ".py":
        owners = (ast.Module, ast.ClassDef, ast.FunctionDef)
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, owners) and ast.get_docstring(node)]
        count -= sum(node.body[0].end_lineno - node.body[0].lineno + 1 for node in nodes)
    return count


@pytest.mark.parametrize("path", SOURCES + TEST_FILES, ids=lambda p: p.name)
def test_files_stay_small(path):
    limit = MAX_LINES if path.parent == PACKAGE else 500  # the battery is one file on purpose
    lines = lines_besides_docstrings(path)
    assert lines <= limit


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: p.name)
def test_every_file_and_public_thing_says_what_it_is(path):
    """Kernels, which are decorated, may have a head comment instead."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no docstring at the top"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_") and not node.decorator_list:
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def sections(docstring):
    return dict(re.findall(r"^([A-Z][A-Za-z ]+)\n-{3,}\n(.*?)(?=^[A-Z][A-Za-z ]+\n-{3,}\n|\Z)", docstring, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", [name for name in fastce.__all__ if not name.startswith("__")])
def test_public_functions_are_documented(name):
    function = getattr(fastce, name)
    docstring = inspect.getdoc(function)
    found = sections(docstring)
    signature = inspect.signature(function)
    assert ">>> " in found["Examples"]
    if signature.return_annotation not in (None, "None"):
        assert found["Returns"].strip()
    if signature.parameters:
        assert re.search(r"^[\w, ]*(Value|Type)Error$", found["Raises"], re.MULTILINE)
        documented = re.findall(r"^(\w[\w, ]*)(?: :|$)", found["Parameters"], re.MULTILINE)
        names = [name.strip() for line in documented for name in line.split(",")]
        assert set(names) == set(signature.parameters)
        assert all(p.annotation is not p.empty for p in signature.parameters.values()), "no type hint"
    assert signature.return_annotation is not signature.empty, "no return type"


def test_the_forms_of_a_loss_share_their_options():
    for name in fastce.__all__:
        for suffix in ("_value_and_grad", "_grad_and_hess"):
            if name.endswith(suffix):
                plain = inspect.signature(getattr(fastce, name.removesuffix(suffix))).parameters
                longer = dict(inspect.signature(getattr(fastce, name)).parameters)
                assert list(longer) == [*plain, "out"]
                for option, parameter in plain.items():
                    assert longer[option].default == parameter.default, (name, option)
                    assert longer[option].kind == parameter.kind, (name, option)


COMPARING = {"allclose", "array_equal", "isclose", "approx", "array_equiv", "all", "any"}


def does_nothing(statement):
    """Whether a statement compares and drops the result."""
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if isinstance(value, ast.Call):
        called = value.func
        return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in COMPARING
    return isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp)


def asserts(function, helpers=()):
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.startswith(("assert_", "check_")) or name in {"raises", "warns", "fail", *helpers}:
                return True
    return False


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda p: p.name)
def test_tests_assert_something(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    dropped = [node.lineno for node in ast.walk(tree) if does_nothing(node)]
    assert not dropped, f"{path.name} compares and drops the result on lines {dropped}"
    helpers = {f.name for f in functions(tree) if asserts(f)}
    silent = [f.name for f in functions(tree) if f.name.startswith("test_") and not asserts(f, helpers)]
    assert not silent, f"{path.name} has tests that assert nothing: {silent}"


def test_the_search_for_dropped_comparisons_finds_them():
    for bad in ("a == 1", "np.allclose(a, b)", "not a", "a == 1 and b == 2"):
        assert does_nothing(ast.parse(bad).body[0])
    for good in ("assert a == 1", "f(a)", "assert_allclose(a, b)", "x = a == 1"):
        assert not does_nothing(ast.parse(good).body[0])


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix != ".pxd" and not p.stem.startswith("__")], ids=lambda p: p.name)
def test_every_module_has_a_test_file(path):
    named = path.stem.strip("_")
    shared = {
        "jit": "threads",
        "weights": "losses",
        "layout": "losses",
        "rows": "cross_entropy",
        "cross_entropy_kernels": "cross_entropy",
        "binary_kernels": "binary_cross_entropy",
        "forms": "losses",
        "cpu": "rowwise",
        "gram": "solvers",
        "curvatures": "gram",
        "search": "solvers",
        "newton": "solvers",
        "walk": "linear_loss",
        "vectors": "solvers",
        "linear_hessian": "gram",
        "inverses": "gram",
        "on_probabilities": "losses",
    }
    expected = TESTS / f"test_{shared.get(named, named)}.py"
    assert expected.exists(), f"{path.name} has no {expected.name}"
