"""Every benchmark of asv_bench runs once, at its smallest size; every public function has one."""

import ast
import importlib
import importlib.util
import inspect
import itertools
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from compiled import compiled

import fastce
from fastce._losses.table import LOSSES

FOLDER = Path(__file__).parents[1] / "asv_bench"
BODY = re.compile(r"(time|timeraw|peakmem|mem|track)_")

if not FOLDER.is_dir():  # an sdist's tests
    pytest.skip("asv_bench is not here", allow_module_level=True)


def load_modules():
    """Import asv_bench/benchmarks with its smallest sizes; return name -> module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTCE_BENCH_SMALL", "1")
        patch.syspath_prepend(str(FOLDER))
        package = importlib.import_module("benchmarks")
        return {
            info.name: importlib.import_module(f"benchmarks.{info.name}")
            for info in pkgutil.iter_modules(package.__path__)
        }


MODULES = load_modules()


def discover():
    """Yield every benchmark with every combination of its parameters."""
    for module_name, module in MODULES.items():
        for class_name, cls in vars(module).items():
            if inspect.isclass(cls) and cls.__module__ == module.__name__:
                for body in filter(BODY.match, vars(cls)):
                    for params in itertools.product(*getattr(cls, "params", [])):
                        yield pytest.param(
                            cls,
                            body,
                            params,
                            id="-".join(map(str, (module_name, class_name, body, *params))),
                        )


@pytest.fixture
def same_threads():
    """Give the number of threads back as it was."""
    before = fastce.get_num_threads()
    yield
    fastce.set_num_threads(before)


@pytest.mark.usefixtures("same_threads")
@pytest.mark.parametrize(("cls", "body", "params"), list(discover()))
def test_runs_once(cls, body, params):
    instance = cls()
    try:
        getattr(instance, "setup", lambda *_: None)(*params)
    except NotImplementedError as error:
        pytest.skip(str(error))
    try:
        before = compiled()
        result = getattr(instance, body)(*params)
        if body.startswith("timeraw_"):
            timed, ready = (result, "") if isinstance(result, str) else result
            done = subprocess.run(
                [sys.executable, "-c", f"{ready}\n{timed}"],
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        else:
            if not body.startswith("peakmem_"):
                assert compiled() == before, "compiling belongs to setup"
            assert isinstance(result, (int, float)) == body.startswith("track_"), (
                "asv keeps what a track_ returns, and only that"
            )
    finally:
        getattr(instance, "teardown", lambda *_: None)(*params)


def test_modules_are_named_after_what_is_public():
    """After a public function, a public module, or a part of the library that others stand on."""
    others = {"common", "libraries", "losses", "start"}
    parts = {"linear_loss": "_linear.loss", "solvers": "_optimize.minimise"}
    parts |= {"special": "_losses.special", "on_probabilities": "_losses.nll"}
    parts |= {"compiled": "_njit.rows"}
    assert set(MODULES) - others - set(parts) <= {*fastce.__all__, *fastce._SUBMODULES}
    for module in parts.values():
        assert importlib.util.find_spec(f"fastce.{module}") is not None
    for name in set(MODULES) - {"common", "libraries"}:
        assert any(
            BODY.match(body)
            for cls in vars(MODULES[name]).values()
            if inspect.isclass(cls)
            for body in vars(cls)
        ), name


def names_used(module):
    """Return the names that a module's code uses; an import alone uses none."""
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in nodes
        if isinstance(node, ast.Name | ast.Attribute)
    }


@pytest.mark.parametrize("name", fastce._SUBMODULES)
def test_every_name_of_a_public_module_is_measured(name):
    """By the benchmarks that are named after the module."""
    # What `summary` returns, and a warning of fits.
    elsewhere = {"CoefficientTable", "SeparationWarning"}
    public = set(getattr(fastce, name).__all__) - elsewhere
    assert public
    assert not public - names_used(MODULES[name])


def test_every_public_function_is_measured():
    elsewhere = {"get_num_threads", "set_num_threads", "show_versions", "warmup"}
    elsewhere |= {"patch_sklearn", "unpatch_sklearn"}
    tables = [
        value
        for module in MODULES.values()
        for name, value in vars(module).items()
        if name.endswith(("FORMS", "FUNCTIONS"))
    ]
    measured = set(itertools.chain.from_iterable(tables))
    assert set(fastce.__all__) - elsewhere == measured


@pytest.mark.parametrize(
    "path", sorted((FOLDER / "results").glob("*/*-*.json")), ids=lambda p: p.stem
)
def test_the_table_only_grows_at_its_end(path):
    """Results are compared by the places of their parameters, so a form keeps its place."""
    functions = [function for loss in LOSSES for function in loss.functions]
    for result in json.loads(path.read_text())["results"].values():
        for values in result[1]:
            names = [value.strip("'") for value in values]
            if set(names) <= set(functions):
                assert names == [function for function in functions if function in names]


def test_a_commit_without_a_function_is_skipped():
    with pytest.raises(NotImplementedError, match="this commit has no cross_entropi"):
        MODULES["common"].public("cross_entropi")
