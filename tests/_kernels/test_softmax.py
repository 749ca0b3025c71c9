"""The kernel of class indices: scratch memory, and the Hessian diagonal of a row."""

import numpy as np
from numpy.testing import assert_allclose

from fastce._kernels import softmax
from fastce._losses.focal import Focal


def test_scratch_memory():
    assert softmax.work_rows(None, 10, 200) == 0
    assert softmax.work_rows(Focal(2.0), 10**6, 1) > 0
    assert softmax.work_rows(Focal(2.0), 4, 64) > softmax.work_rows(Focal(2.0), 10**6, 1)


def test_hessian_row():
    p, hess = np.array([0.2, 0.5, 0.3]), np.empty(3)
    softmax.hessian_row(3 * p, 3.0, 1.0, hess)
    assert_allclose(hess, 3 * p * (1 - p), rtol=1e-15)
    softmax.hessian_row(0 * p, 0.0, 1.0, hess)
    assert not hess.any()
