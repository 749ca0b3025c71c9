"""Random calls of everything public, always the same ones; `python -m tests.fuzz` makes more."""

import re

import fuzz.__main__ as fuzz
import numpy as np
import pytest

import fastce

# A dozen options times dtypes: each new pair is a kernel to compile, which is what the time goes
# into.
CALLS = {"rows": 60, "elements": 40, "special": 300, "linear": 300, "fit": 60}


@pytest.mark.parametrize("family", CALLS)
def test_random_calls(family):
    defects = list(fuzz.run(CALLS[family], seed=1, only=family))
    assert not defects, "\n".join(map(str, defects))


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
