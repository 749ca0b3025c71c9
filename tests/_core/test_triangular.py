"""Triangular systems of equations, none at all among them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fastce._core.triangular import solve_triangular


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (4,), (4, 3), (4, 0)], ids=str)
def test_solves(shape, trans, lower, rng):
    a = rng.uniform(1, 2, (shape[0], shape[0]))
    a = np.tril(a) if lower else np.triu(a)
    b = rng.standard_normal(shape)
    x = solve_triangular(a, b, trans=trans, lower=lower)
    assert x.shape == shape
    assert_allclose((a.T if trans else a) @ x, b, rtol=1e-12, atol=1e-13)
