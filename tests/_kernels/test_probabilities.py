"""Probabilities of few classes: the kernel of their own agrees with the general one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fastce
from fastce._kernels.intrinsics import MAX_SOFT_CLASSES


@pytest.mark.parametrize("n_classes", [1, 3, MAX_SOFT_CLASSES, MAX_SOFT_CLASSES + 1])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2}])
def test_agrees_with_the_general_kernel(n_classes, options, rng):
    x, q = rng.standard_normal((2, 90, n_classes))
    q, weight = np.abs(q), rng.random(90)
    x[::7, 0] = -np.inf if n_classes > 1 else 0.0
    q[::7, 0] = 0.0
    value, grad = fastce.cross_entropy_value_and_grad(x, q, sample_weight=weight, **options)
    # a z-loss and a Hessian diagonal are those of the general kernel
    tiny = fastce.cross_entropy(x, q, sample_weight=weight, z_loss=1e-300, **options)
    general, _ = fastce.cross_entropy_grad_and_hess(x, q, sample_weight=weight, **options)
    assert_allclose(value, tiny, rtol=1e-14, atol=1e-290)
    assert_allclose(grad, general, rtol=1e-12, atol=1e-17)
