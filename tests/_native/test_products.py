"""The products of a row block against NumPy and SciPy, in every layout, and what is refused."""

import ctypes

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from layouts import VIEWS

from fastce._native import products as _blocks

DTYPES = [np.float32, np.float64]
INDEX_DTYPES = [np.int32, np.int64]
ADDRESSES = _blocks.addresses()


def c_function(name, *dtypes):
    """Return the C function of that name for these dtypes, to be called with integers."""
    symbol = "_".join([name, *(f"{np.dtype(d).kind}{8 * np.dtype(d).itemsize}" for d in dtypes)])
    n_arguments = {
        "dense_forward": 9,
        "dense_backward": 8,
        "csr_forward": 8,
        "csr_backward": 7,
        "dense_read": 5,
    }.get(name, 6)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * n_arguments)(ADDRESSES[f"fastce_{symbol}"])


def dense_backward(X, R):
    G = np.full((X.shape[1], R.shape[1]), 0.5)
    row_stride, col_stride = (s // X.itemsize for s in X.strides)
    arguments = (
        X.ctypes.data,
        row_stride,
        col_stride,
        *X.shape,
        R.ctypes.data,
        R.shape[1],
        G.ctypes.data,
    )
    c_function("dense_backward", X.dtype)(*arguments)
    return G


SHAPES = [
    (0, 3, 2),
    (3, 0, 2),
    (3, 2, 0),
    (1, 1, 1),
    (1, 9, 1),
    (9, 1, 3),
    (7, 5, 1),
    (5, 8, 2),
    (13, 17, 5),
    (33, 31, 4),
    (4, 16, 9),
]
SHAPES += [(130, 40, 3), (129, 33, 17), (11, 300, 7), (260, 257, 1), (5, 520, 40)]
# every width of a tile, with and without a rest, on vectors of 2, 4 and 8 numbers
SHAPES += [(27, 29, n_classes) for n_classes in (*range(2, 14), 16, 24, 25, 31, 32, 33, 64, 71)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dense_products(shape, dtype, rng):
    n, p, n_classes = shape
    values = rng.normal(size=(n, p)).astype(dtype)
    coef, intercept, R = (
        rng.normal(size=(p, n_classes)),
        rng.normal(size=n_classes),
        rng.normal(size=(n, n_classes)),
    )
    exact = values.astype(np.float64)
    close = {"rtol": 1e-12, "atol": 1e-12 * max(n, p, 1) ** 0.5}
    for X in (view(values) for view in VIEWS.values()):
        for b in (None, intercept):
            Z = np.full((n, n_classes), np.nan)
            _blocks.dense_forward(X, coef, b, Z)
            np.testing.assert_allclose(Z, exact @ coef + (0 if b is None else b), **close)
        np.testing.assert_allclose(dense_backward(X, R), 0.5 + exact.T @ R, **close)


def as_csr(values, index_dtype):
    X = scipy.sparse.csr_array(values)
    return X.data, X.indices.astype(index_dtype), X.indptr.astype(index_dtype)


@pytest.mark.parametrize("index_dtype", INDEX_DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [0, 1, 2, 3, 7, 8, 9, 16, 20, 31, 32, 33, 70])
def test_csr_products(n_classes, dtype, index_dtype, rng):
    for n, p, density in ((0, 3, 0), (6, 0, 0), (23, 31, 0.3), (40, 9, 1.0), (5, 200, 0.01)):
        values = (rng.normal(size=(n, p)) * (rng.random((n, p)) < density)).astype(dtype)
        data, indices, indptr = as_csr(values, index_dtype)
        coef, intercept = rng.normal(size=(p, n_classes)), rng.normal(size=n_classes)
        for b in (None, intercept):
            Z = np.full((n, n_classes), np.nan)
            _blocks.csr_forward(data, indices, indptr, coef, b, Z)
            np.testing.assert_allclose(
                Z,
                values.astype(np.float64) @ coef + (0 if b is None else b),
                rtol=1e-12,
                atol=1e-12,
            )
        R, G = rng.normal(size=(n, n_classes)), np.full((p, n_classes), 0.5)
        backward = c_function("csr_backward", dtype, index_dtype)
        arrays = data, indices, indptr
        backward(*(a.ctypes.data for a in arrays), n, R.ctypes.data, n_classes, G.ctypes.data)
        np.testing.assert_allclose(G, 0.5 + values.astype(np.float64).T @ R, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_is_read_from_every_layout(dtype, rng):
    values, centre = rng.normal(size=(5, 19)).astype(dtype), rng.normal(size=19)
    read = c_function("dense_read", dtype)
    for X in (view(values) for view in VIEWS.values()):
        out = np.full(20, 7.0)
        read(X[3:].ctypes.data, X.strides[1] // X.itemsize, 19, centre.ctypes.data, out.ctypes.data)
        np.testing.assert_array_equal(out[:19], values[3].astype(np.float64) - centre)
        assert out[19] == 7.0


@pytest.mark.parametrize("index_dtype", INDEX_DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_csr_row_is_read_squared_and_added(dtype, index_dtype, rng):
    data = rng.integers(-9, 10, 6).astype(dtype)
    indices, indptr = (
        np.array([0, 4, 2, 1, 2, 0], index_dtype),
        np.array([0, 1, 6], index_dtype),
    )  # unordered, and one twice
    row = np.array([data[5], data[3], data[2] + data[4], 0, data[1]], np.float64)
    start = data.ctypes.data, indices.ctypes.data, indptr[1:].ctypes.data
    centre, out, factor = rng.integers(-9, 10, 5).astype(float), np.full(5, 7.0), np.array([0.5])
    c_function("csr_read", dtype, index_dtype)(*start, 5, centre.ctypes.data, out.ctypes.data)
    np.testing.assert_array_equal(out, row - centre)
    gram, with_one = np.ones((6, 6)), np.append(row, 1.0)
    c_function("csr_add_pairs", dtype, index_dtype)(*start, 5, factor.ctypes.data, gram.ctypes.data)
    np.testing.assert_array_equal(np.tril(gram), np.tril(1.0 + 0.5 * np.outer(with_one, with_one)))
    sums, squares = np.ones(5), np.ones(5)
    c_function("csr_add_moments", dtype, index_dtype)(
        *start, factor.ctypes.data, sums.ctypes.data, squares.ctypes.data
    )
    np.testing.assert_array_equal(sums, 1.0 + 0.5 * row)
    expected = np.ones(5)
    np.add.at(expected, indices[1:], 0.5 * data[1:].astype(float) ** 2)
    np.testing.assert_array_equal(squares, expected)


def test_a_block_in_the_middle_of_csr(rng):
    values = rng.normal(size=(30, 7)) * (rng.random((30, 7)) < 0.5)
    data, indices, indptr = as_csr(values, np.int32)
    coef, Z = rng.normal(size=(7, 3)), np.empty((10, 3))
    forward = c_function("csr_forward", np.float64, np.int32)
    forward(
        data.ctypes.data,
        indices.ctypes.data,
        indptr[12:].ctypes.data,
        10,
        coef.ctypes.data,
        0,
        3,
        Z.ctypes.data,
    )
    np.testing.assert_allclose(Z, values[12:22] @ coef, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    n=st.integers(0, 40),
    p=st.integers(0, 70),
    n_classes=st.integers(0, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_small_integers_are_exact(dtype, n, p, n_classes, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-9, 10, (n, p)).astype(dtype)
    coef, R = (
        rng.integers(-9, 10, (p, n_classes)).astype(float),
        rng.integers(-9, 10, (n, n_classes)).astype(float),
    )
    for given_X in (X, np.asfortranarray(X), X[::-1, ::-1]):
        Z = np.empty((n, n_classes))
        _blocks.dense_forward(given_X, coef, None, Z)
        np.testing.assert_array_equal(Z, given_X.astype(float) @ coef)
        np.testing.assert_array_equal(dense_backward(given_X, R), 0.5 + given_X.astype(float).T @ R)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
@pytest.mark.parametrize("order", ["C", "F"])
def test_odd_values_stay_in_their_row(odd, order, rng):
    X = np.asarray(rng.normal(size=(19, 21)), order=order)
    X[7, 20] = odd
    Z = np.empty((19, 3))
    _blocks.dense_forward(X, rng.normal(size=(21, 3)), None, Z)
    assert np.isfinite(np.delete(Z, 7, axis=0)).all()
    assert not np.isfinite(Z[7]).any()


def test_read_only_inputs_work():
    X, coef, b = np.ones((2, 3)), np.ones((3, 1)), np.ones(1)
    for array in (X, coef, b):
        array.flags.writeable = False
    Z = np.empty((2, 1))
    _blocks.dense_forward(X, coef, b, Z)
    assert (Z == 4).all()


def fixed(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("argument", "bad", "error"),
    [
        ("X", np.zeros(3), ValueError),
        ("X", np.zeros((2, 3), int), TypeError),
        ("X", np.zeros((2, 3), np.float16), TypeError),
        ("X", np.zeros((2, 3), ">f8"), TypeError),
        ("X", np.zeros((2, 3), "f4,f8")["f1"], TypeError),
        ("X", np.zeros((2, 4)), ValueError),
        ("X", [[1.0, 2.0, 3.0]], TypeError),
        ("X", None, TypeError),
        ("coef_pK", np.zeros((3, 4), np.float32), TypeError),
        ("coef_pK", np.zeros((3, 8))[:, ::2], (ValueError, BufferError)),
        ("coef_pK", np.zeros((4, 3)).T, (ValueError, BufferError)),
        ("coef_pK", np.zeros((2, 4)), ValueError),
        ("intercept", np.zeros(3), ValueError),
        ("intercept", np.zeros((4, 1)), ValueError),
        ("intercept", np.zeros(4, np.float32), TypeError),
        ("intercept", np.zeros(8)[::2], (ValueError, BufferError)),
        ("Z", np.zeros((2, 3)), ValueError),
        ("Z", np.zeros((3, 4)), ValueError),
        ("Z", np.zeros((2, 4), np.float32), TypeError),
        ("Z", np.zeros((4, 2)).T, (ValueError, BufferError)),
        ("Z", fixed(np.zeros((2, 4))), (ValueError, BufferError)),
    ],
)
def test_dense_forward_refuses(argument, bad, error):
    arguments = {
        "X": np.zeros((2, 3)),
        "coef_pK": np.zeros((3, 4)),
        "intercept": np.zeros(4),
        "Z": np.zeros((2, 4)),
    }
    _blocks.dense_forward(*arguments.values())
    with pytest.raises(error):
        _blocks.dense_forward(*(arguments | {argument: bad}).values())


@pytest.mark.parametrize("index_dtype", INDEX_DTYPES)
@pytest.mark.parametrize(
    ("indices", "indptr", "row"),
    [
        ([0, 3, 2], [0, 1, 3], 1),
        ([-1, 1, 2], [0, 1, 3], 0),
        ([0, 1, 2], [0, 1, 4], 1),
        ([0, 1, 2], [-1, 1, 3], 0),
        ([0, 1, 2], [0, 3, 1], 1),
        ([0, 1], [0, 1, 3], 1),
        ([0, 2**31 - 1, 2], [0, 1, 3], 1),
        ([0, 1, 2], [0, 2**31 - 1, 3], 0),
    ],
)
def test_csr_outside_of_the_matrix_is_refused(indices, indptr, row, index_dtype):
    arrays = np.ones(3), np.array(indices, index_dtype), np.array(indptr, index_dtype)
    Z = np.full((2, 2), 7.0)
    with pytest.raises(ValueError, match=f"at row {row}"):
        _blocks.csr_forward(*arrays, np.zeros((3, 2)), None, Z)
    with pytest.raises(ValueError, match=f"at row {row}"):
        _blocks.CheckedCsr(*arrays, 3)
    assert (Z == 7).all()


@pytest.mark.parametrize(
    ("first", "last", "n_columns", "shape"),
    [
        (-1, 1, 3, (2, 2)),
        (0, 3, 3, (3, 2)),
        (2, 1, 3, (0, 2)),
        (0, 2, 4, (2, 2)),
        (0, 2, 3, (1, 2)),
    ],
)
def test_rows_of_a_checked_csr_matrix_must_fit(first, last, n_columns, shape):
    matrix = _blocks.CheckedCsr(
        np.ones(3), np.array([0, 1, 2], np.int32), np.array([0, 1, 3], np.int32), 3
    )
    Z = np.full(shape, 7.0)
    with pytest.raises(ValueError, match="must"):
        matrix.forward(first, last, np.ones((n_columns, 2)), None, Z)
    assert (Z == 7).all()
    Z = np.empty((1, 2))
    matrix.forward(1, 2, np.ones((3, 2)), None, Z)
    assert Z.tolist() == [[2, 2]]
    matrix.forward(2, 2, np.ones((3, 2)), None, Z[:0])


@pytest.mark.parametrize(
    ("argument", "bad", "error"),
    [
        ("data", np.ones(3, int), TypeError),
        ("data", np.ones((3, 1)), ValueError),
        ("data", np.ones(6)[::2], (ValueError, BufferError)),
        ("data", np.ones(2), ValueError),
        ("indices", np.zeros(3, np.int64), TypeError),
        ("indices", np.zeros(3, np.uint32), TypeError),
        ("indices", np.zeros(3), TypeError),
        ("indptr", np.zeros(0, np.int32), ValueError),
        ("indptr", np.zeros(4, np.int32), ValueError),
        ("coef_pK", np.zeros((3, 2), np.float32), TypeError),
        ("coef_pK", np.zeros((2, 3)).T, (ValueError, BufferError)),
        ("intercept", np.zeros(3), ValueError),
        ("Z", np.zeros((2, 3)), ValueError),
        ("Z", fixed(np.zeros((2, 2))), (ValueError, BufferError)),
    ],
)
def test_csr_forward_refuses(argument, bad, error):
    arguments = {
        "data": np.ones(3),
        "indices": np.array([0, 1, 2], np.int32),
        "indptr": np.array([0, 1, 3], np.int32),
        "coef_pK": np.ones((3, 2)),
        "intercept": np.zeros(2),
        "Z": np.zeros((2, 2)),
    }
    _blocks.csr_forward(*arguments.values())
    assert arguments["Z"].tolist() == [[1, 1], [2, 2]]
    with pytest.raises(error):
        _blocks.csr_forward(*(arguments | {argument: bad}).values())


def test_addresses_name_every_function():
    expected = {
        f"fastce_dense_{way}_{x}" for way in ("forward", "backward", "read") for x in ("f32", "f64")
    }
    ways = "forward", "backward", "read", "add_pairs", "add_moments"
    expected |= {
        f"fastce_csr_{way}_{x}_{i}" for way in ways for x in ("f32", "f64") for i in ("i32", "i64")
    }
    expected |= {"fastce_csr_fault_i32", "fastce_csr_fault_i64"}
    assert set(ADDRESSES) == expected
    assert len(set(ADDRESSES.values())) == len(expected)
    assert all(isinstance(address, int) and address > 0 for address in ADDRESSES.values())
