"""Every benchmark of asv_bench runs once, at its smallest size; none of the public functions lacks one."""

import importlib
import inspect
import itertools
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from compiled import compiled

import fastce

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


def test_modules_mirror_the_library():
    others = {"common", "libraries", "start"}
    library = {info.name.lstrip("_") for info in pkgutil.iter_modules(fastce.__path__)}
    assert set(MODULES) - others <= library
    for name in set(MODULES) - others:
        assert any(
            BODY.match(body)
            for cls in vars(MODULES[name]).values()
            if inspect.isclass(cls)
            for body in vars(cls)
        ), name


def test_every_public_function_is_measured():
    elsewhere = {"get_num_threads", "set_num_threads", "show_versions", "warmup"}
    tables = [
        value
        for module in MODULES.values()
        for name, value in vars(module).items()
        if name.endswith(("FORMS", "FUNCTIONS"))
    ]
    measured = set(itertools.chain.from_iterable(tables))
    functions = {name for name in fastce.__all__ if inspect.isfunction(getattr(fastce, name))}
    assert functions - elsewhere == measured
