"""The table of losses is true: modules, arguments, options and limits are the functions'."""

import importlib
import inspect
import subprocess
import sys

import pytest

import fastce
from fastce._losses import table

every_function = pytest.mark.parametrize(
    ("loss", "form"),
    [(loss, form) for loss in table.LOSSES for form in loss.forms],
    ids=lambda value: getattr(value, "name", value),
)


@every_function
def test_functions_have_the_options_of_the_table(loss, form):
    parameters = dict(inspect.signature(getattr(fastce, loss.name + form)).parameters)
    expected = {loss.first, "target", *loss.names, "reduction"}
    expected |= {"axis"} if loss.kind == table.ROWS else set()
    expected |= {"out"} if form != table.VALUE else set()
    assert set(parameters) == expected
    assert next(iter(parameters)) == loss.first


@pytest.mark.parametrize("name", table.MODULES)
def test_a_function_stands_in_its_module(name):
    module = importlib.import_module(f"fastce.{table.MODULES[name]}")
    assert getattr(module, name).__module__ == module.__name__


@pytest.mark.parametrize("loss", table.LOSSES, ids=lambda loss: loss.name)
def test_numbers_are_refused_outside_their_limits(loss, rng):
    x = rng.random((4, 3))
    first = (x, x[:, :3]) if loss.kind == table.LINEAR else (x,)
    target = [0, 1, 2, 1] if table.INDICES in loss.targets else x
    for number in loss.numbers:
        beyond = [number.least - 1, number.most * (1 + 1e-9) + 1e-9, float("nan")]
        for bad in beyond:
            with pytest.raises(ValueError, match=f"^{number.name} must .*; got "):
                getattr(fastce, loss.name)(*first, target, **{number.name: bad})
        inside = [max(number.least, -1e6), min(number.most, 1e6)]
        for good in inside:
            assert isinstance(
                getattr(fastce, loss.name)(*first, target, **{number.name: good}), float
            )


def test_the_table_imports_nothing_of_the_package():
    """It is read by ``import fastce``, and as a file by the benchmarks, whatever is installed."""
    code = (
        f"import runpy, sys; runpy.run_path({table.__file__!r}); assert 'numpy' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
