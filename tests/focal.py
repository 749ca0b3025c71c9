"""What the tests of both focal losses share."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fastce


def check_against_torch(name, form, x, target, **options):
    """Assert that a loss and its derivatives are those of ``form(torch, logits)`` by autograd."""
    torch = pytest.importorskip("torch")
    z = torch.tensor(x, requires_grad=True)
    want = form(torch, z)
    (slope,) = torch.autograd.grad(want.sum(), z, create_graph=True)
    curvature = [
        float(torch.autograd.grad(slope[i], z, retain_graph=True)[0][i])
        for i in np.ndindex(x.shape)
    ]
    value, grad = getattr(fastce, name + "_value_and_grad")(x, target, reduction="none", **options)
    _, hess = getattr(fastce, name + "_grad_and_hess")(x, target, reduction="sum", **options)
    assert_allclose(value, want.detach().numpy(), rtol=1e-13)
    assert_allclose(grad, slope.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert_allclose(hess.ravel(), curvature, rtol=1e-12, atol=1e-14)
