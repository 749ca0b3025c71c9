"""Fits where float64 or a solver comes to its limits: what they say, the memory they take."""

import tracemalloc
import warnings

import numpy as np
import pytest
from linear_models import objective
from scipy import sparse
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from fastce._optimize.monitor import Result
from fastce.linear_model import LogisticRegression, _solve


@pytest.mark.parametrize("size", [1e160, 1e300])
@pytest.mark.parametrize("kind", ["dense", "wide", "sparse", "thin"])
def test_numbers_whose_squares_overflow_are_refused(rng, size, kind):
    X = rng.normal(size=(20, 90 if kind == "wide" else 3))
    if kind == "thin":
        X = sparse.random(20, 3000, density=0.01, random_state=0).tocsr()
        X.data[:] = rng.normal(size=X.nnz)
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    with pytest.raises(
        ValueError,
        match=r"X must have squares whose sums are finite; got numbers too large .* (column|row) ",
    ):
        LogisticRegression().fit(size * X, np.arange(20) % 2)


@pytest.mark.parametrize("outlier", [1e8, 1e20, 1e24, 1e100])
def test_where_an_outlier_hides_the_minimum_a_warning_says_so(rng, outlier):
    X, y = rng.normal(size=(300, 5)), np.arange(300) % 3
    X[:, 1] += y
    X[0, 0] = 1e4
    best = objective(LogisticRegression(tol=1e-8).fit(X, y), X, y)
    X[0, 0] = outlier
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = LogisticRegression().fit(X, y)
    # From here on the coefficients of such a column cost nothing.
    assert objective(model, X, y) < best * (1.0 + 1e-6) or any(
        issubclass(w.category, ConvergenceWarning) for w in caught
    )


def test_a_slow_fit_does_not_end_where_it_still_falls(rng):
    share = 1.0 / np.arange(1, 4001) ** 0.9
    lengths = rng.poisson(60, 1000)
    columns = rng.choice(4000, lengths.sum(), p=share / share.sum())
    X = sparse.csr_matrix(
        (np.ones(columns.size), (np.repeat(np.arange(1000), lengths), columns)), shape=(1000, 4000)
    )
    y = (X @ rng.normal(size=(5, 4000)).T + rng.gumbel(size=(1000, 5))).argmax(axis=1)
    model = LogisticRegression(C=1e4, warm_start=True).fit(X, y)
    value = objective(model, X, y, 1e4)
    # To the minimum from there, which takes a thirtieth of the time of a fit from zero.
    model.set_params(tol=1e-8).fit(X, y)
    assert model.n_iter_[0] > 10
    assert model.grad_norm_ < 1e-5
    assert value <= objective(model, X, y, 1e4) * (1.0 + 1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_a_column_of_nanoseconds_is_no_reason_to_warn(rng, n_classes, weighted, kind):
    # Its gradient is far above tol, and nothing but rounding.
    y = np.arange(5000) % n_classes
    X = np.column_stack([rng.normal(size=5000) + y, 1.6e18 + rng.integers(0, 10**16, 5000)])
    weights = rng.random(5000) + 0.5 if weighted else None
    model = LogisticRegression()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(kind(X), y, sample_weight=weights)
    assert model.grad_norm_ > 1e-3
    X[:, 1] -= 1.6e18
    best = LogisticRegression(tol=1e-7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        best.fit(X, y, sample_weight=weights)
    assert model.loss_history_[-1] <= best.loss_history_[-1] * (1.0 + 1e-5)


def peak_of_fit(X, y, **parameters):
    LogisticRegression(**parameters).fit(X, y)
    tracemalloc.start()
    try:
        model = LogisticRegression(**parameters).fit(X, y)
        return tracemalloc.get_traced_memory()[1], model
    finally:
        tracemalloc.stop()


def test_wide_sparse_data_takes_a_dozen_times_the_coefficients():
    X = sparse.random(300, 10_000, density=0.01, format="csr", random_state=0)
    y = np.arange(300) % 70
    peak, model = peak_of_fit(X, y, C=100.0)
    assert model.n_iter_[0] > 6
    # Point and trial point with gradients (the latter's is that of one slot), the other slot, the
    # direction, and five pairs in float32.
    assert peak < 12.0 * model.coef_.nbytes


def test_gram_matrices_of_threads_do_not_outlive_their_sum(rng):
    X = rng.normal(size=(3000, 400))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    peak, _ = peak_of_fit(X, y)
    # The slots of the Gram matrix, and later of a group of the classes', come one after the other
    # and not on top of each other.
    assert peak < 30e6


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("value", [1.0, 7.0, 1e3])
def test_a_constant_column_without_penalty_changes_nothing(rng, kind, value):
    X = rng.normal(size=(1501, 4))
    y = (X[:, 1] + rng.logistic(size=1501) > 0).astype(int)
    expected = LogisticRegression(C=np.inf).fit(X[:, 1:], y).loss_history_[-1]
    X[:, 0] = value
    model = LogisticRegression(C=np.inf).fit(kind(X), y)
    np.testing.assert_allclose(model.loss_history_[-1], expected, rtol=1e-9)


@pytest.mark.parametrize("size", [1e7, 1e8, 1e12])
def test_a_row_that_hides_others_in_the_row_space_is_told_apart(rng, size):
    X, y = rng.normal(size=(40, 120)), np.arange(40) % 3
    values = []
    for own in (1e5, size):  # from here on the coefficients of such a row cost nothing
        X[0] = own
        values.append(LogisticRegression(tol=1e-8).fit(X, y).loss_history_[-1])
    np.testing.assert_allclose(*values, rtol=1e-6)


@pytest.mark.parametrize("size", [1e16, 1e24, 1e100])
def test_a_row_that_hides_others_in_the_row_space_is_no_reason_to_be_silent(rng, size):
    X, y = rng.normal(size=(40, 120)), np.arange(40) % 3
    X[0] = 1e5
    least = LogisticRegression(tol=1e-8).fit(X, y).loss_history_[-1]
    X[0] = size
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = LogisticRegression().fit(X, y)
    assert objective(model, X, y) <= least * (1.0 + 1e-6) or any(
        issubclass(w.category, ConvergenceWarning) for w in caught
    )


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("offset", [1e4, 1e6, 1e8])
def test_an_offset_is_no_reason_to_warn(rng, fit_intercept, n_classes, offset):
    Z = rng.normal(size=(300, 6))
    y = (Z[:, :1] + rng.gumbel(size=(300, n_classes)) + np.arange(n_classes) * Z[:, 1:2]).argmax(
        axis=1
    )
    model = LogisticRegression(fit_intercept=fit_intercept).fit(Z + offset, y)
    if fit_intercept:
        np.testing.assert_allclose(
            model.loss_history_[-1],
            LogisticRegression(tol=1e-8).fit(Z, y).loss_history_[-1],
            rtol=1e-7,
        )


@pytest.mark.parametrize("offset", [0.0, 1.6e18])
def test_sparse_columns_of_very_different_units_reach_the_optimum(rng, offset):
    # one column of nanoseconds beside categories: too many columns for their entries to factor a
    # Hessian
    n = 2000
    category = rng.integers(0, 400, n)
    y = rng.random(n) < expit(2.0 * rng.normal(size=400)[category])
    time = offset + rng.integers(0, 3 * 10**16, n)
    X = sparse.hstack(
        [
            sparse.csr_matrix((np.ones(n), category, np.arange(n + 1))),
            sparse.csr_matrix(time[:, np.newaxis]),
        ]
    ).tocsr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        of_sparse, of_dense = (
            LogisticRegression().fit(table, y).loss_history_[-1] for table in (X, X.toarray())
        )
    assert of_sparse <= of_dense * (1 + 1e-6)
    assert of_dense <= of_sparse * (1 + 1e-6)


@pytest.mark.parametrize("C", [1e-290, 1e-295])
def test_a_penalty_near_the_largest_number_gives_no_stray_warning(C):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(20, 60)), np.arange(20) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=C).fit(X, y)
    assert np.all(np.isfinite(model.coef_))


@pytest.mark.parametrize(
    ("status", "gap", "grad_norm", "is_rounding", "expected"),
    [
        ("converged", 1.0, 1.0, False, True),
        ("max_iter", 0.0, 0.0, True, False),
        ("precision", 1e-8, 1e-5, False, True),
        ("precision", 1e-6, 1e-5, True, False),
        ("precision", np.nan, 1e-5, True, False),
        ("precision", 1e-8, 1e-3, False, False),
        ("precision", 1e-8, 1e-3, True, True),
    ],
)
def test_the_rule_by_which_a_fit_is_at_its_minimum(status, gap, grad_norm, is_rounding, expected):
    result = Result(np.zeros(1), 1.0, np.zeros(1), grad_norm, gap, 3, 4, status, [], [], [])
    assert _solve._is_optimal(result, 1e-7, lambda: is_rounding) == expected


def test_an_entry_of_the_gradient_is_negligible_by_size_or_by_gain():
    curvatures = np.array([[1e6, 1.0]])
    assert _solve._is_negligible(np.array([[1e-3, 1e-5]]), curvatures, 1e-4, 1.0)
    assert not _solve._is_negligible(np.array([[1e-5, 1e-3]]), curvatures, 1e-4, 1.0)
    assert not _solve._is_negligible(np.array([[np.nan, 0.0]]), curvatures, 1e-4, 1.0)
