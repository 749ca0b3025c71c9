"""Standard errors of a fitted model: time and memory of `summary`."""

import numpy as np

from fastce.linear_model import LogisticRegression

from .common import DTYPES, THREADS, parse, peak_bytes, random_rows, set_threads, sizes

SHAPES = sizes("100000x20x2", "20000x30x7", small="60x3x3")
COV_TYPES = ["nonrobust", "HC0"]


class Summary:
    """The table of a model without a penalty: some Hessians, and one covariance."""

    params = (SHAPES, COV_TYPES, DTYPES, THREADS)
    param_names = ("rows x columns x classes", "cov_type", "dtype", "threads")

    def setup(self, shape, cov_type, dtype, threads):
        """Make the data, fit, and compile."""
        try:
            from fastce.inference import summary
        except ModuleNotFoundError as error:
            raise NotImplementedError("this commit has no inference") from error
        set_threads(threads)
        n, p, n_classes = parse(shape)
        X, y = random_rows(n, p, n_classes, dtype)
        # Labels of which some are wrong: no class can be separated.
        y = np.where(np.arange(n) % 3 == 0, np.arange(n) // 3 % n_classes, y)
        model = LogisticRegression(C=np.inf).fit(X, y)
        self.n_bytes = X.nbytes
        self.call = lambda: summary(model, X, y, cov_type=cov_type)
        self.call()

    def time_summary(self, *_):
        """From the fitted model to the table."""
        self.call()

    def track_bytes_of_x(self, *_):
        """Return the peak of what a call allocates, as a part of X: 1 is a copy of it."""
        return round(peak_bytes(self.call) / self.n_bytes, 2)

    track_bytes_of_x.unit = "times"
