"""L-BFGS and Newton's method: hard functions, the line search at the rounding limit, the certified stop, bounds, the choice."""

import warnings

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from fastce._core import threads as _threads
from fastce._optimize import minimise as _solvers
from fastce._optimize import vectors as _vectors
from fastce._optimize.minimise import choose, lbfgs, minimise
from fastce._optimize.monitor import Point, search
from fastce._optimize.newton import newton


class Function:
    """An objective made of two functions, with an inverse Hessian that is a diagonal."""

    floor = 0.0
    refresh_cost = exact_cost = np.inf
    is_diagonal = False

    def __init__(self, value, grad, inverse_diagonal=None):
        self.value, self.grad, self.inverse_diagonal = value, grad, inverse_diagonal
        self.n_calls = 0
        self.refreshed = []

    def value_and_grad(self, theta):
        self.n_calls += 1
        return float(self.value(theta)), np.array(self.grad(theta), dtype=float)

    def precondition(self, vector, out):
        return np.multiply(
            vector, 1.0 if self.inverse_diagonal is None else self.inverse_diagonal, out=out
        )

    def refresh(self, theta, near):
        self.refreshed.append(theta.copy())
        return False

    def hessian_product(self, theta, vector):
        step = 1e-5 / max(1e-300, np.abs(vector).max())
        return (
            np.array(self.grad(theta + step * vector)) - np.array(self.grad(theta - step * vector))
        ) / (2 * step)


def quadratic(eigenvalues, rng, level=1.0, inverse_diagonal=None):
    basis, _ = np.linalg.qr(rng.normal(size=(eigenvalues.size, eigenvalues.size)))
    hessian = basis * eigenvalues @ basis.T
    centre = rng.normal(size=eigenvalues.size)
    function = Function(
        lambda t: level + 0.5 * (t - centre) @ hessian @ (t - centre),
        lambda t: hessian @ (t - centre),
        inverse_diagonal,
    )
    return function, centre


def test_rosenbrock():
    function = Function(lambda t: 1.0 + rosen(t), rosen_der)
    result = lbfgs(
        function, np.array([-1.2, 1.0, -1.2, 1.0]), tol=1e-8, gap_tol=1e-12, max_iter=1000
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
    result = lbfgs(function, np.zeros(10), tol=1e-9, gap_tol=1e-12, max_iter=5000)
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
    result = lbfgs(function, np.zeros(30), tol=1e-6, gap_tol=1e-12, max_iter=50)
    assert result.status == "converged"
    assert result.n_evaluations <= 6
    np.testing.assert_allclose(result.theta, centre, rtol=1e-5)


def test_flat_tail_ends_and_reaches_what_the_gradient_still_shows(rng):
    # Values are rounded to 1e-9 of the level: near the minimum only the gradient tells the way.
    function, _ = quadratic(np.logspace(-2, 2, 10), rng)
    exact = function.value
    function.value = lambda t: np.round(exact(t), 9)
    result = lbfgs(function, np.zeros(10), tol=0.0, gap_tol=0.0, max_iter=100_000)
    assert result.status in {"converged", "precision"}  # converged: a gradient of exactly zero
    assert result.n_evaluations < 1000
    assert exact(result.theta) - 1.0 < 1e-8


def test_approximate_wolfe_conditions_go_on_where_values_are_equal(rng):
    function, centre = quadratic(np.logspace(-1, 1, 10), rng, level=1e6)
    result = lbfgs(function, np.zeros(10), tol=1e-10, gap_tol=1e-20, max_iter=1000)
    # the value stops changing at |theta - centre| of about 1e-5
    assert np.abs(result.theta - centre).max() < 1e-9


@pytest.mark.parametrize("most", [6.0, 1e9])
def test_where_no_point_is_right_the_lowest_is_returned(most):
    # The slope never changes, so no step is long enough; from 6 on, or never, the value is
    # infinite.
    function = Function(lambda t: (t[0] - 1.0) ** 2 if t[0] < most else np.inf, lambda t: [-2.0])
    start = Point(np.zeros(1), *function.value_and_grad(np.zeros(1)))
    found, n = search(function, start, np.ones(1), -2.0)
    assert (found.theta.tolist(), found.value) == ([1.0], 0.0)
    assert n == function.n_calls - 1
    assert search(function, Point(np.ones(1), 0.0, np.array([-2.0])), np.ones(1), -2.0)[0] is None


def test_values_that_overflow_are_stepped_back_from():
    def value(t):
        with np.errstate(over="ignore"):
            return np.sum(np.exp(t) - t)

    def grad(t):
        with np.errstate(over="ignore"):
            return np.exp(t) - 1.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = lbfgs(
            Function(value, grad, 1e4), np.full(3, -5.0), tol=1e-8, gap_tol=1e-12, max_iter=200
        )
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, 0.0, atol=1e-7)


def test_a_function_without_minimum_ends():
    result = lbfgs(
        Function(lambda t: np.exp(-t[0]), lambda t: [-np.exp(-t[0])]),
        np.zeros(1),
        tol=1e-6,
        gap_tol=1e-9,
        max_iter=2000,
    )
    assert result.value < 1e-6
    assert result.n_evaluations < 5000


def test_the_floor_ends_a_value_that_falls_for_ever():
    function = Function(lambda t: np.exp(-t[0]), lambda t: [-np.exp(-t[0])])
    function.floor = 1e-6
    result = lbfgs(function, np.zeros(1), tol=1e-4, gap_tol=1e-9, max_iter=2000)
    assert result.status == "converged"
    assert 1e-8 < result.value <= 1e-6


def test_both_conditions_of_the_stop(rng):
    scale = 1e-8  # a gradient that is small everywhere must not pass for the minimum
    function = Function(
        lambda t: 1e-9 + scale * (t - 3.0) @ (t - 3.0), lambda t: 2 * scale * (t - 3.0), 0.3 / scale
    )
    result = lbfgs(function, np.zeros(2), tol=1e-4, gap_tol=1e-6, max_iter=100)
    np.testing.assert_allclose(result.theta, 3.0, atol=1e-3)
    function, _ = quadratic(
        np.full(3, 1e8), rng, level=1e12
    )  # and a small gap alone must not either
    result = lbfgs(function, np.zeros(3), tol=1e-4, gap_tol=1e-3, max_iter=100)
    assert result.grad_norm <= 1e-4 or result.status == "precision"


def test_starting_at_the_minimum_takes_no_step():
    result = lbfgs(
        Function(lambda t: 1.0 + t @ t, lambda t: 2 * t),
        np.zeros(2),
        tol=1e-8,
        gap_tol=1e-8,
        max_iter=10,
    )
    assert (result.status, result.n_iter, result.n_evaluations) == ("converged", 0, 1)


def test_max_iter_and_callback_and_refresh(rng):
    function, _ = quadratic(np.logspace(-4, 4, 30), rng)
    seen = []
    start = np.zeros(30)
    result = lbfgs(function, start, tol=0.0, gap_tol=0.0, max_iter=20, callback=seen.append)
    assert result.status == "max_iter"
    assert [p.n_iter for p in seen] == list(range(21))
    assert seen[-1].value == result.value
    assert len(function.refreshed) == 2  # after 5 and 15 iterations
    assert not start.any()


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
    result = lbfgs(function, rng.standard_normal(40), tol=1e-6, gap_tol=1e-12, max_iter=100)
    assert result.status == "converged"
    assert 15 < result.n_iter < 45
    assert len(function.refreshed) == n_refreshed


def test_values_never_rise(rng):
    function, _ = quadratic(np.logspace(-5, 5, 40), rng)
    result = lbfgs(function, np.zeros(40), tol=1e-8, gap_tol=1e-12, max_iter=500)
    history = np.array(result.history)
    assert np.all(np.diff(history) <= 1e-14 * history[:-1])


def test_an_interrupt_passes_through(rng):
    function, _ = quadratic(np.logspace(-4, 4, 30), rng)

    def interrupt(progress):
        if progress.n_iter == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lbfgs(function, np.zeros(30), tol=0.0, gap_tol=0.0, max_iter=20, callback=interrupt)


def test_a_start_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite at the starting point"):
        lbfgs(
            Function(lambda t: np.nan, lambda t: t),
            np.zeros(2),
            tol=1e-4,
            gap_tol=1e-6,
            max_iter=10,
        )


def test_long_vectors_are_as_short_ones(rng):
    for size in (10, 200_003):
        rows, factors, vector = (
            rng.normal(size=(3, size)),
            rng.normal(size=3),
            rng.normal(size=size),
        )
        np.testing.assert_allclose(_vectors.dots(rows, vector), rows @ vector, rtol=1e-9, atol=1e-9)
        expected = vector + factors @ rows
        np.testing.assert_allclose(
            _vectors.add(rows, factors, vector, np.empty(size)), expected, rtol=1e-12, atol=1e-12
        )
        assert _vectors.add(rows, factors, vector, vector) is vector
        np.testing.assert_allclose(vector, expected, rtol=1e-12, atol=1e-12)


SIZES = [10, _vectors._LONG - 1, _vectors._LONG, 200_003]


@pytest.mark.parametrize("size", SIZES)
def test_sums_of_vectors_are_those_of_numpy(rng, size):
    x, y = rng.normal(size=(2, size))
    expected = float(np.sum(x.astype(np.longdouble) * y))
    np.testing.assert_allclose(_vectors.dot(x, y), expected, rtol=1e-12, atol=1e-13 * size)
    assert _vectors.largest(x) == np.abs(x).max()
    np.testing.assert_allclose(_vectors.combine(0.3, x, y), 0.3 * x + y, rtol=1e-12, atol=1e-15)
    rows, factors = rng.normal(size=(3, size)), rng.normal(size=3)
    expected = -2.0 * x + factors @ rows
    np.testing.assert_allclose(
        _vectors.add(rows, factors, x, np.empty(size), -2.0), expected, rtol=1e-12, atol=1e-13
    )
    assert _vectors.combine(0.3, x, y, x) is x
    assert _vectors.add(rows, factors, y, y, -2.0) is y
    for bad in (np.inf, -np.inf):
        x[size // 2] = bad
        assert _vectors.largest(x) == np.inf
    x[-1] = np.nan
    assert np.isnan(_vectors.largest(x))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("s_unit", "y_unit"),
    [(1.0, 1.0), (1e-200, 1e-190), (1e150, 1e200), (1e-100, 1e100), (0.0, 0.0)],
)
def test_pairs_of_any_size_are_learnt(rng, size, s_unit, y_unit):
    old, new = rng.normal(size=(2, 2, size)) * np.array([s_unit, y_unit])[:, np.newaxis]
    S, Y, changes = _vectors.table(3, size), _vectors.table(3, size), np.empty(size)
    S[:] = rng.normal(size=S.shape)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        products, of_s, of_y = _vectors.learn(tuple(new), tuple(old), S, Y, 1, changes)
        ratio = of_y / of_s
        assert np.array_equal(changes, Y[1].astype(float))
        if s_unit == 0.0:
            assert not S[1].any()
            assert not Y[1].any()
            return
        for row, exact in ((S[1], new[0] - old[0]), (Y[1], new[1] - old[1])):
            rtol = 1e-15 if S.dtype == np.float64 else 1e-7
            wide = row.astype(float)
            np.testing.assert_allclose(
                wide * (np.abs(exact).max() / np.abs(wide).max()), exact, rtol=3 * rtol, atol=0.0
            )
        if S.dtype == np.float32:
            # as the pair is rounded, to the last digits of float64
            expected = S.astype(np.longdouble) @ Y[1].astype(np.longdouble)
            np.testing.assert_allclose(products, expected.astype(float), rtol=1e-10)
            scales = [
                np.abs(row).max() / np.abs(exact).max()
                for row, exact in ((S[1], new[0] - old[0]), (Y[1], new[1] - old[1]))
            ]
            np.testing.assert_allclose(ratio, scales[1] / scales[0], rtol=1e-6)
            assert s_unit != 1.0 or ratio == 1.0


@pytest.mark.parametrize("size", [50, 70_000])
@pytest.mark.parametrize("unit", [1e-150, 1.0, 1e150])
def test_the_inverse_hessian_is_that_of_bfgs_and_positive(rng, size, unit):
    # The last pair's equation holds to the pairs' rounding, and products with any vector are
    # positive, though memory overflows.
    curvature = np.geomspace(1e-3, 1e3, size)
    inverse = _solvers._InverseHessian(Function(None, None, 1.0), 4, size)
    theta = rng.normal(size=size)
    for _ in range(7):
        new = theta - 1e-3 * rng.normal(size=size)
        old_point, new_point = (
            _solvers.Point(unit * t, 0.0, unit * (curvature * t)) for t in (theta, new)
        )
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            inverse.update(new_point, old_point, np.empty(size))
        theta = new
    if 1e-100 < unit < 1e100 or size > 50:
        assert inverse.n_pairs == 4
        s, y = new_point.theta - old_point.theta, new_point.grad - old_point.grad
        result = -inverse.descent(y / unit, np.empty(size))
        np.testing.assert_allclose(result, s / unit, rtol=1e-4, atol=1e-6 * np.abs(s / unit).max())
    for vector in rng.normal(size=(5, size)):
        assert vector @ inverse.descent(vector, np.empty(size)) < 0.0


@pytest.mark.parametrize("size", [50, 70_000])
def test_a_pair_without_curvature_changes_nothing(rng, size):
    inverse = _solvers._InverseHessian(Function(None, None, 1.0), 2, size)
    points = [_solvers.Point(t, 0.0, 2.0 * t) for t in rng.normal(size=(4, size))]
    vector, work = rng.normal(size=size), np.empty(size)
    for n in range(3):
        inverse.update(points[n + 1], points[n], work)
        before = inverse.descent(vector, np.empty(size))
        inverse.update(points[n]._replace(theta=points[n + 1].theta), points[n + 1], work)
        after = inverse.descent(vector, np.empty(size))
        if n == 0:  # there was room
            np.testing.assert_array_equal(after, before)
    assert inverse.n_pairs == 2
    np.testing.assert_allclose(inverse.descent(vector, work), -0.5 * vector, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [50, 70_000])
def test_a_pair_whose_curvature_is_rounding_is_never_learnt(rng, size):
    inverse, work = _solvers._InverseHessian(Function(None, None, 1.0), 9, size), np.empty(size)
    steep, other = np.eye(2, size)
    flat = (
        _solvers.Point(np.zeros(size), 0.0, steep),
        _solvers.Point(0.01 * (other - steep), 0.0, steep + 1e-17 * other),
    )
    theta = rng.normal(size=size)
    for n in range(9):
        new = theta + 0.1 * rng.normal(size=size)
        inverse.update(_solvers.Point(new, 0.0, new), _solvers.Point(theta, 0.0, theta), work)
        theta = new
        assert inverse.n_pairs == n + 1
        if n < 8:  # there is room
            inverse.update(flat[1], flat[0], work)
            assert inverse.n_pairs == n + 1


@pytest.mark.parametrize("n_threads", [2, 3])
def test_long_vectors_give_equal_bits_for_any_number_of_threads(rng, n_threads, monkeypatch):
    size = 70_001
    x, y, rows = (
        rng.normal(size=size),
        rng.normal(size=size),
        rng.normal(size=(3, size)).astype(np.float32),
    )
    results = []
    for threads in (1, min(n_threads, _threads._max_threads())):
        monkeypatch.setattr(_threads, "_n_threads", threads)
        S, Y, changes = rows.copy(), rows.copy(), np.empty(size)
        products, *_ = _vectors.learn((x, y), (y, x), S, Y, 1, changes)
        add = _vectors.add(rows, np.arange(3.0), x, np.empty(size), 0.7)
        results.append(
            [
                _vectors.dots(rows, x),
                add,
                _vectors.combine(0.7, x, y),
                _vectors.largest(x),
                products,
                S,
                Y,
                changes,
            ]
        )
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def test_lbfgs_of_more_parameters_than_stay_in_the_cache(rng):
    eigenvalues, centre = np.logspace(-1, 1, 100_000), rng.normal(size=100_000)
    function = Function(
        lambda t: 1.0 + 0.5 * eigenvalues @ (t - centre) ** 2, lambda t: eigenvalues * (t - centre)
    )
    result = lbfgs(function, np.zeros(100_000), tol=1e-6, gap_tol=1e-12, max_iter=200, memory=7)
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, centre, atol=1e-4)


# ---- Newton's method -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", [lbfgs, newton])
def test_rosenbrock_where_the_hessian_is_not_positive(method):
    function = Function(lambda t: 1.0 + rosen(t), rosen_der)
    result = method(function, np.array([0.0, 1.0]), tol=1e-7, gap_tol=1e-12, max_iter=1000)
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, 1.0, atol=1e-5)


def test_newton_with_conjugate_gradients_solves_a_quadratic(rng):
    function, centre = quadratic(np.logspace(-2, 2, 20), rng)
    result = newton(function, np.zeros(20), tol=1e-8, gap_tol=1e-14, max_iter=300)
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, centre, atol=1e-4)
    assert function.n_calls <= result.n_evaluations  # products count as evaluations


def test_newton_goes_down_where_the_hessian_is_not_positive():
    function = Function(
        lambda t: 2.0 + np.cos(t[0]) + 0.5 * t[1] ** 2, lambda t: [-np.sin(t[0]), t[1]]
    )
    result = newton(function, np.array([0.3, 1.0]), tol=1e-6, gap_tol=1e-10, max_iter=50)
    assert result.status == "converged"
    np.testing.assert_allclose(result.value, 1.0, atol=1e-8)


def test_newton_with_a_factored_hessian_asks_for_no_product():
    class Factored(Function):
        def factor(self, theta):
            self.inverse_diagonal = 1.0 / np.exp(theta)

        def hessian_product(self, theta, vector):
            raise AssertionError

    function = Factored(lambda t: np.sum(np.exp(t) - t), lambda t: np.exp(t) - 1.0)
    result = newton(function, np.full(3, 2.0), tol=1e-8, gap_tol=1e-14, max_iter=20, exact=True)
    assert result.status == "converged"
    assert result.n_iter <= 8
    np.testing.assert_allclose(result.theta, 0.0, atol=1e-7)


def test_newton_of_a_function_without_minimum_ends():
    function = Function(lambda t: np.exp(-t[0]), lambda t: [-np.exp(-t[0])])
    function.floor = 1e-6
    result = newton(function, np.zeros(1), tol=1e-6, gap_tol=1e-3, max_iter=200)
    assert result.status == "converged"


def test_the_choice():
    assert choose(refresh_cost=0.0, exact_cost=_solvers._EXACT_PAYS, is_diagonal=False) == (
        "newton-cholesky",
        0.0,
    )
    assert choose(
        refresh_cost=0.0, exact_cost=np.nextafter(_solvers._EXACT_PAYS, np.inf), is_diagonal=False
    ) == (
        "lbfgs",
        _solvers._PATIENCE,
    )
    assert choose(refresh_cost=_solvers._PATIENCE / 2, exact_cost=np.inf, is_diagonal=False) == (
        "lbfgs",
        _solvers._PATIENCE,
    )
    assert choose(refresh_cost=_solvers._PATIENCE, exact_cost=np.inf, is_diagonal=False) == (
        "lbfgs",
        2 * _solvers._PATIENCE,
    )
    assert choose(refresh_cost=1.0, exact_cost=np.inf, is_diagonal=True) == (
        "lbfgs",
        _solvers._LONG_PATIENCE,
    )


def test_newton_goes_on_where_the_patience_with_lbfgs_ends(rng, monkeypatch):
    eigenvalues = np.logspace(-6, 6, 40)
    centre = rng.normal(size=40)
    function = Function(
        lambda t: 1.0 + 0.5 * eigenvalues @ (t - centre) ** 2, lambda t: eigenvalues * (t - centre)
    )
    seen = []
    monkeypatch.setattr(_solvers, "_PATIENCE", 7.0)
    function.refresh_cost = 0.0
    result = minimise(
        function, np.zeros(40), tol=1e-3, gap_tol=1e-6, max_iter=100, callback=seen.append
    )
    assert [p.n_iter for p in seen] == list(
        range(result.n_iter + 1)
    )  # one history, no gap and no repetition
    assert len(result.history) == result.n_iter + 1
    assert np.all(np.diff(result.history) <= 0.0)
    assert len(function.refreshed) > 1
    assert result.value < lbfgs(function, np.zeros(40), tol=1e-3, gap_tol=1e-6, max_iter=7).value


def test_newton_goes_on_where_lbfgs_finds_no_lower_point(rng, monkeypatch):
    function, centre = quadratic(np.logspace(-2, 2, 20), rng)
    function.refresh_cost = 0.0

    def gives_up(*_, watch, **__):
        watch.stall, watch.status = 10**6, "precision"
        return watch.result()

    monkeypatch.setattr(_solvers, "lbfgs", gives_up)
    arguments = {"tol": 1e-8, "gap_tol": 1e-14, "max_iter": 300}
    result = minimise(function, np.zeros(20), **arguments)
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, centre, atol=1e-4)
    # who asks for L-BFGS gets nothing else
    assert minimise(function, np.zeros(20), solver="lbfgs", **arguments).status == "precision"
