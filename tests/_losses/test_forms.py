"""The three forms agree with each other."""

import numpy as np
from numpy.testing import assert_array_equal

from fastce._losses import _forms
from fastce._losses._call import RowOptions, check_rows
from fastce._losses._evaluate import evaluate_rows


def test_forms(rng):
    x, y = rng.standard_normal((40, 5)), rng.integers(0, 5, 40)
    options = RowOptions(reduction="none")
    value = _forms.value(check_rows(x, y, options, evaluate_rows))
    out = np.empty_like(x)
    again, grad = _forms.value_and_grad(check_rows(x, y, options, evaluate_rows, outs=(out,)))
    assert grad is out
    assert_array_equal(value, again)
    grad, hess = _forms.grad_and_hess(check_rows(x, y, options, evaluate_rows, outs=(None, None)))
    assert_array_equal(grad, out)
    assert (hess > 0).all()
