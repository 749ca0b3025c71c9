"""The three forms agree with each other."""

import numpy as np
import pytest
from losses import LOSSES
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


def same_order(result, x):
    """Whether the axes of both have the same order in memory, and the result no gaps."""
    return result.strides == np.empty_like(x).strides


# A gradient goes where its logits came from: Fortran order, torch's channels last, a transposition.
ORDERS = [(0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 3, 1), (2, 0, 1, 3)]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_derivatives_have_the_memory_order_of_the_logits(loss, order, dtype, rng):
    x, target = loss.make(rng, 30, 4, dtype)
    x, target = x.reshape(2, 3, 5, 4), target.reshape((2, 3, 5, 4)[: target.ndim + 2])
    moved = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    assert_array_equal(moved, x)
    axes = [{}] if not loss.by_row else [{"axis": axis} for axis in (-1, 1)]
    for options in axes:
        axis = options.get("axis", -1)
        here = np.moveaxis(moved, -1, axis)
        labels = target if target.ndim < 4 else np.moveaxis(target, -1, axis)
        for form in [loss.value_and_grad] + [loss.grad_and_hess] * loss.has_hess:
            results, plain = form(here, labels, **options), form(x, target)
            for result, expected in zip(results, plain, strict=True):
                if np.ndim(result):
                    assert same_order(result, here)
                    assert_array_equal(np.moveaxis(result, axis, -1), expected)
    strided = np.repeat(moved, 2, axis=0)[::2]
    assert same_order(loss.value_and_grad(strided, target)[1], strided)
