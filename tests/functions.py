"""Smooth functions with an objective's methods, and a minimiser's run on one of them."""

import numpy as np

from fastce._optimize.monitor import Monitor


class Function:
    """An objective made of two functions, with an inverse Hessian that is a diagonal."""

    floor = 0.0
    refresh_cost = exact_cost = np.inf
    is_diagonal = False
    has_minimum = True

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


def minimise_by(method, function, theta, *, tol, gap_tol, max_iter, callback=None, **options):
    """Run `lbfgs`, `newton_cg` or `newton_cholesky`."""
    monitor = Monitor(
        function, theta, tol=tol, gap_tol=gap_tol, max_iter=max_iter, callback=callback
    )
    method(monitor, **options)
    return monitor.result()
