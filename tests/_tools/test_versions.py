"""`show_versions` and `warmup`."""

import numpy as np
import pytest
from compiled import compiled

import fastce


def test_versions_are_those_installed(capsys):
    fastce.show_versions()
    shown = dict(
        line.split(maxsplit=1)
        for line in capsys.readouterr().out.splitlines()
        if not line.startswith(("threading", "c"))
    )
    assert shown["numpy"] == np.__version__
    assert shown["threads"].startswith(f"{fastce.get_num_threads()} of ")


@pytest.mark.parametrize("dtypes", ["float16", ["float32", "int64"], ["no such"], [None]])
def test_warmup_refuses_other_dtypes(dtypes):
    with pytest.raises(ValueError, match="dtypes must be 'float32' or 'float64' or both; got"):
        fastce.warmup(dtypes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_warmup_leaves_nothing_to_compile(dtype):
    fastce.warmup([dtype])
    before = compiled()
    assert before
    for n, n_classes in ((5, 7), (5000, 30)):
        logits = np.random.default_rng(0).normal(size=(n, n_classes)).astype(dtype)
        labels = np.arange(n, dtype=np.int32) % n_classes
        for form in ("", "_value_and_grad", "_grad_and_hess"):
            softmax_form = getattr(fastce, "cross_entropy" + form)
            softmax_form(logits, labels)
            softmax_form(
                logits[::2], labels[::2], weight=np.arange(1.0, n_classes + 1), label_smoothing=0.2
            )
            softmax_form(logits.T, labels, axis=0)
            getattr(fastce, "binary_cross_entropy_with_logits" + form)(
                logits, np.ones_like(logits), pos_weight=2.0
            )
    assert compiled() == before
