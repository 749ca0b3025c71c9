"""Style and sizes: files and functions stay small, public things have documents, tests assert."""

import ast
import inspect
import re
from dataclasses import is_dataclass

import pytest
from sources import (
    PACKAGE,
    PYTHON,
    SOURCES,
    TEST_FILES,
    TESTS,
    functions,
    name_of,
    public_things,
)

import fastce

MAX_LINES = 330  # about 300, docstrings aside


def lines_besides_docstrings(path):
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    if path.suffix == ".py":
        owners = (ast.Module, ast.ClassDef, ast.FunctionDef)
        nodes = [
            node
            for node in ast.walk(ast.parse(text))
            if isinstance(node, owners) and ast.get_docstring(node)
        ]
        count -= sum(node.body[0].end_lineno - node.body[0].lineno + 1 for node in nodes)
    return count


@pytest.mark.parametrize("path", SOURCES + TEST_FILES, ids=lambda p: p.name)
def test_files_stay_small(path):
    limit = MAX_LINES if path.is_relative_to(PACKAGE) else 500  # the battery is one file on purpose
    lines = lines_besides_docstrings(path)
    assert lines <= limit


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: p.name)
def test_every_file_and_public_thing_says_what_it_is(path):
    """Kernels, which are decorated, may have a head comment instead."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no docstring at the top"
    for node in tree.body:
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not node.decorator_list
        ):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def sections(docstring):
    return dict(
        re.findall(
            r"^([A-Z][A-Za-z ]+)\n-{3,}\n(.*?)(?=^[A-Z][A-Za-z ]+\n-{3,}\n|\Z)",
            docstring,
            re.MULTILINE | re.DOTALL,
        )
    )


def names_in(section):
    """Return the names that a section of parameters or attributes describes."""
    described = re.findall(r"^(\w[\w, ]*)(?: :|$)", section, re.MULTILINE)
    return {name.strip() for line in described for name in line.split(",")}


def check_call(function, found):
    """Check that a docstring's sections describe a signature, which has types."""
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters.values() if p.name not in {"self", "cls"}]
    assert names_in(found.get("Parameters", "")) == {p.name for p in parameters}
    assert all(p.annotation is not p.empty for p in parameters), "no type hint"
    assert signature.return_annotation is not signature.empty, "no return type"
    if signature.return_annotation not in (None, "None"):
        assert found["Returns"].strip()


FUNCTIONS = {name: thing for name, thing in public_things().items() if not inspect.isclass(thing)}
CLASSES = {name: thing for name, thing in public_things().items() if inspect.isclass(thing)}


@pytest.mark.parametrize("name", FUNCTIONS, ids=".".join)
def test_public_functions_are_documented(name):
    function = FUNCTIONS[name]
    found = sections(inspect.getdoc(function))
    assert ">>> " in found["Examples"]
    check_call(function, found)
    if inspect.signature(function).parameters:
        assert re.search(r"^[\w, ]*(Value|Type)Error$", found["Raises"], re.MULTILINE)


# Each says in one sentence what it does; arguments and result are scikit-learn's.
AS_IN_SCIKIT_LEARN = {"decision_function", "predict", "predict_log_proba", "predict_proba"}


@pytest.mark.parametrize("name", CLASSES, ids=".".join)
def test_public_classes_are_documented(name):
    cls = CLASSES[name]
    found = sections(inspect.getdoc(cls))
    assert ">>> " in found["Examples"]
    if issubclass(cls, Warning):
        return
    # the fields of a dataclass, which users get but do not make, are attributes
    described = names_in(found["Attributes" if is_dataclass(cls) else "Parameters"])
    parameters = inspect.signature(cls).parameters
    assert described - set(vars(cls)) == set(parameters)
    assert all(p.annotation is not p.empty for p in parameters.values()), "no type hint"
    for method_name, method in vars(cls).items():
        function = getattr(method, "__func__", method)
        if method_name.startswith("_") or not inspect.isfunction(function):
            continue
        docstring = inspect.getdoc(function)
        assert docstring, f"{method_name} has no docstring"
        if method_name not in AS_IN_SCIKIT_LEARN:
            check_call(function, sections(docstring))


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
        return (
            called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        ) in COMPARING
    return isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp)


def asserts(function, helpers=()):
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name.startswith(("assert_", "check_")) or name in {
                "raises",
                "warns",
                "fail",
                *helpers,
            }:
                return True
    return False


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda p: p.name)
def test_tests_assert_something(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    dropped = [node.lineno for node in ast.walk(tree) if does_nothing(node)]
    assert not dropped, f"{path.name} compares and drops the result on lines {dropped}"
    helpers = {f.name for f in functions(tree) if asserts(f)}
    silent = [
        f.name for f in functions(tree) if f.name.startswith("test_") and not asserts(f, helpers)
    ]
    assert not silent, f"{path.name} has tests that assert nothing: {silent}"


def test_the_search_for_dropped_comparisons_finds_them():
    for bad in ("a == 1", "np.allclose(a, b)", "not a", "a == 1 and b == 2"):
        assert does_nothing(ast.parse(bad).body[0])
    for good in ("assert a == 1", "f(a)", "assert_allclose(a, b)", "x = a == 1"):
        assert not does_nothing(ast.parse(good).body[0])


MAX_LINE = 100
LINED = [p for p in PACKAGE.rglob("*") if p.suffix in {".py", ".pyx", ".pyi", ".h"}] + TEST_FILES
DOCS = TESTS.parent / "docs"  # an sdist has none
LINED += [*DOCS.glob("*.rst"), *DOCS.glob("guide/*.rst")]

# Of functions that Python calls, constructors included. What Numba compiles is exempt: there
# `is None` is decided at compile time for arguments only, not for the fields of a NamedTuple, and
# a plain call pays for unpacking each tuple.
MAX_PARAMETERS = 8
COMPILED = {"kernel", "elementwise", "reduction", "driver", "intrinsic", "overload", "implements"}
# scikit-learn and torch decide how many parameters these have.
PUBLIC = {*fastce.__all__, "LogisticRegression"}
# Lines of a function besides its docstring: the longest has 82 (softmax_general.rows_of_any).
MAX_FUNCTION_LINES = 85
# Of tests: the longest has 98, a table of bad inputs (test_checks.bad_inputs).
MAX_TEST_LINES = 100


def decorators(function):
    """Return the decorators of a function as pairs (name, names that are given to it)."""
    found = []
    for node in function.decorator_list:
        given = node.args if isinstance(node, ast.Call) else []
        called = node.func if isinstance(node, ast.Call) else node
        found.append((ast.unparse(called).split(".")[-1], {ast.unparse(a) for a in given}))
    return found


def compiled_functions(tree):
    """Return the functions that Numba compiles, and those inside them or replaced by them."""
    found, replaced = set(), set()
    for function in functions(tree):
        for name, given in decorators(function):
            if name in COMPILED:
                found |= set(functions(function))
                replaced |= given
    return found | {function for function in functions(tree) if function.name in replaced}


def public_functions(tree):
    """Return the functions and constructors whose parameters are public."""
    found = {function for function in functions(tree) if function.name in PUBLIC}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in PUBLIC:
            found |= {function for function in functions(node) if function.name == "__init__"}
    return found


def long_signatures(tree):
    """Return the names of functions that Python calls with more than MAX_PARAMETERS parameters."""
    found = []
    exempt = compiled_functions(tree) | public_functions(tree)
    for function in functions(tree):
        arguments = function.args
        names = [a.arg for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
        n_parameters = len([name for name in names if name not in {"self", "cls"}])
        if n_parameters > MAX_PARAMETERS and function not in exempt:
            found.append(function.name)
    return found


def lines_of(function):
    """Return the number of lines of a function, without decorators and docstring."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    documented = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - documented


def underscore_aliases(tree):
    """Return the imports that give a name an underscore: ``import x as _x``."""
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    aliases = [alias for node in imports for alias in node.names]
    return [a.asname for a in aliases if a.asname == "_" + a.name.rpartition(".")[2]]


def long_lines(text):
    return [i for i, line in enumerate(text.splitlines(), 1) if len(line) > MAX_LINE]


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_functions_take_few_parameters(path):
    assert not long_signatures(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", PYTHON + TEST_FILES, ids=lambda p: p.name)
def test_functions_stay_short(path):
    limit = MAX_FUNCTION_LINES if path.is_relative_to(PACKAGE) else MAX_TEST_LINES
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [(f.name, lines_of(f)) for f in functions(tree) if lines_of(f) > limit]


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_no_import_is_renamed_with_an_underscore(path):
    assert not underscore_aliases(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", LINED, ids=lambda p: p.name)
def test_no_line_is_too_long(path):
    assert not long_lines(path.read_text(encoding="utf-8"))


def test_the_searches_of_style_find_what_they_look_for():
    many = "a, b, c, d, e, f, g, h, i"
    found = {
        f"def p({many}): pass": ["p"],
        f"def p(self, {many[:-3]}): pass": [],
        f"@kernel(fast=True)\ndef p({many}): pass": [],
        f"@numba.overload(p)\ndef q():\n    def r({many}): pass\ndef p({many}): pass": [],
        f"class A:\n    def __init__(self, {many}): pass": ["__init__"],
        f"class LogisticRegression:\n    def __init__(self, {many}): pass": [],
        f"def softmax({many}): pass": [],
    }
    assert {source: long_signatures(ast.parse(source)) for source in found} == found
    documented = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1').body[0]
    assert lines_of(documented) == 2
    assert underscore_aliases(
        ast.parse("import a.b as _b\nfrom . import c as _c\nimport d as e")
    ) == ["_b", "_c"]
    assert long_lines("a" * 100 + "\n" + "b" * 101) == [2]
