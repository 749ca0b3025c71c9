"""Minimisers: how often each goes through the data, and how long it takes."""

import warnings

import numpy as np

from .common import SMALL, count_passes, linear_loss, minimise, random_rows

# Name -> rows, columns, classes, density; columns get scales from 1 to 1000, as raw ones have.
DATA = {
    "dense, 20000x50, 2 classes": (20_000, 50, 2, None),
    "dense, 10000x20, 7 classes": (10_000, 20, 7, None),
    "sparse, 10000x20000, 5 classes": (10_000, 20_000, 5, 0.002),
}
if SMALL:
    DATA = {"dense": (30, 4, 3, None), "sparse": (30, 8, 3, 0.5)}


class Solvers:
    """From the null model to the optimum, with the tolerances of the classifier's defaults."""

    params = (["auto", "lbfgs", "newton-cg", "newton-cholesky"], list(DATA))
    param_names = ("solver", "data")

    def setup(self, solver, data):
        """Make the data, and compile."""
        warnings.simplefilter("ignore")
        n, p, n_classes, density = DATA[data]
        if solver == "newton-cholesky" and density is not None:
            raise NotImplementedError("the Hessian is too large")
        X, y = random_rows(n, p, n_classes, "float64", density)
        if density is None:
            X *= np.logspace(0, 3, p)

        objective, run = linear_loss(), minimise()

        def call(max_iter=1000):
            loss = objective(X, y, n_classes, weights=np.array([1 / n]), penalty=1 / n)
            return run(loss, loss.start(), solver=solver, tol=1e-4, gap_tol=1e-7, max_iter=max_iter)

        self.call = call
        self.call(max_iter=2)

    def time_minimise(self, *_):
        """One run."""
        self.call()

    def track_passes(self, *_):
        """Count the passes over X: evaluations and products with the Hessian."""
        return count_passes(self.call)

    track_passes.unit = "passes"
