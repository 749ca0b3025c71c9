"""Row blocks cover X, dense or CSR, in parts that threads share evenly."""

import numpy as np
import pytest
from scipy import sparse

from fastce._core.design import as_design
from fastce._linear.row_blocks import block_starts, count_accumulators, row_blocks
from fastce._linear.shard import Shard


def test_accumulators_are_shared_evenly_by_two_to_sixteen_threads():
    assert [count_accumulators(n) for n in (0, 1, 2, 3, 4, 7, 8, 29, 32)] == [
        1,
        1,
        2,
        2,
        4,
        4,
        8,
        16,
        32,
    ]
    X = sparse.random(300, 30_000, density=0.01, format="csr", random_state=0)
    shard = Shard(X, np.arange(300) % 40, 40, weights=np.full(1, 1 / 300))
    assert len(shard._values) == 2  # memory allows three


@pytest.mark.parametrize("n", [1, 15, 127, 129, 5000, 100_000])
def test_blocks_of_dense_rows_are_of_one_size(n):
    starts = block_starts(as_design(np.broadcast_to(np.zeros(3), (n, 3))), 4)
    sizes = np.diff(starts)
    assert (starts[0], starts[-1]) == (0, n)
    assert sizes.min() > 0
    assert sizes.max() <= sizes.min() + 1
    assert sizes.size == 1 or sizes.size % 2 == 0


def test_blocks_of_csr_rows_have_about_equally_many_entries(rng):
    lengths = rng.integers(0, 60, 40_000)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.concatenate([np.arange(length) for length in lengths])
    X = sparse.csr_array((np.ones(indices.size), indices, indptr), shape=(40_000, 60))
    starts = block_starts(as_design(X), 3)
    entries = np.diff(X.indptr[starts])
    assert starts[0] == 0
    assert starts[-1] == 40_000
    assert np.abs(entries - entries.mean()).max() < 0.1 * entries.mean()


@pytest.mark.parametrize("layout", ["C", "F", "csr", "csr64", "float32"])
def test_fields_name_where_things_lie(layout):
    dense = np.arange(12.0).reshape(4, 3)
    make = {"C": np.asarray, "F": np.asfortranarray, "float32": np.float32}
    X = sparse.csr_array(dense) if "csr" in layout else make[layout](dense)
    if layout == "csr64":
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    design = as_design(X)
    found = row_blocks(design, 5, 2)
    assert (found.n_columns, found.n_outputs, found.block_rows) == (3, 5, 2)
    assert (found.coef, found.intercept) == (0, 0)
    assert found.is_sparse == design.is_sparse
    if design.is_sparse:
        assert found.data == design.data.ctypes.data
        assert found.indices == design.indices.ctypes.data
        assert found.indptr == design.indptr.ctypes.data
        assert found.index_bytes == design.indices.itemsize
        assert found.is_thin == 0
    else:
        assert found.data == X.ctypes.data
        assert found.data_bytes == X.itemsize
        assert (found.row_stride, found.col_stride) == ((1, 4) if layout == "F" else (3, 1))
    assert found.forward != found.backward != found.read
