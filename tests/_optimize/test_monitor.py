"""The test that ends a minimisation, its history, and what a callback sees, whatever the method."""

import numpy as np
import pytest
from functions import Function, minimise_by, quadratic

from fastce._optimize.lbfgs import lbfgs
from fastce._optimize.monitor import Monitor
from fastce._optimize.objective import Point


def test_a_function_without_minimum_ends():
    result = minimise_by(
        lbfgs,
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
    function.floor, function.has_minimum = 1e-6, False
    result = minimise_by(lbfgs, function, np.zeros(1), tol=1e-4, gap_tol=1e-9, max_iter=2000)
    assert result.status == "converged"
    assert 1e-8 < result.value <= 1e-6


def test_both_conditions_of_the_stop(rng):
    scale = 1e-8  # a gradient that is small everywhere must not pass for the minimum
    function = Function(
        lambda t: 1e-9 + scale * (t - 3.0) @ (t - 3.0), lambda t: 2 * scale * (t - 3.0), 0.3 / scale
    )
    result = minimise_by(lbfgs, function, np.zeros(2), tol=1e-4, gap_tol=1e-6, max_iter=100)
    np.testing.assert_allclose(result.theta, 3.0, atol=1e-3)
    function, _ = quadratic(
        np.full(3, 1e8), rng, level=1e12
    )  # and a small gap alone must not either
    result = minimise_by(lbfgs, function, np.zeros(3), tol=1e-4, gap_tol=1e-3, max_iter=100)
    assert result.grad_norm <= 1e-4 or result.status == "precision"


def test_starting_at_the_minimum_takes_no_step():
    result = minimise_by(
        lbfgs,
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
    result = minimise_by(
        lbfgs, function, start, tol=0.0, gap_tol=0.0, max_iter=20, callback=seen.append
    )
    assert result.status == "max_iter"
    assert [p.n_iter for p in seen] == list(range(21))
    assert seen[-1].value == result.value
    assert len(function.refreshed) == 2  # after 5 and 15 iterations
    assert not start.any()
    assert result.history == [p.value for p in seen]
    assert result.grad_norms == [p.grad_norm for p in seen]
    assert result.times == sorted(result.times)
    assert len(result.times) == 21
    assert seen[0].theta is start
    assert seen[-1].theta is result.theta


def test_a_callback_ends_the_minimisation(rng):
    function, _ = quadratic(np.logspace(-4, 4, 30), rng)
    options = {"tol": 0.0, "gap_tol": 0.0, "max_iter": 20}
    result = minimise_by(
        lbfgs, function, np.zeros(30), callback=lambda progress: progress.n_iter == 3, **options
    )
    assert (result.status, result.n_iter, len(result.history)) == ("stopped", 3, 4)
    shorter = minimise_by(lbfgs, function, np.zeros(30), **options | {"max_iter": 3})
    np.testing.assert_array_equal(result.theta, shorter.theta)


def test_a_stop_comes_before_what_the_point_is():
    monitor = monitor_at(1.0, 0.0, callback=lambda progress: True, max_iter=0)
    assert monitor.check(0.0)
    assert monitor.status == "stopped"


def test_a_point_from_which_another_method_goes_on_is_told_once():
    seen = []
    monitor = monitor_at(1.0, 1.0, callback=seen.append)
    assert not monitor.check(1.0)
    monitor.resume()
    assert not monitor.check(1.0)
    assert len(seen) == len(monitor.times) == len(monitor.grad_norms) == 1


def test_an_interrupt_passes_through(rng):
    function, _ = quadratic(np.logspace(-4, 4, 30), rng)

    def interrupt(progress):
        if progress.n_iter == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimise_by(
            lbfgs, function, np.zeros(30), tol=0.0, gap_tol=0.0, max_iter=20, callback=interrupt
        )


def test_a_start_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite at the starting point"):
        minimise_by(
            lbfgs,
            Function(lambda t: np.nan, lambda t: t),
            np.zeros(2),
            tol=1e-4,
            gap_tol=1e-6,
            max_iter=10,
        )


def monitor_at(value, grad_entry, **options):
    arguments = {"tol": 1e-4, "gap_tol": 1e-7, "max_iter": 100} | options
    function = Function(lambda t: value, lambda t: np.full(2, grad_entry))
    return Monitor(function, np.zeros(2), **arguments)


@pytest.mark.parametrize(
    ("grad_entry", "decrement", "options", "status"),
    [
        (1e-5, 1e-10, {}, "converged"),
        (1e-3, 1e-10, {}, ""),  # the gradient is too large
        (1e-5, 1e-6, {}, ""),  # the gap is too large
        (1e-5, 0.0, {}, "converged"),
        (1e-3, 0.0, {}, "precision"),  # a model that gains nothing is broken
        (1e-5, -1.0, {}, "precision"),
        (1e-5, np.nan, {}, "precision"),
        (1e-3, 1.0, {"max_iter": 0}, "max_iter"),
    ],
)
def test_the_status_follows_from_gradient_and_decrement(grad_entry, decrement, options, status):
    monitor = monitor_at(1.0, grad_entry, **options)
    assert monitor.check(decrement) == (status != "")
    assert monitor.status == monitor.result().status == status


def test_an_uncertain_gap_needs_a_value_that_no_longer_falls():
    monitor = monitor_at(1.0, 0.0)
    for value in (1.0 - 1e-3, 1.0 - 2e-3):
        monitor.move(Point(monitor.point.theta, value, monitor.point.grad))
    uncertain = 1.9e-7  # just within the tolerance
    assert not monitor.check(uncertain)
    assert monitor.check(uncertain, has_hessian=True)
    monitor.resume()
    assert monitor.check(1e-3 * uncertain)


@pytest.mark.parametrize("has_minimum", [True, False])
def test_below_the_floor_the_gradient_does_not_count(has_minimum):
    monitor = monitor_at(1e-9, 1e3)
    monitor.objective.floor, monitor.objective.has_minimum = 1e-6, has_minimum
    assert monitor.check(1e-8) == (not has_minimum)  # a gap of 5e-3, beside the floor
    assert monitor.check(1e-16)
    assert monitor.status == "converged"


@pytest.mark.parametrize(("grad_entry", "ends"), [(1e-9, False), (0.0, True)])
def test_the_least_number_of_iterations(grad_entry, ends):
    monitor = monitor_at(1.0, grad_entry, min_iter=1)
    assert monitor.check(grad_entry**2) == ends
    if not ends:
        monitor.give_up()  # no lower point can be found
    assert monitor.status == "converged"
    moved = monitor_at(1.0, grad_entry, min_iter=1)
    moved.move(moved.point)
    assert moved.check(grad_entry**2)


def test_a_minimisation_that_stalls_ends_at_the_precision_of_float64():
    monitor, n = monitor_at(1.0, 1.0), 0
    while not monitor.check(1.0):
        monitor.move(monitor.point)
        n += 1
    assert monitor.status == "precision"
    assert n < 30
    monitor.resume()
    assert not monitor.check(1.0)
