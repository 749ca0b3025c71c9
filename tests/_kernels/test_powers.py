"""Powers of numbers from 0 to 1 against NumPy's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastce._kernels.powers import powers


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 5.5])
def test_powers(rng, exponent):
    base = np.concatenate([[0.0, 1.0], rng.random(200)])
    out = np.empty_like(base)
    powers(base, exponent, out)
    assert_allclose(out, base**exponent, rtol=2e-14)
    assert_array_equal(out[:2], [exponent == 0.0, 1.0])
