"""Newton's method with conjugate gradients or a factored Hessian, positive or not."""

import numpy as np
import pytest
from functions import Function, minimise_by, quadratic
from scipy.optimize import rosen, rosen_der

from fastce._optimize.lbfgs import lbfgs
from fastce._optimize.newton import newton_cg, newton_cholesky


@pytest.mark.parametrize("method", [lbfgs, newton_cg])
def test_rosenbrock_where_the_hessian_is_not_positive(method):
    function = Function(lambda t: 1.0 + rosen(t), rosen_der)
    result = minimise_by(
        method, function, np.array([0.0, 1.0]), tol=1e-7, gap_tol=1e-12, max_iter=1000
    )
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, 1.0, atol=1e-5)


def test_newton_with_conjugate_gradients_solves_a_quadratic(rng):
    function, centre = quadratic(np.logspace(-2, 2, 20), rng)
    result = minimise_by(newton_cg, function, np.zeros(20), tol=1e-8, gap_tol=1e-14, max_iter=300)
    assert result.status == "converged"
    np.testing.assert_allclose(result.theta, centre, atol=1e-4)
    assert function.n_calls <= result.n_evaluations  # products count as evaluations


def test_newton_goes_down_where_the_hessian_is_not_positive():
    function = Function(
        lambda t: 2.0 + np.cos(t[0]) + 0.5 * t[1] ** 2, lambda t: [-np.sin(t[0]), t[1]]
    )
    result = minimise_by(
        newton_cg, function, np.array([0.3, 1.0]), tol=1e-6, gap_tol=1e-10, max_iter=50
    )
    assert result.status == "converged"
    np.testing.assert_allclose(result.value, 1.0, atol=1e-8)


def test_newton_with_a_factored_hessian_asks_for_no_product():
    class Factored(Function):
        def factor(self, theta):
            self.inverse_diagonal = 1.0 / np.exp(theta)

        def hessian_product(self, theta, vector):
            raise AssertionError

    function = Factored(lambda t: np.sum(np.exp(t) - t), lambda t: np.exp(t) - 1.0)
    result = minimise_by(
        newton_cholesky, function, np.full(3, 2.0), tol=1e-8, gap_tol=1e-14, max_iter=20
    )
    assert result.status == "converged"
    assert result.n_iter <= 8
    np.testing.assert_allclose(result.theta, 0.0, atol=1e-7)


def test_newton_of_a_function_without_minimum_ends():
    function = Function(lambda t: np.exp(-t[0]), lambda t: [-np.exp(-t[0])])
    function.floor = 1e-6
    result = minimise_by(newton_cg, function, np.zeros(1), tol=1e-6, gap_tol=1e-3, max_iter=200)
    assert result.status == "converged"
