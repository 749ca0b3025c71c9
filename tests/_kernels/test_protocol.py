"""Toy losses by the row-kernel protocol: each is one file of code, the drivers do the rest."""

from typing import NamedTuple

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_allclose

import fastce
from fastce._kernels.intrinsics import weighted_softmax
from fastce._kernels.protocol import derivatives, implements, row_value, rows_of_step
from fastce._losses import _forms
from fastce._losses._call import RowOptions, check_rows
from fastce._losses._evaluate import evaluate_rows, evaluate_soft_targets
from fastce._losses.table import INDICES, PROBABILITIES


class Squared(NamedTuple):
    """The toy f(l) = l + scale l^2 of the cross-entropy l."""

    scale: float


@implements(derivatives, Squared)
def _derivatives(loss, cross_entropy, p, q, factor, first, second):
    for i in range(p.size):
        factor[i] = loss.scale * cross_entropy[i]
        first[i] = 1 + 2 * factor[i]
        second[i] = 2 * loss.scale * q[i]


@implements(row_value, Squared)
def _row_value(loss, weight, cross_entropy, factor):
    return weight * cross_entropy * (1 + factor)


class Brier(NamedTuple):
    """The toy loss scale sum_k (p_k - q_k)^2 / 2 of probabilities q, without its Hessian."""

    scale: float


@implements(rows_of_step, Brier)
def _rows_of_step(loss, rows, value, grad, hess, scratch):
    p = scratch.rows
    scratch.weight[:] = 1
    weighted_softmax(rows.x, scratch.weight, p, scratch.row_max, scratch.rest, scratch.logs)
    for i in range(value.size):
        weight, total = rows.sample_weight[i] * loss.scale, 0.0
        for k in range(p.shape[1]):
            total += 0.5 * (p[i, k] - rows.target[i, k]) ** 2
        value[i] = weight * total
        if grad.shape[0]:
            inner = 0.0
            for k in range(p.shape[1]):
                inner += (p[i, k] - rows.target[i, k]) * p[i, k]
            for k in range(p.shape[1]):
                grad[i, k] = weight * p[i, k] * (p[i, k] - rows.target[i, k] - inner)


def test_a_function_of_cross_entropy(rng):
    x, y = rng.standard_normal((300, 5)), rng.integers(0, 5, 300)
    w, s = rng.uniform(0.1, 2, 5), rng.uniform(0, 2, 300)
    s[::4] = 0
    options = RowOptions(w, s, y[1], reduction="none")

    def call(x, *outs):
        return check_rows(x, y, options, evaluate_rows, INDICES, Squared(0.3), outs)

    cross_entropy = fastce.cross_entropy(x, y, ignore_index=y[1], reduction="none")
    target_weight = np.where(y == y[1], 0, w[y] * s)
    expected = target_weight * (cross_entropy + 0.3 * cross_entropy**2)
    assert_allclose(_forms.value(call(x)), expected, rtol=1e-13)
    value, grad = _forms.value_and_grad(call(x, None))
    assert_allclose(value, expected, rtol=1e-13)
    grad_again, hess = _forms.grad_and_hess(call(x, None, None))
    assert_allclose(grad_again, grad, rtol=1e-13)
    for k in range(5):
        step = np.zeros(5)
        step[k] = 1e-6
        up, down = _forms.grad_and_hess(call(x + step, None, None)), None
        down = _forms.grad_and_hess(call(x - step, None, None))
        assert_allclose(hess[:, k], (up[0] - down[0])[:, k] / 2e-6, rtol=1e-5, atol=1e-7)
        slope = (_forms.value(call(x + step)) - _forms.value(call(x - step))) / 2e-6
        assert_allclose(grad[:, k], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_function_of_rows_with_probabilities(rng, weighted):
    x, q = rng.standard_normal((300, 5)), rng.dirichlet(np.ones(5), 300)
    s = rng.uniform(0, 2, 300) if weighted else None

    def call(x, reduction, *outs):
        options = RowOptions(None, s, reduction=reduction)
        return check_rows(x, q, options, evaluate_soft_targets, PROBABILITIES, Brier(3.0), outs)

    p = fastce.softmax(x)
    costs = 1.5 * ((p - q) ** 2).sum(axis=1)
    s = np.ones(300) if s is None else s
    assert_allclose(_forms.value(call(x, "none")), s * costs, rtol=1e-13)
    assert_allclose(_forms.value(call(x, "mean")), (s * costs).sum() / s.sum(), rtol=1e-13)
    value, grad = _forms.value_and_grad(call(x, "none", None))
    assert_allclose(value, s * costs, rtol=1e-13)
    for k in range(5):
        step = np.zeros(5)
        step[k] = 1e-6
        slope = _forms.value(call(x + step, "none")) - _forms.value(call(x - step, "none"))
        assert_allclose(grad[:, k], slope / 2e-6, rtol=1e-5, atol=1e-8)


def test_labels_are_no_probabilities():
    with pytest.raises(ValueError, match="target must have the shape of the input"):
        check_rows(
            np.zeros((3, 4)),
            np.zeros(3, int),
            RowOptions(),
            evaluate_soft_targets,
            PROBABILITIES,
            Brier(1.0),
        )


def test_a_class_without_an_implementation_is_refused():
    class Unknown(NamedTuple):
        scale: float

    @njit
    def call(loss):
        return row_value(loss, 1.0, 1.0, 1.0)

    assert call(Squared(1.0)) == 2.0
    with pytest.raises(Exception, match="row_value"):
        call(Unknown(1.0))
