"""A design matrix gives the same products and blocks, dense or CSR, and is checked once."""

import ast
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from fastce._core import design
from fastce._core.design import CsrDesign, DenseDesign, as_design
from fastce._native import products
from fastce.linear_model import LogisticRegression


def with_int64(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": np.float32,
    "reversed": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "csr matrix": sparse.csr_matrix,
    "csr array": sparse.csr_array,
    "csr int64": lambda X: with_int64(sparse.csr_array(X)),
    "csr float32": lambda X: sparse.csr_array(X.astype(np.float32)),
}


@pytest.fixture(params=LAYOUTS)
def pair(request, rng):
    """Return an X (400, 6) in some layout and the same numbers as a float64 array."""
    X = LAYOUTS[request.param](rng.normal(size=(400, 6)) * (rng.random((400, 6)) < 0.4))
    return X, np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=float)


def test_what_a_design_says_of_itself(pair):
    X, dense = pair
    found = as_design(X)
    assert as_design(found) is found
    assert found.shape == (400, 6)
    assert found.dtype == X.dtype
    assert found.is_nearly_dense
    if sparse.issparse(X):
        assert found.n_entries == np.count_nonzero(dense)
        assert found.n_bytes == X.data.nbytes + X.indices.nbytes
    else:
        assert found.X is X
        assert (found.n_entries, found.n_bytes) == (X.size, X.nbytes)
    assert found.gradient_shape == (None if sparse.issparse(X) else X.shape)
    assert_array_equal(
        found.entries_of_rows(), (dense != 0).sum(axis=1) if sparse.issparse(X) else np.full(400, 6)
    )


def test_logits_of_rows_are_those_of_numpy(pair, rng):
    X, dense = pair
    coef, intercept = rng.normal(size=(6, 3)), rng.normal(size=3)
    for b in (intercept, None):
        out = np.full((37, 3), np.nan)
        assert as_design(X).forward(11, 48, coef, b, out) is out
        assert_allclose(out, dense[11:48] @ coef + (0.0 if b is None else b), atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_is_that_of_numpy(pair, rng, weighted):
    X, dense = pair
    weights = rng.random(400) if weighted else np.ones(1)
    weights /= np.broadcast_to(weights, 400).sum()
    expected = np.average(dense, axis=0, weights=np.broadcast_to(weights, 400))
    assert_allclose(as_design(X).mean(weights), expected, rtol=1e-12, atol=1e-15)


def test_the_weighted_mean_converts_no_more_than_a_block(rng):
    X, weights = rng.random((5000, 1500), dtype=np.float32), np.full(5000, 1.0 / 5000)
    tracemalloc.start()
    try:
        as_design(X).mean(weights)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 8 * design._MEAN_NUMBERS


def test_rows_columns_and_products_of_squares(pair, rng):
    X, dense = pair
    found = as_design(X)
    block = found.columns(2, 5)
    assert block.dtype == np.float64
    assert_array_equal(block, dense[:, 2:5])
    assert_array_equal(found.rows(10, 50).columns(0, 6), dense[10:50])
    assert_array_equal(found.rows(0, 400, 7).columns(0, 6), dense[::7])
    table = rng.normal(size=(40, 3))
    assert_allclose(found.squared_product(10, 50, table), (dense[10:50] ** 2).T @ table, rtol=1e-6)


def test_products_of_blocks_and_back_are_those_of_numpy(pair, rng):
    X, dense = pair
    table = rng.normal(size=(6, 3))
    found, back = as_design(X).in_dtype(np.dtype(np.float64)), np.zeros((3, 6))
    last = 0
    for rows, product in found.block_products(table, 150):
        assert (rows.start, rows.stop) == (last, min(400, last + 150))
        assert product.flags.c_contiguous
        assert_allclose(product, dense[rows] @ table, rtol=1e-6, atol=1e-12)
        found.add_product_back(rows, product, back)
        last = rows.stop
    assert last == 400
    assert_allclose(back, (dense @ table).T @ dense, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("n", [1, 15, 127, 129, 5000, 100_000])
def test_blocks_of_dense_rows_are_of_one_size(n):
    starts = as_design(np.broadcast_to(np.zeros(3), (n, 3))).block_starts(4)
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
    starts = as_design(X).block_starts(3)
    entries = np.diff(X.indptr[starts])
    assert starts[0] == 0
    assert starts[-1] == 40_000
    assert np.abs(entries - entries.mean()).max() < 0.1 * entries.mean()


def test_no_other_file_asks_whether_a_design_is_dense():
    """What a driver is given, `RowBlocks`, holds the answer; `checks` tells of other arguments."""
    asked = {"is_sparse", "issparse", "indptr", "CsrDesign", "DenseDesign"}
    package = Path(design.__file__).parents[1]
    for path in set(package.rglob("*.py")) - {Path(design.__file__), package / "_core/checks.py"}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            owner = ast.unparse(node.value) if isinstance(node, ast.Attribute) else ""
            is_declared = isinstance(getattr(node, "ctx", None), ast.Store)
            name = getattr(node, "attr", getattr(node, "id", None))
            if isinstance(node, ast.Name) and name == "is_sparse":
                continue  # a function of `checks`: see the next line for what it is asked of
            is_asked = isinstance(node, ast.Call) and ast.unparse(node) == "is_sparse(X)"
            is_fine = owner == "blocks" or is_declared or name not in asked
            assert is_fine, (path.name, node.lineno)
            assert not is_asked, (path.name, node.lineno)


def test_only_csr_with_few_entries_is_not_nearly_dense():
    assert as_design(np.zeros((10, 10))).is_nearly_dense
    for n_entries, expected in [(9, False), (10, True)]:
        rows = np.arange(n_entries)
        X = sparse.csr_array((np.ones(n_entries), (rows, rows)), shape=(10, 10))
        assert as_design(X).is_nearly_dense is expected


def test_a_field_of_a_structured_array_is_copied(rng):
    table = np.zeros((5, 3), dtype=[("flag", "i1"), ("value", "f8")])
    table["value"] = rng.normal(size=(5, 3))
    found = as_design(table["value"])
    assert isinstance(found, DenseDesign)
    assert found.X.flags.aligned
    assert found.X.strides == (24, 8)
    assert_array_equal(found.X, table["value"])


def test_index_arrays_of_two_dtypes_become_int64():
    X = sparse.csr_array(np.eye(4))
    X.indptr = X.indptr.astype(np.int64)
    found = as_design(X)
    assert isinstance(found, CsrDesign)
    assert found.indices.dtype == found.indptr.dtype == np.int64
    assert_array_equal(found.columns(0, 4), np.eye(4))


def test_other_arrays_given_to_a_csr_matrix_afterwards_change_nothing():
    X = sparse.csr_array(np.eye(4))
    found = as_design(X)
    X.data, X.indices = np.full(4, 7.0), np.zeros(4, X.indices.dtype)
    assert_array_equal(found.columns(0, 4), np.eye(4))
    assert_array_equal(
        found.forward(0, 4, np.ones((4, 1)), None, np.empty((4, 1))), np.ones((4, 1))
    )


def test_csr_that_leads_outside_is_refused():
    X = sparse.csr_array(np.eye(4))
    X.indices[2] = 4
    with pytest.raises(ValueError, match=r"^A must be a CSR matrix whose indices must lie in 0..3"):
        as_design(X, "A")
    X = sparse.csr_array(np.eye(4))
    X.indptr = X.indptr[:-1]
    with pytest.raises(ValueError, match=r"^X.indptr must have shape \(5,\), a start for each row"):
        as_design(X)


def test_csr_is_checked_where_a_design_is_made_and_not_for_each_block(monkeypatch):
    made = []

    class Counted(products.CheckedCsr):
        def __init__(self, *arrays):
            made.append(arrays)

    monkeypatch.setattr(products, "CheckedCsr", Counted)
    found, out = as_design(sparse.csr_array(np.eye(6))), np.empty((2, 1))
    for first in (0, 2, 4):
        assert_array_equal(found.forward(first, first + 2, np.ones((6, 1)), None, out), 1.0)
    assert len(made) == 1


def test_a_matrix_edited_after_a_fit_is_refused_by_the_next_prediction(rng):
    X = sparse.csr_array(rng.normal(size=(40, 5)) * (rng.random((40, 5)) < 0.5))
    model = LogisticRegression().fit(X, np.arange(40) % 2)
    before = model.decision_function(X)
    X.indices[3] = 5
    for call in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(ValueError, match=r"indices must lie in 0..4; got 5"):
            call(X)
    with pytest.raises(ValueError, match=r"indices must lie in 0..4; got 5"):
        LogisticRegression().fit(X, np.arange(40) % 2)
    X.indices[3] = -1
    with pytest.raises(ValueError, match=r"indices must lie in 0..4; got -1"):
        model.predict(X)
    assert before.shape == (40,)


def test_the_arrays_of_a_design_cannot_be_resized_or_freed_below_it():
    X = sparse.csr_array(np.eye(4))
    found = as_design(X)
    with pytest.raises(ValueError, match="resize"):
        X.indices.resize(2)
    del X
    assert_array_equal(
        found.forward(0, 4, np.ones((4, 1)), None, np.empty((4, 1))), np.ones((4, 1))
    )


@pytest.mark.parametrize("kind", [np.asfortranarray, np.ascontiguousarray, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_column_is_appended_in_the_same_layout(rng, kind, dtype):
    design = as_design(kind(rng.normal(size=(7, 3)).astype(dtype)))
    longer = design.with_column(2.5)
    assert type(longer) is type(design)
    assert longer.dtype == dtype
    assert longer.shape == (7, 4)
    np.testing.assert_array_equal(longer.columns(0, 3), design.columns(0, 3))
    np.testing.assert_array_equal(longer.columns(3, 4), np.full((7, 1), 2.5))
    if not sparse.issparse(design.matrix()):
        assert longer.X.flags.f_contiguous == design.X.flags.f_contiguous
