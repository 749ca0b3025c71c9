"""Random calls of everything public, always the same ones; `python -m tests.fuzz` makes more."""

import re

import fuzz.__main__ as fuzz
import numpy as np
import pytest
from fuzz import references

import fastce

# A dozen options times dtypes: each new pair is a kernel to compile, which is what the time goes
# into.
CALLS = {"rows": 60, "elements": 40, "special": 300, "linear": 300, "fit": 60}


@pytest.mark.parametrize("family", CALLS)
def test_random_calls(family):
    defects = list(fuzz.run(CALLS[family], seed=1, only=family))
    assert not defects, "\n".join(map(str, defects))


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 30.0])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_certain_element_has_no_focal_loss_by_the_formulas_either(target, gamma):
    """Where powers of its probability leave the range of a long double, on their way to 0."""
    x = np.array([2e3, 4e3, 5e3, 6e3, 7e3, 1e4, 6e4, 1e30, 1e300]) * (1 if target else -1)
    with np.errstate(all="ignore"):
        found = references.elements(x, np.full(x.shape, target), gamma=gamma)
    for array in (found.values, found.grads, found.hess):
        np.testing.assert_array_equal(array.astype(float), np.zeros(x.shape))


def first_defect(monkeypatch, wrong, calls=200):
    wrong.__name__ = "softmax"
    monkeypatch.setattr(fastce, "softmax", wrong)
    return next(
        (
            defect.what
            for defect in fuzz.run(calls, seed=1, only="special")
            if defect.function == "softmax"
        ),
        None,
    )


SOFTMAX = fastce.softmax


def write_to_input(x, *, out=None, **options):
    result = SOFTMAX(x, out=out, **options)
    if isinstance(x, np.ndarray) and x.flags.writeable and x.size and out is None:
        x[...] = 7
    return result


def fail(x, **options):
    raise IndexError("out of range")


def refuse(x, **options):
    raise ValueError("x is not to my liking")


def take_anything(x, *, axis=-1, out=None):
    try:
        return SOFTMAX(x, axis=axis, out=out)
    except (TypeError, ValueError):
        return np.zeros(3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x, **options: SOFTMAX(x, **options) * (1 + 1e-2), "result: .* instead of"),
        (lambda x, **options: SOFTMAX(x, **options).astype(np.longdouble), "result has dtype"),
        (lambda x, **options: SOFTMAX(x, **options).ravel()[:1], "result has shape"),
        (write_to_input, "wrote to an input"),
        (fail, "raised (.|\\n)*out of range"),
        (refuse, "refused what is right"),
        (take_anything, "took a wrong"),
    ],
)
def test_a_wrong_function_is_found(monkeypatch, wrong, message):
    found = first_defect(monkeypatch, wrong)
    assert found is not None
    assert re.match(message, found), found
