"""Evaluation by kernels: what needs them loads Numba, and nothing else does."""

import subprocess
import sys

import numpy as np
import pytest

import fastce

PROGRAM = """
import sys
import numpy as np
import fastce
p, y = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([1, 0])
print(fastce.nll_loss(np.log(p), y), *fastce.nll_loss_value_and_grad(np.log(p), y)[1].ravel())
print(fastce.binary_cross_entropy(p, p), fastce.binary_cross_entropy_value_and_grad(p, p)[0])
assert "numba" not in sys.modules, "a loss of probabilities loads Numba"
fastce.cross_entropy(p, y)
assert "numba" in sys.modules, "the test looks for Numba where it cannot be"
"""


def test_losses_of_probabilities_load_no_numba():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    nll, *grad = map(float, done.stdout.split()[:5])
    assert nll == pytest.approx((np.log(4 / 3) + np.log(2)) / 2)
    assert grad == [0.0, -0.5, -0.5, 0.0]


def test_one_block_and_several_give_the_sum_of_their_values(rng):
    for n in (3, 100_000):
        x, y = rng.standard_normal((n, 3)), rng.integers(0, 3, n)
        values = fastce.cross_entropy(x, y, reduction="none")
        assert fastce.cross_entropy(x, y, reduction="sum") == pytest.approx(values.sum(), rel=1e-13)
