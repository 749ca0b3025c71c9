"""`warmup`: whatever the table of losses names is compiled before the first real call."""

import doctest
import importlib

import numpy as np
import pytest
from compiled import compiled

import fastce
from fastce._losses.table import GRAD_AND_HESS, INDICES, LINEAR, LOSSES, ROWS


@pytest.mark.parametrize("dtypes", ["float16", ["float32", "int64"], ["no such"], [None]])
def test_warmup_refuses_other_dtypes(dtypes):
    with pytest.raises(ValueError, match="dtypes must be 'float32' or 'float64' or both; got"):
        fastce.warmup(dtypes)


def real_calls(loss, n, n_classes, dtype, rng):
    """Yield arguments and options of calls as users make them."""
    logits = rng.random((n, n_classes)).astype(dtype)
    labels = np.arange(n, dtype=np.int32) % n_classes
    first = (logits, np.ones((n_classes, n_classes), dtype)) if loss.kind == LINEAR else (logits,)
    for kind in loss.targets:
        target = labels if kind == INDICES else np.full_like(logits, 1 / n_classes)
        yield (*first, target), {}
        if "weight" in loss.options:
            yield (*first, target), {"weight": np.arange(1.0, n_classes + 1)}
        if "label_smoothing" in loss.names:
            yield (*first, target), {"label_smoothing": 0.2, "sample_weight": np.ones(n)}
        if loss.kind == ROWS and kind == INDICES:
            yield (logits[::2], labels[::2]), {}
            yield (logits.T, labels), {"axis": 0}
        if "pos_weight" in loss.options:
            yield (logits, target), {"pos_weight": 2.0}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_warmup_leaves_nothing_to_compile(dtype, rng):
    fastce.warmup([dtype])
    before = compiled()
    assert before
    for loss in LOSSES:
        for n, n_classes in ((5, 7), (5000, 30)):
            for arguments, options in real_calls(loss, n, n_classes, dtype, rng):
                for form in loss.forms:
                    function = getattr(fastce, loss.name + form)
                    function(*arguments, **options)
                    if form != GRAD_AND_HESS and not options:
                        function(*arguments, reduction="none")
    assert compiled() == before


def test_the_example_of_the_docstring():
    """Here and not where pytest finds it: another worker would compile everything once more."""
    assert doctest.testmod(importlib.import_module("fastce._tools.warmup")) == (0, 2)
