"""The driver of products with Hessians; its products are in tests/_losses/test_hess_vector.py."""

import inspect

import numpy as np
import pytest

from fastce._kernels import general_rows, hessian_product


def test_the_options_are_those_of_the_general_kernel():
    names = list(inspect.signature(hessian_product.hessian_product.py_func).parameters)
    general = list(inspect.signature(general_rows.general.py_func).parameters)
    options = general[general.index("logits") : general.index("values")]
    assert names[2 : 2 + len(options)] == options


def test_the_mean_leaves_the_most_probable_class_out():
    p, v = np.array([1.0, 1e-20]), np.array([5.0, 7.0])
    assert hessian_product._mean(p, v, 5.0) == 2e-20
    out = np.empty(2)
    hessian_product._write(p, v, 5.0, 2e-20, 3.0, 0.0, out)
    assert out.tolist() == pytest.approx([-6e-20, 6e-20], rel=1e-15)
