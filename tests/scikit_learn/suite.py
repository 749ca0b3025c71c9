"""A pytest plugin: scikit-learn's own tests, with our classes in the place of its own.

    python -m pytest tests/scikit_learn -m scikit_learn

runs them, in a process of their own; with ``-m "scikit_learn and not full"`` those of its
``test_logistic.py`` only. Only tests that reach one of our classes run. Those of
`exclusions` must fail: one that passes, or an exclusion that meets no test, fails the run.
"""

import functools
import types
from collections import Counter
from pathlib import Path

import pytest
import sklearn
from exclusions import EXCLUSIONS
from sklearn.base import BaseEstimator

import fastce
from fastce import patch

ROOT = Path(sklearn.__file__).parent
# Values inside values inside a parameter of a test: a list of pipelines, say.
_DEPTH = 4


def files():
    """Return scikit-learn's files of tests that name one of our classes."""
    return sorted(
        path
        for path in ROOT.rglob("test_*.py")
        if any(name in path.read_text(encoding="utf-8") for name in patch.NAMES)
    )


def _ours():
    return tuple(getattr(fastce.linear_model, name) for name in patch.NAMES)


def holds_ours(value, depth=_DEPTH):
    """Tell whether a value is one of our classes or estimators, or has one inside."""
    if isinstance(value, type):
        return issubclass(value, _ours())
    if isinstance(value, _ours()):
        return True
    if depth == 0:
        return False
    inside = ()
    if isinstance(value, BaseEstimator):
        inside = vars(value).values()
    elif isinstance(value, dict):
        inside = [*value, *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inside = value
    elif isinstance(value, functools.partial):
        inside = [*value.args, *value.keywords.values()]
    return any(holds_ours(each, depth - 1) for each in inside)


def _names_in(code):
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_in(constant)
    return names


def reaches(function, seen):
    """Tell whether the code of a function of the tests names what is ours, through its helpers."""
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, types.FunctionType) or function in seen:
        return False
    seen.add(function)
    names = _names_in(function.__code__)
    if names & set(patch.NAMES):
        return True
    for name in names & set(function.__globals__):
        value = function.__globals__[name]
        if isinstance(value, types.FunctionType):
            if ".tests." in (value.__module__ or "") and reaches(value, seen):
                return True
        elif holds_ours(value):
            return True
    return False


def is_case_of_ours(item):
    """Tell whether the parameters of a test's case hold one of ours."""
    case = getattr(item, "callspec", None)
    return case is not None and any(holds_ours(value) for value in case.params.values())


def is_about_us(item):
    """Tell whether a test reaches one of our classes by its code or its fixtures'."""
    fixtures = getattr(item, "_fixtureinfo", None)
    definitions = fixtures.name2fixturedefs.values() if fixtures else ()
    functions = [item.function, *(definition[-1].func for definition in definitions)]
    return any(reaches(function, set()) for function in functions)


def name_of(item):
    """Return a test's name from scikit-learn's folder on, and its case."""
    path = item.path.relative_to(ROOT).as_posix()
    function, _, case = item.name.partition("[")
    return f"{path}::{function}", case.removesuffix("]")


def pytest_configure():
    """Put our classes in place before scikit-learn's tests are imported."""
    fastce.patch_sklearn(verbose=False)


def pytest_unconfigure():
    """Give the names back."""
    fastce.unpatch_sklearn()


def pytest_collection_modifyitems(config, items):
    """Keep the tests that reach us, and mark those that must fail."""
    cases = {item for item in items if is_case_of_ours(item)}
    # a function that gets ours as a parameter is of interest in these cases only
    with_cases = {item.function for item in cases}
    wanted = {item for item in items if item.function not in with_cases and is_about_us(item)}
    wanted |= cases
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = [item for item in items if item in wanted]
    met = Counter()
    for item in items:
        name, case = name_of(item)
        for exclusion in EXCLUSIONS:
            if exclusion.meets(name, case):
                met[exclusion] += 1
                item.add_marker(pytest.mark.xfail(reason=exclusion.reason, strict=True))
                break
    here = {name_of(item)[0].partition("::")[0] for item in items}
    stale = [e for e in EXCLUSIONS if not met[e] and e.test.partition("::")[0] in here]
    if stale and not config.option.keyword:
        raise pytest.UsageError(f"exclusions that meet no test: {[e.test for e in stale]}")


def pytest_terminal_summary(terminalreporter):
    """Say how many failed as they must, by reason."""
    reasons = Counter(report.wasxfail for report in terminalreporter.stats.get("xfailed", []))
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"excluded {count:4d}  {reason.removeprefix('reason: ')}")
