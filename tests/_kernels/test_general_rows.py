"""What is one C++ function agrees with the kernel in Numba."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fastce._core.jit import kernel
from fastce._kernels.general_rows import general_rows
from fastce._kernels.softmax_general import WORK_ROWS, rows_of_any


@kernel
def in_cpp(x, target, w, s, class_weight, smoothing, values, grad, work):
    """Rows without z-loss and Hessian, which C++ computes."""
    return general_rows(
        0,
        x.shape[0],
        x,
        target,
        w,
        s,
        class_weight,
        smoothing,
        0.0,
        0.5,
        values,
        grad,
        grad[:0],
        work,
    )


@kernel
def in_numba(x, target, w, s, class_weight, smoothing, values, grad, work):
    """The same rows."""
    return rows_of_any(
        0,
        x.shape[0],
        x,
        target,
        w,
        s,
        class_weight,
        smoothing,
        0.0,
        0.5,
        values,
        grad,
        grad[:0],
        work,
    )


@pytest.mark.parametrize("n_classes", [2, 5, 12, 100])
@pytest.mark.parametrize("soft", [False, True])
def test_cpp_and_numba_agree(n_classes, soft, rng):
    n = 70
    x = 3 * rng.standard_normal((n, n_classes))
    target = rng.random(x.shape) if soft else rng.integers(0, n_classes, n)
    w = rng.random(n)
    s = w if soft else rng.random(n)  # of probabilities, the two weights are one
    class_weight = rng.random(n_classes) if soft else np.empty(0)
    smoothing = rng.random(n_classes) / n_classes
    results = []
    for rows in (in_cpp, in_numba):
        values, grad, work = np.empty(n), np.empty_like(x), np.empty((WORK_ROWS, 16))
        total = rows(x, target, w, s, class_weight, smoothing, values, grad, work)
        results.append((total, values, grad))
    for one, other in zip(*results, strict=True):
        assert_allclose(one, other, rtol=1e-13, atol=1e-15)
