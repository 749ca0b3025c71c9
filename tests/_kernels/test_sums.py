"""Compensated sums and blocks."""

import numpy as np

from fastce._kernels.sums import add, blocks, finish, pairwise_sum, sum_of


def test_a_compensated_sum_keeps_what_a_plain_one_loses():
    total, error = 0.0, 0.0
    for term in (1.0, 1e-20, 1e-20, -1.0):
        total, error = add(total, error, term)
    assert finish(total, error) == 2e-20
    assert finish(np.inf, np.nan) == np.inf


def test_sum_of():
    assert sum_of(np.arange(100, dtype=np.float32)) == 4950.0


def test_blocks_depend_on_the_shape_alone():
    for n, k in ((1, 1), (10**6, 3), (100, 50_000)):
        rows, n_blocks, step = blocks(n, k)
        assert (n_blocks - 1) * rows < n <= n_blocks * rows
        assert 1 <= step


def test_the_pairwise_sum_has_the_bits_of_numpy(rng):
    for n in (*range(300), 1000, 1025, 5000, 8193, 100_000):
        x = rng.standard_normal(n) * 10.0 ** rng.integers(-8, 8, n)
        assert pairwise_sum(x) == x.sum(), n
