"""The line search: Wolfe conditions, where rounding hides the decrease, and steps that fail."""

import numpy as np
import pytest
from functions import Function, minimise_by, quadratic

from fastce._optimize.lbfgs import lbfgs
from fastce._optimize.line_search import search
from fastce._optimize.objective import Point


def test_approximate_wolfe_conditions_go_on_where_values_are_equal(rng):
    function, centre = quadratic(np.logspace(-1, 1, 10), rng, level=1e6)
    result = minimise_by(lbfgs, function, np.zeros(10), tol=1e-10, gap_tol=1e-20, max_iter=1000)
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


@pytest.mark.parametrize("centre", [0.05, 0.6, 1.0, 30.0, 1e4])
def test_the_wolfe_conditions_hold_at_the_point_found(centre):
    def grad(t):
        return (t - centre) * (1.0 + (t - centre) ** 2)

    function = Function(lambda t: np.sum((t - centre) ** 2 / 2 + (t - centre) ** 4 / 4), grad)
    start = Point(np.zeros(1), *function.value_and_grad(np.zeros(1)))
    direction = np.ones(1)
    slope = float(start.grad @ direction)
    found, n_evaluations = search(function, start, direction, slope)
    assert n_evaluations == function.n_calls - 1 < 20
    assert found.value <= start.value + 1e-4 * found.theta[0] * slope
    assert abs(found.grad @ direction) <= 0.9 * abs(slope)
