"""L-BFGS: hard functions, the limit of rounding, pairs, refreshes, long vectors."""

import warnings

import numpy as np
import pytest
from functions import Function, minimise_by, quadratic
from scipy.optimize import rosen, rosen_der

from fastce._optimize.lbfgs import CompactBfgs, lbfgs
from fastce._optimize.objective import Point


def test_rosenbrock():
    function = Function(lambda t: 1.0 + rosen(t), rosen_der)
    result = minimise_by(
        lbfgs, function, np.array([-1.2, 1.0, -1.2, 1.0]), tol=1e-8, gap_tol=1e-12, max_iter=1000
    )
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, 1.0, atol=1e-6)
    assert result.n_evaluations == function.n_calls < 150
    assert len(result.history) == result.n_iter + 1
    assert result.history[-1] == result.value


def test_quadratic_of_condition_1e12(rng):
    eigenvalues, centre = np.logspace(-6, 6, 10), rng.normal(size=10)
    function = Function(
        lambda t: 1.0 + 0.5 * eigenvalues @ (t - centre) ** 2, lambda t: eigenvalues * (t - centre)
    )
    result = minimise_by(lbfgs, function, np.zeros(10), tol=1e-9, gap_tol=1e-12, max_iter=5000)
    assert result.value - 1.0 <= 1e-9
    assert result.n_evaluations < 1000


def test_a_good_inverse_hessian_makes_condition_harmless(rng):
    eigenvalues = np.logspace(-6, 6, 30)
    centre = rng.normal(size=30)
    function = Function(
        lambda t: 1.0 + 0.5 * eigenvalues @ (t - centre) ** 2,
        lambda t: eigenvalues * (t - centre),
        1.0 / (2.0 * eigenvalues),
    )
    result = minimise_by(lbfgs, function, np.zeros(30), tol=1e-6, gap_tol=1e-12, max_iter=50)
    assert result.status == "converged"
    assert result.n_evaluations <= 6
    np.testing.assert_allclose(result.theta, centre, rtol=1e-5)


def test_flat_tail_ends_and_reaches_what_the_gradient_still_shows(rng):
    # Values are rounded to 1e-9 of the level: near the minimum only the gradient tells the way.
    function, _ = quadratic(np.logspace(-2, 2, 10), rng)
    exact = function.value
    function.value = lambda t: np.round(exact(t), 9)
    result = minimise_by(lbfgs, function, np.zeros(10), tol=0.0, gap_tol=0.0, max_iter=100_000)
    assert result.status in {"converged", "precision"}  # converged: a gradient of exactly zero
    assert result.n_evaluations < 1000
    assert exact(result.theta) - 1.0 < 1e-8


def test_values_that_overflow_are_stepped_back_from():
    def value(t):
        with np.errstate(over="ignore"):
            return np.sum(np.exp(t) - t)

    def grad(t):
        with np.errstate(over="ignore"):
            return np.exp(t) - 1.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = minimise_by(
            lbfgs,
            Function(value, grad, 1e4),
            np.full(3, -5.0),
            tol=1e-8,
            gap_tol=1e-12,
            max_iter=200,
        )
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, 0.0, atol=1e-7)


def test_values_never_rise(rng):
    function, _ = quadratic(np.logspace(-5, 5, 40), rng)
    result = minimise_by(lbfgs, function, np.zeros(40), tol=1e-8, gap_tol=1e-12, max_iter=500)
    history = np.array(result.history)
    assert np.all(np.diff(history) <= 1e-14 * history[:-1])


@pytest.mark.parametrize(
    ("cost", "is_diagonal", "n_refreshed"),
    [(0.0, False, 2), (1e9, False, 1), (0.0, True, 2), (1e9, True, 0)],
)
def test_a_refresh_near_the_end_is_left_out_where_it_costs_more_than_what_is_left(
    rng, cost, is_diagonal, n_refreshed
):
    curvature = np.geomspace(1.0, 30.0, 40)
    function = Function(lambda t: 1.0 + 0.5 * float(t @ (curvature * t)), lambda t: curvature * t)
    function.refresh_cost, function.is_diagonal = cost, is_diagonal
    result = minimise_by(
        lbfgs, function, rng.standard_normal(40), tol=1e-6, gap_tol=1e-12, max_iter=100
    )
    assert result.status == "converged"
    assert 15 < result.n_iter < 45
    assert len(function.refreshed) == n_refreshed


@pytest.mark.parametrize("size", [50, 70_000])
@pytest.mark.parametrize("unit", [1e-150, 1.0, 1e150])
def test_the_inverse_hessian_is_that_of_bfgs_and_positive(rng, size, unit):
    # The last pair's equation holds to the pairs' rounding, and products with any vector are
    # positive, though memory overflows.
    curvature = np.geomspace(1e-3, 1e3, size)
    inverse = CompactBfgs(Function(None, None, 1.0), 4, size)
    theta = rng.normal(size=size)
    for _ in range(7):
        new = theta - 1e-3 * rng.normal(size=size)
        old_point, new_point = (Point(unit * t, 0.0, unit * (curvature * t)) for t in (theta, new))
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            inverse.update(new_point, old_point, np.empty(size))
        theta = new
    if 1e-100 < unit < 1e100 or size > 50:
        assert inverse.n_pairs == 4
        s, y = new_point.theta - old_point.theta, new_point.grad - old_point.grad
        result = -inverse.direction(y / unit, np.empty(size))
        np.testing.assert_allclose(result, s / unit, rtol=1e-4, atol=1e-6 * np.abs(s / unit).max())
    for vector in rng.normal(size=(5, size)):
        assert vector @ inverse.direction(vector, np.empty(size)) < 0.0


@pytest.mark.parametrize("size", [50, 70_000])
def test_a_pair_without_curvature_changes_nothing(rng, size):
    inverse = CompactBfgs(Function(None, None, 1.0), 2, size)
    points = [Point(t, 0.0, 2.0 * t) for t in rng.normal(size=(4, size))]
    vector, work = rng.normal(size=size), np.empty(size)
    for n in range(3):
        inverse.update(points[n + 1], points[n], work)
        before = inverse.direction(vector, np.empty(size))
        inverse.update(points[n]._replace(theta=points[n + 1].theta), points[n + 1], work)
        after = inverse.direction(vector, np.empty(size))
        if n == 0:  # there was room
            np.testing.assert_array_equal(after, before)
    assert inverse.n_pairs == 2
    np.testing.assert_allclose(inverse.direction(vector, work), -0.5 * vector, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [50, 70_000])
def test_a_pair_whose_curvature_is_rounding_is_never_learnt(rng, size):
    inverse, work = CompactBfgs(Function(None, None, 1.0), 9, size), np.empty(size)
    steep, other = np.eye(2, size)
    flat = (
        Point(np.zeros(size), 0.0, steep),
        Point(0.01 * (other - steep), 0.0, steep + 1e-17 * other),
    )
    theta = rng.normal(size=size)
    for n in range(9):
        new = theta + 0.1 * rng.normal(size=size)
        inverse.update(Point(new, 0.0, new), Point(theta, 0.0, theta), work)
        theta = new
        assert inverse.n_pairs == n + 1
        if n < 8:  # there is room
            inverse.update(flat[1], flat[0], work)
            assert inverse.n_pairs == n + 1


def test_lbfgs_of_more_parameters_than_stay_in_the_cache(rng):
    eigenvalues, centre = np.logspace(-1, 1, 100_000), rng.normal(size=100_000)
    function = Function(
        lambda t: 1.0 + 0.5 * eigenvalues @ (t - centre) ** 2, lambda t: eigenvalues * (t - centre)
    )
    result = minimise_by(
        lbfgs, function, np.zeros(100_000), tol=1e-6, gap_tol=1e-12, max_iter=200, memory=7
    )
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, centre, atol=1e-4)
