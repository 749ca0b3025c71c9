"""Where fits end: at the minimum and quietly, or with a warning, whatever hides it from float64."""

import warnings

import numpy as np
import pytest
from hard.__main__ import fit
from hard.problems import is_above, least_objective, of
from linear_models import raw
from scipy import optimize, sparse
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from fastce.linear_model import LogisticRegression

SOLVERS = ["auto", "lbfgs", "newton-cg", "newton-cholesky"]


def outcome(problem, least=None):
    """Return the model, whether it ends above the minimum, and what it warns of."""
    model, value, messages = fit(problem)
    least = least_objective(problem) if least is None else least
    return model, is_above(problem, value, least), messages


def check_reached(problem, least=None):
    model, above, caught = outcome(problem, least)
    assert not caught
    assert not above
    return model


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("n_copies", [1, 10])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_small_unit_is_no_reason_to_return_the_null_model(kind, n_copies, solver):
    X, y = (
        np.repeat([[0.0], [1e-4], [2e-4], [3e-4]], n_copies, axis=0),
        np.repeat([0, 0, 1, 1], n_copies),
    )
    model = LogisticRegression(solver=solver).fit(kind(X), y)
    # the gradient at 0, which is all there is of first order in the unit
    np.testing.assert_allclose(model.coef_, [(y - y.mean()) @ X], rtol=1e-5)
    np.testing.assert_array_equal(model.predict(X), y)
    assert model.n_iter_[0] == 1


def test_a_small_unit_with_three_classes_and_no_intercept():
    X, y = 1e-4 * np.arange(6.0)[:, np.newaxis], np.array([0, 0, 1, 1, 2, 2])
    model = LogisticRegression(fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(model.coef_, (np.eye(3)[y] - 1.0 / 3.0).T @ X, rtol=1e-5, atol=1e-12)


def test_many_rows_of_a_small_unit():
    X = 1e-5 * np.linspace(-1.0, 1.0, 10_000)[:, np.newaxis]
    y = ((X[:, 0] > 0.0) ^ (np.arange(10_000) % 4 == 0)).astype(int)
    model = LogisticRegression().fit(X, y)
    np.testing.assert_allclose(model.coef_, [(y - y.mean()) @ X], rtol=1e-5)
    assert np.all(np.diff(model.decision_function(X)) > 0.0)
    assert set(model.predict(X)) == {0, 1}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_fit_at_the_minimum_is_quiet_also_where_max_iter_ends_it(rng, n_classes):
    X = rng.normal(size=(200, 4))
    y = (X[:, 0] + rng.logistic(size=200) > 0.0).astype(int) * (n_classes - 1)
    y[::7] = 1
    n_iter = LogisticRegression(solver="newton-cholesky", tol=1e-6).fit(X, y).n_iter_[0]
    model = LogisticRegression(solver="newton-cholesky", tol=1e-6, max_iter=n_iter - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    assert model.n_iter_[0] == n_iter - 1
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        model.set_params(max_iter=1).fit(X, y)


@pytest.mark.parametrize("solver", SOLVERS)
def test_many_rows_whose_columns_all_but_repeat(rng, solver):
    # more numbers than a copy of X may have, and than a factor of all rows would
    n, q = 150_000, 34
    B = rng.integers(-8, 9, (n, 6)).astype(float)
    y = (B @ [0.1, -0.2, 0.3, 0.1, -0.1, 0.2] + rng.logistic(size=n) > 0.0).astype(int)
    rest = rng.integers(-8, 9, (n, 54)).astype(float)
    X = np.column_stack([B[:, 0], B[:, :1] + 2.0**-q * B[:, 1:], rest])
    least = LogisticRegression(C=np.inf).fit(np.column_stack([B, rest]), y).loss_history_[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LogisticRegression(C=np.inf, solver=solver).fit(X, y)
    assert model.loss_history_[-1] <= least * (1.0 + 1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_only_a_gradient_of_zero_ends_a_fit_where_it_starts(solver, n_classes):
    y = np.arange(12) % n_classes
    model = LogisticRegression(solver=solver).fit(np.zeros((12, 2)), y)
    assert model.n_iter_[0] == 0
    assert not model.coef_.any()
    for unit in (1.0, 1e-8, 1e-30):
        model = LogisticRegression(solver=solver).fit(unit * np.eye(12)[:, :2], y)
        assert model.n_iter_[0] > 0
        assert model.coef_.any()


BOTH = np.array([0, 1, 2, 3, 0, 1, 2, 3.0]), np.array([-1, 1, -1, 1, 1, -1, 1, -1.0])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("power", [-26, -32, -34, -38])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_columns_that_all_but_repeat_are_told_apart(solver, power, n_classes):
    y = np.array([0, 1, 0, 1, 1, 0, 0, 1])
    k, j = BOTH
    if n_classes == 3:  # all classes in all rows, and some once more
        k, j = np.append(np.tile(k, 3), k), np.append(np.tile(j, 3), j)
        y = np.append(np.repeat([0, 1, 2], 8), [0, 1, 0, 1, 2, 2, 0, 1])
    least = least_objective(of(np.column_stack([k, j]), y, np.inf))
    check_reached(of(np.column_stack([k, k + j * 2.0**power]), y, np.inf, solver=solver), least)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("power", [-44, -48, -50])
def test_where_no_float64_coefficients_reach_the_minimum_a_fit_warns(solver, power):
    k, j = BOTH
    y = [0, 1, 0, 1, 1, 0, 0, 1]
    least = least_objective(of(np.column_stack([k, j]), y, np.inf))
    problem = of(np.column_stack([k, k + j * 2.0**power]), y, np.inf, solver=solver)
    _, above, caught = outcome(problem, least)
    assert caught or not above


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_small_difference_of_large_columns(solver):
    start = np.array([1, 9, 4, 7, 2, 8, 3, 6]) * 1e13
    X = np.column_stack([start, start + np.arange(1, 9) * 1e4])
    check_reached(of(X, [0, 0, 1, 0, 1, 0, 1, 1], solver=solver))


@pytest.mark.parametrize("solver", SOLVERS)
def test_starts_and_ends_of_many_rows(rng, solver):
    start = rng.integers(1, 10**3, 300) * 1e11
    length = rng.integers(1, 9, 300) * 1e4
    y = (length / 1e4 + 2.0 * rng.logistic(size=300) > 4.5).astype(int)
    problem = of(np.column_stack([start, start + length]), y, solver=solver)
    model = check_reached(problem)
    assert model.score(problem.X, y) > 0.6


@pytest.mark.parametrize("seed", range(4))
def test_powers_of_raw_years(seed):
    years = np.arange(1950.0, 2020.0)
    X = np.column_stack([years**power for power in range(1, 9)])
    _, above, caught = outcome(of(X, np.random.default_rng(seed).integers(0, 2, 70)))
    assert caught or not above


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_objective_of_almost_nothing_ends_soon_and_quietly(solver):
    X, y = np.array([[-1e10], [-1e8], [1e8], [1e10]]), [0, 0, 1, 1]
    assert check_reached(of(X, y, solver=solver)).n_iter_[0] < 100
    k = np.arange(20.0)
    X = np.column_stack([k, k * k % 7])
    assert check_reached(of(X, k > 9, 1e20, solver=solver)).n_iter_[0] < 100


@pytest.mark.parametrize(
    ("unit", "C"), [(1e10, np.inf), (1e12, np.inf), (1e14, np.inf), (2.0**62, 1.0)]
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_all_dummies_of_a_category_in_a_large_unit(rng, unit, C, solver):
    category = np.arange(100) % 5
    y = (rng.random(100) < 0.3 + 0.1 * category).astype(int)
    # the categories' shares of y are the probabilities
    shares = np.array([y[category == k].mean() for k in range(5)])[category]
    least = -np.log(np.where(y == 1, shares, 1.0 - shares)).mean()
    check_reached(of(unit * np.eye(5)[category], y, C, solver=solver), least)


def least_of_one_column(x, y, C):
    """Return the least objective of one column, no intercept, whose coefficient is positive."""
    signed = np.where(y == 1, -x, x)

    def value(log_coef):
        coef = np.exp(log_coef)
        return np.logaddexp(0.0, coef * signed).sum() + coef * coef / (2.0 * C)

    found = optimize.minimize_scalar(value, bounds=(-40.0, 40.0), method="bounded")
    return optimize.minimize_scalar(value, bracket=(found.x - 1.0, found.x), tol=1e-12).fun


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("C", [1.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("sigma", [2.0, 4.0, 6.0, 8.0])
def test_heavy_tails(sigma, C, solver):
    """A few huge numbers curve the null model and nothing else: their rows are certain early."""
    rng = np.random.default_rng(int(sigma))
    x = np.exp(rng.normal(0.0, sigma, 500)) * rng.choice([-1.0, 1.0], 500)
    y = (x + np.exp(0.5 * sigma) * rng.normal(size=500) > 0).astype(int)
    model = LogisticRegression(C=C, fit_intercept=False, solver=solver)
    model.fit(x[:, np.newaxis], y)
    least = least_of_one_column(x, y, C)
    assert model.loss_history_[-1] * 500 <= least * (1 + 1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("x", "y", "options"),
    [
        ([1e7, 1e-4, -1e7], [1, 1, 0], {"C": 1e12, "fit_intercept": False}),
        ([1e8, 1e-4, -1e-4, -1e8], [1, 1, 0, 0], {"C": 1e12}),
        ([1e7, 1e-2, -1e-2, -1e7], [1, 1, 0, 0], {"C": 1e8}),
    ],
)
def test_certain_rows_do_not_hold_up_others(x, y, options, solver):
    """The rows of the large numbers curve the loss, less with each step, and hide what is left."""
    model = LogisticRegression(solver=solver, **options)
    model.fit(np.array(x)[:, np.newaxis], y)
    scale = model.loss_history_[-1] / least_of_one_column(np.array(x), np.array(y), options["C"])
    assert scale * len(x) <= 1 + 1e-6


@pytest.mark.parametrize("solver", SOLVERS)
def test_where_only_the_penalty_tells_two_columns_apart(solver):
    X = [[131072.0, 131072.00000190735], [131072.0, 131072.0], [786432.0, 786432.0]]
    model = LogisticRegression(C=1e12, solver=solver).fit(X, [1, 0, 1])
    # by 60 digits; the rounding of coefficients of 1e11 is 2e-6 of it
    assert 3 * model.loss_history_[-1] == pytest.approx(1.072116916, rel=3e-6)


def test_a_small_row_that_contradicts_is_no_separation():
    model = LogisticRegression(C=np.inf, fit_intercept=False)
    model.fit([[1e7], [1e-4], [-1e7], [-1e-5]], [1, 1, 0, 1])
    # where 10 exp(-z) / (1 + exp(-z)) = exp(z / 10) / (1 + exp(z / 10)), of z = 1e-4 coef
    z = 1e-4 * model.coef_[0, 0]
    assert 10.0 * expit(-z) == pytest.approx(expit(z / 10.0), rel=1e-3)


@pytest.mark.parametrize("C", [1e-2, 1.0, 1e9])
def test_more_columns_than_rows_in_a_small_unit(rng, C):
    X = 1e-6 * rng.normal(size=(40, 120))
    X[:, 0] *= 1e9
    y = (rng.random(40) < 0.5).astype(int)
    model = LogisticRegression(C=C).fit(X, y)
    exact = LogisticRegression(C=C, tol=1e-9).fit(X, y)
    assert model.loss_history_[-1] <= exact.loss_history_[-1] * (1 + 1e-6)


@pytest.mark.parametrize("tol", [1e-3, 1e-2, 1.0])
def test_a_raised_tolerance_is_the_judges_too(tol):
    for name in ("breast_cancer", "wine", "iris"):
        X, y = raw(name)
        for solver in SOLVERS:
            model = LogisticRegression(tol=tol, solver=solver).fit(X, y)  # quiet, and within tol
            least = LogisticRegression(tol=1e-8).fit(X, y).loss_history_[-1]
            assert model.loss_history_[-1] <= least * (1.0 + 0.01 * tol)
