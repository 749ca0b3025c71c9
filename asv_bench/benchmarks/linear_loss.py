"""One evaluation of the classifier's objective with its gradient: one pass over the rows."""

import numpy as np

from . import libraries
from .common import DTYPES, SMALL, THREADS, linear_loss, peak_bytes, random_rows, ratio, set_threads

# Name -> rows, columns, classes, density.
DATA = {
    "dense, 10000x784, 10 classes": (10_000, 784, 10, None),
    "dense, 100000x20, 2 classes": (100_000, 20, 2, None),
    "sparse, 10000x20000, 20 classes": (10_000, 20_000, 20, 0.003),
}
if SMALL:
    DATA = {
        "dense": (30, 4, 3, None),
        "dense, 2 classes": (30, 4, 2, None),
        "sparse": (30, 8, 3, 0.5),
    }


class LinearLoss:
    """Mean loss of X @ coef.T + intercept plus penalty, and its gradient."""

    params = (list(DATA), DTYPES, THREADS)
    param_names = ("data", "dtype", "threads")

    def setup(self, data, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        n, p, n_classes, density = DATA[data]
        self.arguments = (*random_rows(n, p, n_classes, dtype, density), n_classes)
        self.options = {"weights": np.array([1 / n]), "penalty": 1 / n}
        self.make = linear_loss()
        self.objective = self.make(*self.arguments, **self.options)
        self.theta = 0.1 * np.random.default_rng(3).standard_normal(self.objective.size)
        self.objective.value_and_grad(self.theta)

    def time_value_and_grad(self, *_):
        """One evaluation."""
        self.objective.value_and_grad(self.theta)

    def time_prepare(self, *_):
        """What a fit does once: check, deal out the rows, approximate the inverse Hessian."""
        self.make(*self.arguments, **self.options)

    def track_of_copy(self, data, *_):
        """Return an evaluation's time as a multiple of one scaled copy of X, in turns."""
        X = self.arguments[0]
        return ratio(
            lambda: self.objective.value_and_grad(self.theta),
            libraries.scaled_copy(getattr(X, "data", X) if "sparse" in data else X),
        )

    track_of_copy.unit = "times"

    def track_bytes_of_x(self, data, *_):
        """Return the peak of what preparing and an evaluation allocate, as a part of X."""
        X = self.arguments[0]
        size = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes if "sparse" in data else X.nbytes
        peak = peak_bytes(
            lambda: self.make(*self.arguments, **self.options).value_and_grad(self.theta)
        )
        return round(peak / size, 2)

    track_bytes_of_x.unit = "times"
