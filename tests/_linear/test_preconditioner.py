"""Inverse Hessians from second moments: exact where they should be, positive always."""

import tracemalloc
import weakref

import numpy as np
import pytest
from layouts import CSR, VIEWS
from problems import objective_of, unbalanced
from scipy import sparse
from scipy.special import expit, softmax

from fastce._core import threads as _threads
from fastce._linear import (
    curvature as _curvatures,
)
from fastce._linear import (
    factors as _inverses,
)
from fastce._linear import (
    hessian as _linear_hessian,
)
from fastce._linear import (
    preconditioner as _gram,
)
from fastce._linear import (
    row_blocks as _walk,
)
from fastce._linear.curvature import least_curvatures
from fastce._linear.hessian import weighted_grams
from fastce._linear.loss import LinearLoss


def packed(objective, coef, intercept):
    """Pack coefficients as they are: `pack` would take the mean over the classes out."""
    theta = np.empty(objective.size)
    own_coef, own_intercept = objective.parts(theta)
    own_coef[...], own_intercept[...] = coef, intercept
    return theta


def hessian(objective, theta):
    """By central differences of the gradient, each parameter with a step in its own unit."""
    columns = []
    for j in range(theta.size):
        step = np.zeros(theta.size)
        curvature = 1.0
        for _ in range(3):
            step[j] = 1e-4 / np.sqrt(curvature)
            column = (
                objective.value_and_grad(theta + step)[1]
                - objective.value_and_grad(theta - step)[1]
            ) / (2 * step[j])
            curvature = max(column[j], 1e-12)
        columns.append(column)
    return np.array(columns)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_null_model_is_exact_at_the_start(rng, n_classes, fit_intercept, kind):
    X, y = unbalanced(rng, n_classes=n_classes)
    if not fit_intercept:
        y = np.arange(len(y)) % n_classes  # without an intercept the start has equal probabilities
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    objective = objective_of(X, y, n_classes, penalty=1e-3, fit_intercept=fit_intercept)
    theta = objective.start()
    matrix = hessian(objective, theta)
    vector = rng.normal(size=theta.size)
    coef, intercept = objective.parts(vector)
    vector = objective.pack(
        coef, intercept
    )  # sums of zero over the classes, as differences of gradients have
    back = objective.precondition(matrix @ vector)
    np.testing.assert_allclose(back, vector, rtol=1e-3, atol=1e-3 * np.abs(vector).max())


def test_class_block_is_exact_for_two_classes(rng):
    X, y = unbalanced(rng, n_classes=2)
    objective = objective_of(X, y, 2, penalty=1e-3)
    theta = objective.start() + 0.3 / np.maximum(
        np.abs(np.append(X.max(axis=0), 1.0)), 1.0
    ) * rng.normal(size=6)
    assert objective.refresh(theta)
    vector = rng.normal(size=theta.size)
    back = objective.precondition(hessian(objective, theta) @ vector)
    np.testing.assert_allclose(back, vector, rtol=1e-3, atol=1e-3 * np.abs(vector).max())


@pytest.mark.parametrize("penalty", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_positive_with_columns_that_are_constant_zero_or_equal(rng, penalty, refresh, n_classes):
    X, y = unbalanced(rng, n_classes=n_classes)
    X = np.hstack([X, np.zeros((400, 1)), np.full((400, 1), 0.1), X[:, :1], X[:, 1:2] + X[:, 2:3]])
    objective = objective_of(X, y, n_classes, penalty=penalty)
    if refresh:
        assert objective.refresh(objective.start())
    for _ in range(20):
        vector = rng.normal(size=objective.size)
        result = objective.precondition(vector)
        assert np.all(np.isfinite(result))
        assert vector @ result >= -1e-12 * np.abs(vector) @ np.abs(result)


def test_units_of_columns_do_not_matter(rng):
    X, y = unbalanced(rng)
    units = np.array([1e-6, 1.0, 1e3, 1e9, 1e-2])
    plain, scaled = objective_of(X, y, 4, penalty=0.0), objective_of(X * units, y, 4, penalty=0.0)
    grad, intercept = rng.normal(size=(4, 5)), rng.normal(size=4)
    grad, intercept = grad - grad.mean(axis=0), intercept - intercept.mean()
    step, _ = plain.parts(plain.precondition(plain.pack(grad, intercept)))
    step_scaled, _ = scaled.parts(scaled.precondition(scaled.pack(grad * units, intercept)))
    np.testing.assert_allclose(step_scaled * units, step, rtol=1e-6, atol=1e-9 * np.abs(step).max())


def test_wide_or_thinly_filled_columns_get_a_diagonal(rng):
    X = sparse.random(300, 500, density=0.02, random_state=0, format="csr")
    objective = objective_of(X, np.arange(300) % 3, 3, penalty=1e-3)
    assert isinstance(objective._inverse.current, _inverses.Diagonal)
    vector = rng.normal(size=objective.size)
    assert vector @ objective.precondition(vector) > 0.0


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["csr", "dense"])
def test_a_refreshed_diagonal_is_made_of_the_curvatures_at_the_point(
    rng, n_classes, weighted, fit_intercept, kind, monkeypatch
):
    dense = sparse.random(300, 500, density=0.05, random_state=0).toarray()
    monkeypatch.setattr(_gram, "_MAX_COLUMNS", 100)
    X = sparse.csr_matrix(dense) if kind == "csr" else dense
    weights = rng.random(300) if weighted else np.ones(1)
    weights /= np.broadcast_to(weights, 300).sum()
    objective = LinearLoss(
        X,
        np.arange(300) % n_classes,
        n_classes,
        weights=weights,
        penalty=0.01,
        fit_intercept=fit_intercept,
    )
    K = objective.n_outputs
    coef, intercept = (
        2.0 * rng.normal(size=(K, 500)),
        rng.normal(size=K) if fit_intercept else np.zeros(K),
    )
    assert objective.refresh(packed(objective, coef, intercept if fit_intercept else intercept[:0]))
    logits = dense @ coef.T + intercept
    p = expit(logits) if K == 1 else softmax(logits, axis=1)
    curvatures = np.broadcast_to(weights, 300)[:, np.newaxis] * p * (1.0 - p)
    rows, inverse = curvatures.mean(axis=1), objective._inverse.current
    mean = rows @ dense / rows.sum() * fit_intercept
    diagonal = rows @ dense**2 - rows.sum() * mean**2 + 0.01
    np.testing.assert_allclose(inverse.masses, curvatures.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(inverse.mean, mean, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(inverse.diagonal, np.sqrt(diagonal * np.median(diagonal)), rtol=1e-9)


@pytest.mark.parametrize(("intercept", "is_there"), [(25.0, True), (1e4, False)])
def test_a_diagonal_is_refreshed_where_rows_hardly_curve_or_left_as_it_is(rng, intercept, is_there):
    X = sparse.random(300, 500, density=0.02, random_state=0, format="csr")
    objective = objective_of(X, np.arange(300) % 2, 2, penalty=1e-3)
    before = objective._inverse.current
    assert (
        objective.refresh(packed(objective, np.zeros((1, 500)), np.array([intercept]))) == is_there
    )
    if is_there:  # rows curve alike
        np.testing.assert_allclose(
            objective._inverse.current.mean, np.asarray(X.mean(axis=0)).ravel(), rtol=1e-6
        )
    else:
        assert objective._inverse.current is before


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, np.float32, sparse.csr_matrix])
def test_mean_curvatures_have_the_same_bits_on_any_number_of_threads(rng, kind):
    X = kind(rng.normal(size=(4000, 60)))
    coef, intercept, weights = rng.normal(size=(60, 3)), rng.normal(size=3), rng.random(4000)
    threads = 1, min(2, _threads._max_threads())
    results = []
    for n in threads:
        with _threads.at_most(n):
            results.append(_curvatures.mean_curvatures(X, coef, intercept, weights))
    first, second = results
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("near", [False, True])
def test_a_sample_of_rows_keeps_columns_it_has_not_seen(rng, near):
    X, y = unbalanced(rng, n=9000)
    X[:, 0] = 0.0
    X[17, 0] = 1.0
    objective = objective_of(X, y, 4, penalty=0.0)
    assert objective.refresh(objective.start(), near)
    assert np.all(np.isfinite(objective.precondition(rng.normal(size=objective.size))))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, np.float32])
def test_the_mean_is_that_of_numpy(rng, weighted, kind):
    X, _ = unbalanced(rng)
    X = kind(X)
    weights = rng.random(400) if weighted else np.ones(1)
    dense = X.toarray() if sparse.issparse(X) else X
    expected = np.average(dense.astype(float), axis=0, weights=np.broadcast_to(weights, 400))
    np.testing.assert_allclose(
        _gram.mean_of(X, weights / np.broadcast_to(weights, 400).sum()), expected, rtol=1e-12
    )


def test_the_weighted_mean_converts_no_more_than_a_block(rng):
    X, weights = rng.random((5000, 1500), dtype=np.float32), np.full(5000, 1.0 / 5000)
    tracemalloc.start()
    try:
        _gram.mean_of(X, weights)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 8 * _gram._MEAN_NUMBERS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C", "Fortran", "reversed", "csr int32"])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_gram_matrices_are_those_of_numpy(rng, layout, n_classes, weighted, dtype):
    X, y = unbalanced(rng, n=3000, n_classes=n_classes)
    X = (VIEWS | CSR)[layout](X.astype(dtype))
    dense = np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=float)
    weights = rng.random(3000) if weighted else np.full(1, 1.0 / 3000)
    objective = LinearLoss(
        X, y, n_classes, weights=weights / np.broadcast_to(weights, 3000).sum(), penalty=0.1
    )
    centre, weights = dense.mean(axis=0), np.broadcast_to(objective.weights, 3000)
    table = np.column_stack([dense - centre, np.ones(3000)])
    coef, intercept = (
        0.3 * rng.normal(size=(objective.n_outputs, 5)) / dense.std(axis=0),
        rng.normal(size=objective.n_outputs),
    )
    logits = table[:, :5] @ coef.T + intercept
    logits = np.hstack([np.zeros_like(logits), logits]) if n_classes == 2 else logits
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = (shares / shares.sum(axis=1, keepdims=True))[:, -objective.n_outputs :]
    plain = weighted_grams(objective._source, 3000, objective.weights, centre)
    np.testing.assert_allclose(
        np.tril(plain[0]), np.tril(table.T * weights @ table), rtol=1e-9, atol=1e-9
    )
    theta = packed(objective, coef, intercept - coef @ centre)
    source = objective._at(theta)
    grams = weighted_grams(source, 3000, objective.weights, centre)
    for gram, share in zip(grams, shares.T, strict=True):
        expected = table.T * (weights * share * (1.0 - share)) @ table
        np.testing.assert_allclose(
            np.tril(gram), np.tril(expected), rtol=1e-8, atol=1e-9 * np.abs(expected).max()
        )


def thin(rng, dtype, index_dtype):
    """Return a CSR matrix with few entries, not sorted, some twice, some empty rows, and the same as an array."""
    rows, columns = rng.integers(0, 3000, 9000) // 2, rng.integers(0, 60, 9000)
    order = np.argsort(rows, kind="stable")
    X = sparse.csr_array((3000, 60), dtype=dtype)
    X.data, X.indices = rng.normal(1.0, 1.0, 9000).astype(dtype), columns[order].astype(index_dtype)
    X.indptr = np.searchsorted(rows[order], np.arange(3001)).astype(index_dtype)
    return X, X.astype(float).toarray()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_gram_matrices_of_thin_columns_are_those_of_numpy(rng, dtype, index_dtype, n_classes):
    X, dense = thin(rng, dtype, index_dtype)
    weights = rng.random(3000)
    objective = LinearLoss(
        X, rng.integers(0, n_classes, 3000), n_classes, weights=weights / weights.sum(), penalty=0.1
    )
    assert objective._source.thin
    assert isinstance(objective._inverse.current, _inverses.Factored)
    centre, K = dense.mean(axis=0), objective.n_outputs
    table = np.column_stack([dense - centre, np.ones(3000)])
    theta = np.zeros(objective.size)
    source = objective._at(theta)
    grams = weighted_grams(source, 3000, objective.weights, centre)
    share = 1.0 / max(2, n_classes)
    expected = table.T * (objective.weights * share * (1.0 - share)) @ table
    for k in range(K):
        np.testing.assert_allclose(
            np.tril(grams[k]), np.tril(expected), rtol=1e-9, atol=1e-12 * np.abs(expected).max()
        )


def test_thin_columns_that_hardly_vary_keep_their_digits(rng):
    X, dense = thin(rng, np.float64, np.int32)
    dense[:, 7] = 1e6 + rng.normal(size=3000)
    X = sparse.csr_array(dense)
    objective = objective_of(X, np.arange(3000) % 2, 2, penalty=1e-3)
    assert objective._source.thin
    gram = objective._inverse.gram
    np.testing.assert_allclose(gram[7, 7], dense[:, 7].var(), rtol=1e-6)


def test_drawn_rows_give_the_gram_matrix_on_average(rng):
    n = 20_000
    X = rng.normal(size=(n, 3))
    objective = objective_of(X, np.arange(n) % 2, 2, penalty=1e-3)
    theta = np.array([4.0, 0.0, 0.0, 0.0])  # half of the rows are decided
    source = objective._at(theta)
    centre = np.zeros(3)
    exact = weighted_grams(source, n, objective.weights, centre)[0]
    drawn = weighted_grams(
        source,
        n,
        objective.weights,
        centre,
        least_curvatures(X, theta[:3, np.newaxis], theta[3:], 5000),
    )[0]
    assert not np.array_equal(drawn, exact)
    np.testing.assert_allclose(np.tril(drawn), np.tril(exact), atol=0.04 * exact.max())


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_sparse_rows_are_drawn_as_dense_ones(rng, n_classes, index_dtype):
    X = rng.normal(size=(20_000, 4)) * (rng.random((20_000, 4)) < 0.3)
    coef, intercept = (
        3.0 * rng.normal(size=(4, n_classes if n_classes > 2 else 1)),
        rng.normal(size=n_classes if n_classes > 2 else 1),
    )
    as_csr = sparse.csr_array(X)
    as_csr.indices, as_csr.indptr = (
        as_csr.indices.astype(index_dtype),
        as_csr.indptr.astype(index_dtype),
    )
    least = least_curvatures(X, coef, intercept, 1000)
    assert np.all(least > 0.0)
    np.testing.assert_array_equal(least_curvatures(as_csr, coef, intercept, 1000), least)
    logits = X @ coef + intercept
    shares = (
        np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
        if n_classes > 2
        else 1.0 / (1.0 + np.exp(-logits))
    )
    drawn = np.minimum(1.0, shares * (1.0 - shares) / least).sum(axis=0)
    assert np.all((drawn > 300) & (drawn <= 1400))


@pytest.mark.parametrize("exponents", [(-2.01, -2.01), (-40.0, -2.0), (-45.0, -30.0), (-9.0, -8.0)])
@pytest.mark.parametrize("n_rows", [100, 5_000, 60_000])
def test_about_as_many_rows_are_drawn_as_asked_for(rng, exponents, n_rows):
    # also where every row is at the largest curvature, 1/4
    curvatures = 2.0 ** rng.uniform(*exponents, (2, 100_000))
    bins = -np.frexp(curvatures)[1]
    counts = np.array([np.bincount(row, minlength=_curvatures._BINS) for row in bins], dtype=float)
    least = _curvatures._least(counts, n_rows)
    drawn = np.minimum(1.0, curvatures / least[:, np.newaxis]).sum(axis=1)
    assert np.all(drawn <= 1.4 * n_rows)
    assert np.all(drawn >= 0.3 * n_rows)


def test_rows_are_drawn_where_all_curvatures_are_largest(rng):
    n, p = 20_000, 4
    X = rng.standard_normal((n, p))
    objective = LinearLoss(X, rng.integers(0, 2, n), 2, weights=np.full(1, 1.0 / n), penalty=1.0)
    theta = np.zeros(p + 1)
    source = objective._at(theta)
    all_rows = weighted_grams(source, n, objective.weights, np.zeros(p))[0]
    some = weighted_grams(
        source,
        n,
        objective.weights,
        np.zeros(p),
        least_curvatures(X, theta[:p, np.newaxis], None, 500),
    )[0]
    lower = np.tril_indices(p + 1)
    # not all, or nothing but rounding would differ
    assert np.max(np.abs(some - all_rows)[lower]) > 1e-6
    np.testing.assert_allclose(some[lower], all_rows[lower], atol=0.25 * 5 / np.sqrt(500))


@pytest.mark.parametrize("unit", [1.0, 1e-30, 1e30])
@pytest.mark.parametrize("size", [1.0, 1e-60, 1e60])
def test_factors_in_float32_serve_as_well(rng, monkeypatch, unit, size):
    # columns whose units differ, and vectors far beyond float32
    X, y = unbalanced(rng, n=3000)
    X = X * np.array([unit, 1.0, 1e3, 1e-5, 1.0])
    vector = None
    steps = []
    for large in (1 << 30, 0):
        monkeypatch.setattr(_gram, "_LARGE", large)
        monkeypatch.setattr(_gram, "_GROUP_NUMBERS", 1)
        objective = objective_of(X, y, 4, penalty=1e-3 * unit)
        assert objective.refresh(objective.start())
        assert objective._inverse.current.factors.dtype == (
            np.float32 if large == 0 else np.float64
        )
        vector = size * rng.normal(size=objective.size) if vector is None else vector
        steps.append(objective.precondition(vector))
    scale = np.abs(steps[0].reshape(-1, 4)).max(axis=1, keepdims=True)  # of each column of X
    np.testing.assert_allclose(
        steps[1].reshape(-1, 4) / scale, steps[0].reshape(-1, 4) / scale, atol=1e-5
    )
    assert vector @ steps[1] > 0.0


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("p", [3, 5])
def test_the_factored_hessian_is_that_of_finite_differences(rng, n_classes, fit_intercept, kind, p):
    X, y = unbalanced(rng, p=p, n_classes=n_classes)
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    objective = objective_of(X, y, n_classes, penalty=1e-3, fit_intercept=fit_intercept)
    coef = (
        0.3
        * rng.normal(size=(objective.n_outputs, p))
        / np.abs(X).max(axis=0 if kind == "dense" else None)
    )
    theta = objective.pack(coef, 0.3 * rng.normal(size=objective.n_outputs))
    objective.factor(theta)
    vector = objective.pack(
        *(rng.normal(size=shape) for shape in ((objective.n_outputs, p), objective.n_outputs))
    )
    back = objective.precondition(hessian(objective, theta) @ vector)
    np.testing.assert_allclose(back, vector, rtol=1e-3, atol=1e-3 * np.abs(vector).max())
    assert 0.0 < objective.exact_cost < np.inf


def test_a_hessian_that_is_too_large_is_not_factored(rng):
    X = sparse.random(300, 5000, density=0.01, random_state=0, format="csr")
    objective = objective_of(X, np.arange(300) % 3, 3, penalty=1e-3)
    assert objective.exact_cost == np.inf
    assert objective.is_diagonal
    with pytest.raises(ValueError, match="newton-cholesky"):
        objective.factor(objective.start())


@pytest.mark.parametrize(("n_classes", "p"), [(2, 50), (2, 90_001), (3, 30_000), (5000, 3)])
def test_the_diagonal_inverse_is_its_formula(rng, n_classes, p):
    K = 1 if n_classes == 2 else n_classes
    grad, grad_intercept, mean = rng.normal(size=(K, p)), rng.normal(size=K), rng.normal(size=p)
    diagonal, masses = np.exp(rng.normal(size=p)), np.exp(rng.normal(size=K))
    exact = (grad.astype(np.longdouble) - np.multiply.outer(grad_intercept, mean)) / diagonal
    exact_intercept = grad_intercept / masses - exact @ mean
    results = []
    for n_threads in (1, min(2, _threads._max_threads())):
        inverse = _inverses.Diagonal(diagonal, mean, masses)
        table = np.ascontiguousarray(np.vstack([grad.T, grad_intercept]))
        with _threads.at_most(n_threads):
            inverse.solve(table, table)  # in the gradient's place
        np.testing.assert_allclose(table[:p], exact.T.astype(float), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(table[p], exact_intercept.astype(float), rtol=1e-10, atol=1e-9)
        results.append(table)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["dense", "fortran", "csr", "csr64"])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_column_moments_are_the_weighted_means_of_columns_and_squares(rng, dtype, kind, n_threads):
    dense = (rng.normal(size=(900, 37)) * (rng.random((900, 37)) < 0.2)).astype(dtype)
    weights = rng.random(900)
    X = (
        np.asfortranarray(dense)
        if kind == "fortran"
        else sparse.csr_array(dense)
        if "csr" in kind
        else dense
    )
    if kind == "csr64":
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    source = LinearLoss(
        X, np.arange(900) % 3, 3, weights=weights / weights.sum(), penalty=1.0
    )._source
    with _threads.parallel_from(0), _threads.at_most(n_threads):
        sums, squares = _linear_hessian.column_moments(source, 900, 10**4, weights)
    exact = dense.astype(np.longdouble)
    np.testing.assert_allclose(sums, weights @ exact, rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(squares, weights @ exact**2, rtol=1e-13)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, sparse.csr_matrix])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_gradient_and_curvatures(rng, n_classes, weighted, kind, smoothing, monkeypatch):
    monkeypatch.setattr(_curvatures, "_CURVATURE_NUMBERS", 1 << 9)  # several steps
    n, p, K = 2000, 3, 1 if n_classes == 2 else n_classes
    X, target = rng.normal(size=(n, p)), rng.integers(0, n_classes, n)
    coef, intercept = rng.normal(size=(p, K)), rng.normal(size=K)
    weights = rng.uniform(size=n) if weighted else np.full(1, 0.5)
    logits = X @ coef + intercept
    probability = expit(logits) if K == 1 else softmax(logits, axis=1)
    hits = (target == 1)[:, np.newaxis] if K == 1 else np.eye(n_classes)[target]
    residuals = probability - (1.0 - smoothing) * hits - smoothing / n_classes
    weight = np.broadcast_to(weights, n)[:, np.newaxis]
    grad, curvatures = _curvatures.gradient_and_curvatures(
        kind(X), coef, intercept, target, smoothing, weights
    )
    np.testing.assert_allclose(grad, X.T @ (weight * residuals), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(
        curvatures, (X * X).T @ (weight * probability * (1.0 - probability)), rtol=1e-12
    )


def test_slots_are_shared_evenly_by_two_to_sixteen_threads():
    assert [_walk.count_slots(n) for n in (0, 1, 2, 3, 4, 7, 8, 29, 32)] == [
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
    assert (
        len(
            LinearLoss(X, np.arange(300) % 40, 40, weights=np.full(1, 1 / 300), penalty=1.0)._values
        )
        == 2
    )  # memory allows three


def test_a_group_of_gram_matrices_is_let_go_of_before_the_next(rng):
    groups = []

    def make_groups():
        for _ in range(3):
            assert all(group() is None for group in groups)
            group = np.tile(np.eye(4), (2, 1, 1))
            groups.append(weakref.ref(group))
            yield from group
            del group

    _gram.class_blocks(make_groups(), 6, np.eye(4), 0.0, np.zeros(3), 1.0)
    assert len(groups) == 3


@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_is_kept_of_gram_matrices_is_not_the_slots(rng, n_classes):
    X, target = rng.normal(size=(4000, 60)), rng.integers(0, n_classes, 4000)
    objective = LinearLoss(X, target, n_classes, weights=np.full(1, 1 / 4000), penalty=1e-3)
    gram = objective._inverse.gram
    assert gram.base is None or gram.base.nbytes == gram.nbytes
    objective.factor(objective.start())
    factors = objective._inverse.current.factors
    while factors.base is not None:
        factors = factors.base
    assert factors.nbytes == 8 * (objective.n_outputs * 61) ** 2


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_constant_columns_do_not_curve(rng, kind):
    X = np.column_stack(
        [rng.normal(size=1501), np.full(1501, 1.0 / 3.0), np.full(1501, -1e-5), np.full(1501, 1e5)]
    )
    objective = LinearLoss(
        kind(X), np.arange(1501) % 2, 2, weights=np.full(1, 1 / 1501), penalty=0.0
    )
    moved = objective.precondition(np.ones(5))
    assert np.all(moved[1:4] == 0.0)
    assert moved[0] != 0.0
