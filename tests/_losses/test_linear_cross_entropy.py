"""Cross-entropy of a linear model against cross_entropy of its logits and the chain rule."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import linear_logits
from scipy import sparse

import fastce
from fastce._losses import linear_cross_entropy as _linear_cross_entropy

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
OPTIONS = {
    "plain": {},
    "weights": {"weight": "K", "sample_weight": "n"},
    "ignored": {"ignore_index": 2},
    "smoothing": {"label_smoothing": 0.2, "weight": "K"},
    "z_loss": {"z_loss": 0.01, "sample_weight": "n"},
}
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Several blocks, the last one not full."""
    monkeypatch.setattr(_linear_cross_entropy, "_MIN_ROWS", 16)
    monkeypatch.setattr(_linear_cross_entropy, "_BLOCK_BYTES", 0)


def options_of(rng, option, n, n_classes):
    return {
        k: rng.uniform(0.5, 2, n if v == "n" else n_classes) if isinstance(v, str) else v
        for k, v in OPTIONS[option].items()
    }


def check(results, X, coef, intercept, target, options, dtype):
    X = X.toarray() if sparse.issparse(X) else X
    logits = X.astype(np.float64) @ coef.T.astype(np.float64) + (
        0 if intercept is None else intercept.astype(np.float64)
    )
    value, grad = fastce.cross_entropy_value_and_grad(logits, target, **options)
    few = {
        "rtol": 200 * np.finfo(dtype).eps,
        "atol": 200 * np.finfo(dtype).eps * np.abs(grad).max(),
    }
    assert_allclose(results[0], value, **few)
    if results[1] is not None:
        assert_allclose(results[1], grad @ coef, **few)
    assert_allclose(results[2], grad.T @ X, **few)
    if intercept is None:
        assert results[3] is None
    else:
        assert_allclose(results[3], grad.sum(axis=0), **few)
    return value


@DTYPES
@REDUCTIONS
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", ["dense", "F", "strided", "csr"])
@pytest.mark.parametrize("with_intercept", [True, False])
def test_the_same_as_of_the_logits(kind, option, reduction, with_intercept, dtype, rng):
    X, coef, intercept, target = linear_logits(rng, dtype)
    intercept = intercept if with_intercept else None
    options = options_of(rng, option, len(X), len(coef)) | {"reduction": reduction}
    given = {
        "dense": X,
        "F": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "csr": sparse.csr_matrix(X),
    }[kind]
    results = fastce.linear_cross_entropy_value_and_grad(
        given, coef, target, intercept=intercept, **options
    )
    check(results, X, coef, intercept, target, options, dtype)
    assert (results[1] is None) == (kind == "csr")
    assert {r.dtype for r in results[1:] if r is not None} == {np.dtype(dtype)}
    alone = fastce.linear_cross_entropy(given, coef, target, intercept=intercept, **options)
    assert_allclose(alone, results[0], rtol=4 * np.finfo(dtype).eps)


@DTYPES
def test_probability_targets(dtype, rng):
    X, coef, intercept, _ = linear_logits(rng, dtype)
    target = rng.dirichlet(np.ones(7), 53).astype(dtype)
    options = {"label_smoothing": 0.1, "weight": rng.uniform(1, 2, 7)}
    results = fastce.linear_cross_entropy_value_and_grad(
        X, coef, target, intercept=intercept, **options
    )
    check(results, X, coef, intercept, target, options, dtype)


def test_mixed_and_half_precision(rng):
    X, coef, intercept, target = linear_logits(rng, np.float64)
    assert (
        fastce.linear_cross_entropy_value_and_grad(X.astype("f4"), coef, target)[2].dtype
        == np.float64
    )
    _, grad_X, grad_coef, _ = fastce.linear_cross_entropy_value_and_grad(
        X.astype("f2"), coef.astype("f2"), target
    )
    assert grad_X.dtype == grad_coef.dtype == np.float16
    whole = fastce.linear_cross_entropy(
        X.astype("f4"), coef.astype("f4"), target, intercept=intercept
    )
    assert fastce.linear_cross_entropy(
        X.astype("f2"), coef.astype("f2"), target, intercept=intercept
    ) == pytest.approx(whole, rel=1e-2)


@DTYPES
def test_out(dtype, rng):
    X, coef, intercept, target = linear_logits(rng, dtype)
    expected = fastce.linear_cross_entropy_value_and_grad(X, coef, target, intercept=intercept)
    for order in "CF":
        outs = (
            np.full_like(X, np.nan, order=order),
            np.full_like(coef, np.nan, order=order),
            np.full_like(intercept, np.nan),
        )
        results = fastce.linear_cross_entropy_value_and_grad(
            X, coef, target, intercept=intercept, out=outs
        )
        for result, out, wanted in zip(results[1:], outs, expected[1:], strict=True):
            assert result is out
            assert_array_equal(out, wanted)
    results = fastce.linear_cross_entropy_value_and_grad(X, coef, target, out=(None, outs[1], None))
    assert results[2] is outs[1]


def test_empty_shapes():
    value, grad_X, grad_coef, grad_intercept = fastce.linear_cross_entropy_value_and_grad(
        np.zeros((0, 3)), np.ones((2, 3)), np.zeros(0, int), intercept=np.ones(2)
    )
    assert np.isnan(value)
    assert grad_X.shape == (0, 3)
    assert not grad_coef.any()
    assert not grad_intercept.any()
    value, grad_X, grad_coef, _ = fastce.linear_cross_entropy_value_and_grad(
        np.zeros((4, 0)), np.ones((2, 0)), [0, 1, 1, 0]
    )
    assert value == pytest.approx(np.log(2))
    assert (grad_X.shape, grad_coef.shape) == ((4, 0), (2, 0))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"X": np.zeros(3)}, ValueError, "X must have two dimensions"),
        ({"coef": np.zeros((7, 5))}, ValueError, r"coef must have shape \(n_classes, 6\)"),
        ({"coef": np.zeros((0, 6))}, ValueError, "coef must have shape"),
        ({"intercept": np.zeros(6)}, ValueError, r"intercept must have shape \(7,\)"),
        (
            {"target": np.full(53, 7)},
            ValueError,
            "target must be class indices from 0 to 6 .*got 7 at row 0",
        ),
        ({"target": np.r_[np.zeros(52, int), -1]}, ValueError, "got -1 at row 52"),
        ({"target": np.zeros(52, int)}, ValueError, "target must have shape"),
        ({"weight": np.ones(6)}, ValueError, "weight must have shape"),
        (
            {"sample_weight": -np.ones(53)},
            ValueError,
            "sample_weight must be finite and not negative",
        ),
        ({"label_smoothing": 2.0}, ValueError, "label_smoothing must be"),
        ({"reduction": "all"}, ValueError, "reduction must be"),
        (
            {"X": sparse.csc_matrix(np.ones((53, 6)))},
            TypeError,
            "X must be an array or a CSR matrix",
        ),
        (
            {"X": sparse.coo_matrix(np.ones((53, 6)))},
            TypeError,
            "X must be an array or a CSR matrix; got .*'coo'",
        ),
        (
            {"X": sparse.csr_matrix(np.ones((53, 6), complex))},
            TypeError,
            "X must be float32, float64 or integers",
        ),
        (
            {"coef": sparse.csr_matrix(np.ones((7, 6)))},
            TypeError,
            "coef must be a dense array; got a sparse matrix",
        ),
        ({"out": np.zeros(3)}, TypeError, "out must be three arrays"),
        (
            {"out": (np.zeros((53, 5)), None, None)},
            ValueError,
            r"out\[0\] must have shape \(53, 6\)",
        ),
        ({"out": (None, None, np.zeros(7))}, ValueError, r"out\[2\] must be None"),
    ],
)
def test_bad_input_is_named(change, error, message, rng):
    X, coef, _, target = linear_logits(rng, np.float64)
    arguments = {"X": X, "coef": coef, "target": target} | change
    with pytest.raises(error, match=message):
        fastce.linear_cross_entropy_value_and_grad(**arguments)


@pytest.mark.parametrize(
    ("array", "where", "value"),
    [("indices", 0, 10**6), ("indices", 5, -5), ("indptr", 2, 10**6), ("indptr", 1, -3)],
)
@pytest.mark.parametrize(
    "function", [fastce.linear_cross_entropy, fastce.linear_cross_entropy_value_and_grad]
)
def test_a_sparse_matrix_that_leads_outside_of_its_arrays_is_refused(
    function, array, where, value, rng
):
    X, coef, _, target = linear_logits(rng, np.float64)
    X = sparse.csr_matrix(X)
    getattr(X, array)[where] = value
    rule = r"lie in 0\.\.5" if array == "indices" else "rise from 0 to at most"
    with pytest.raises(
        ValueError,
        match=f"X must be a CSR matrix whose {array} must {rule}.*; got .*{value}.* at row",
    ):
        function(X, coef, target)


def test_row_starts_of_another_number_of_rows_are_refused(rng):
    X, coef, _, target = linear_logits(rng, np.float64)
    X = sparse.csr_matrix(X)
    X.indptr = X.indptr[:-2]
    with pytest.raises(ValueError, match=r"X.indptr must have shape \(54,\)"):
        fastce.linear_cross_entropy(X, coef, target)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, bool])
def test_a_sparse_matrix_of_integers_is_as_an_array_of_them(dtype, rng):
    _, coef, _, target = linear_logits(rng, np.float64)
    X = rng.integers(0, 2, (53, 6)).astype(dtype)
    dense = X.astype(np.float64)
    assert_allclose(
        fastce.linear_cross_entropy(sparse.csr_array(X), coef, target),
        fastce.linear_cross_entropy(dense, coef, target),
        rtol=1e-14,
    )


def test_outs_may_not_overlap_weights(rng):
    X, coef, intercept, target = linear_logits(rng, np.float64, n=7)
    weight, memory = rng.uniform(1, 2, 7), rng.uniform(1, 2, 42)
    before = memory.copy()
    with pytest.raises(ValueError, match=r"out\[2\] must not overlap weight"):
        fastce.linear_cross_entropy_value_and_grad(
            X, coef, target, intercept=intercept, weight=weight, out=(None, None, weight)
        )
    with pytest.raises(ValueError, match=r"out\[0\] must not overlap sample_weight"):
        fastce.linear_cross_entropy_value_and_grad(
            X, coef, target, sample_weight=memory[:7], out=(memory.reshape(7, 6), None, None)
        )
    assert_allclose(memory, before, rtol=0)


def test_outs_may_not_overlap_arguments_or_each_other(rng):
    X, coef, _, target = linear_logits(rng, np.float64, n=7)
    memory = np.zeros((7, 6))
    for outs in ((X, None, None), (coef, None, None), (None, X, None), (memory, memory, None)):
        with pytest.raises(ValueError, match="must not overlap"):
            fastce.linear_cross_entropy_value_and_grad(X, coef, target, out=outs)


def test_logits_are_never_all_there(rng, monkeypatch):
    monkeypatch.undo()
    n, p, n_classes = 4096, 8, 4000
    X, coef, _, target = linear_logits(rng, np.float32, n, p, n_classes)
    fastce.linear_cross_entropy_value_and_grad(X[:200], coef, target[:200])
    tracemalloc.start()
    fastce.linear_cross_entropy_value_and_grad(X, coef, target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * n_classes * 4 * 0.75


def test_a_target_beyond_the_range_of_the_logits_is_named(rng):
    X, coef, _, _ = linear_logits(rng, np.float32)
    with pytest.raises(
        ValueError, match=r"target must be within the range of float32, .*got 1e\+300"
    ):
        fastce.linear_cross_entropy(X, coef, np.full((53, 7), 1e300))


@pytest.mark.skipif(fastce.get_num_threads() < 2, reason="one core")
@pytest.mark.parametrize(("n", "n_classes"), [(20001, 10), (4096, 32), (4097, 37), (300, 3001)])
def test_same_bits_for_every_number_of_threads(rng, n, n_classes, monkeypatch):
    monkeypatch.undo()  # blocks of their usual size, some of which are parallel
    X, coef, _, target = linear_logits(rng, np.float32, n, 64, n_classes)
    before, results = fastce.get_num_threads(), []
    try:
        for n_threads in (1, 2):
            fastce.set_num_threads(n_threads)
            results.append(fastce.linear_cross_entropy_value_and_grad(X, coef, target))
    finally:
        fastce.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
