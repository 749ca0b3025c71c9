"""Row blocks know where a design lies, and are dealt to accumulators that threads share evenly."""

import numpy as np
import pytest
from scipy import sparse

from fastce._core.design import as_design
from fastce._linear.row_blocks import accumulator_bounds, count_accumulators, row_blocks
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


def test_rows_are_dealt_to_as_many_accumulators_as_the_strictest_limit_allows():
    assert accumulator_bounds(100, 50, 16, 9).tolist() == [0, 12, 25, 37, 50, 62, 75, 87, 100]
    assert accumulator_bounds(100, 3, 16, 9).tolist() == [0, 50, 100]  # there are three parts only
    assert accumulator_bounds(100, 50, 16, 0).tolist() == [0, 100]
    assert accumulator_bounds(100, 50, 16, 0, minimum=2).tolist() == [0, 50, 100]
    assert accumulator_bounds(100, 1, 16, 0, minimum=2).tolist() == [0, 100]


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
    assert found.is_sparse == sparse.issparse(X)
    if found.is_sparse:
        assert found.data == design.data.ctypes.data
        assert found.indices == design.indices.ctypes.data
        assert found.indptr == design.indptr.ctypes.data
        assert found.index_bytes == design.indices.itemsize
        assert found.has_few_entries == 0
    else:
        assert found.data == X.ctypes.data
        assert found.data_bytes == X.itemsize
        assert (found.row_stride, found.col_stride) == ((1, 4) if layout == "F" else (3, 1))
    assert found.forward != found.backward != found.read
