"""The choice of a minimiser, and the change from L-BFGS to Newton's method."""

import numpy as np
import pytest
from functions import Function, minimise_by, quadratic

from fastce._optimize import minimise
from fastce._optimize.lbfgs import lbfgs
from fastce._optimize.minimise import choose


def test_the_choice():
    exact, least = minimise._MAX_EXACT_COST, minimise._SWITCH_AFTER
    assert choose(0.0, exact, False) == ("newton-cholesky", 0.0)
    assert choose(0.0, np.nextafter(exact, np.inf), False) == ("lbfgs", least)
    assert choose(least / 2, np.inf, False) == ("lbfgs", least)
    assert choose(least, np.inf, False) == ("lbfgs", 2 * least)
    assert choose(1.0, np.inf, True) == ("lbfgs", minimise._SWITCH_AFTER_DIAGONAL)


def test_newton_goes_on_where_lbfgs_takes_long(rng, monkeypatch):
    eigenvalues = np.logspace(-6, 6, 40)
    centre = rng.normal(size=40)
    function = Function(
        lambda t: 1.0 + 0.5 * eigenvalues @ (t - centre) ** 2, lambda t: eigenvalues * (t - centre)
    )
    seen = []
    monkeypatch.setattr(minimise, "_SWITCH_AFTER", 7.0)
    function.refresh_cost = 0.0
    result = minimise.minimise(
        function, np.zeros(40), tol=1e-3, gap_tol=1e-6, max_iter=100, callback=seen.append
    )
    assert [p.n_iter for p in seen] == list(
        range(result.n_iter + 1)
    )  # one history, no gap and no repetition
    assert len(result.history) == result.n_iter + 1
    assert np.all(np.diff(result.history) <= 0.0)
    assert len(function.refreshed) > 1
    assert (
        result.value
        < minimise_by(lbfgs, function, np.zeros(40), tol=1e-3, gap_tol=1e-6, max_iter=7).value
    )


def test_newton_goes_on_where_lbfgs_finds_no_lower_point(rng, monkeypatch):
    function, centre = quadratic(np.logspace(-2, 2, 20), rng)
    function.refresh_cost = 0.0

    def gives_up(monitor, pause_after):
        monitor._n_stalled, monitor.status = 10**6, "precision"

    monkeypatch.setattr(minimise, "lbfgs", gives_up)
    arguments = {"tol": 1e-8, "gap_tol": 1e-14, "max_iter": 300}
    result = minimise.minimise(function, np.zeros(20), **arguments)
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, centre, atol=1e-4)
    # who asks for L-BFGS gets nothing else
    assert (
        minimise.minimise(function, np.zeros(20), solver="lbfgs", **arguments).status == "precision"
    )


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_a_solver_that_is_named_is_the_one_that_runs(rng, solver):
    function, centre = quadratic(np.logspace(-1, 1, 10), rng)
    n_products, product = [], function.hessian_product
    function.hessian_product = lambda *args: n_products.append(1) or product(*args)
    result = minimise.minimise(
        function, np.zeros(10), solver=solver, tol=1e-8, gap_tol=1e-14, max_iter=300
    )
    assert result.status == "converged"
    assert bool(n_products) == (solver == "newton-cg")
    np.testing.assert_allclose(result.theta, centre, atol=1e-4)
