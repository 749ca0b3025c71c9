"""Products in pieces are those of NumPy, with the same bits for every number of threads."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastce
from fastce._core.matmul import add_matmul, matmul, silent


@pytest.mark.parametrize("shape", [(0, 3, 4), (5, 0, 4), (7, 3, 1), (3000, 40, 70), (70, 40, 3000)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_products_are_those_of_numpy_for_every_number_of_threads(rng, shape, order):
    n, p, m = shape
    a = np.asarray(rng.normal(size=(n, p)), order=order)
    b, before = rng.normal(size=(p, m)), rng.normal(size=(n, m))
    products, sums, n_threads = [], [], fastce.get_num_threads()
    try:
        for n_used in (1, 2):
            fastce.set_num_threads(n_used)
            products.append(np.full((n, m), np.nan))
            sums.append(before.copy())
            matmul(a, b, products[-1])
            add_matmul(a, b, sums[-1])
    finally:
        fastce.set_num_threads(n_threads)
    assert_allclose(products[0], a @ b, rtol=1e-12, atol=1e-12)
    assert_allclose(sums[0], before + a @ b, rtol=1e-12, atol=1e-12)
    assert_array_equal(*products)
    assert_array_equal(*sums)


def test_nothing_warns():
    out = np.empty((1, 1))
    with np.errstate(all="raise"):
        matmul(np.array([[np.inf, np.inf]]), np.array([[1.0], [-1.0]]), out)
        assert np.isnan(out[0, 0])
        with silent():
            assert np.isinf(np.float64(1e308) * 10.0)
