"""The classifier: fit, predict, and the memory a fit takes."""

import warnings

import sklearn.datasets
from sklearn.exceptions import ConvergenceWarning

from fastce.linear_model import LogisticRegression

from .common import DTYPES, SMALL, THREADS, parse, random_rows, set_threads, sizes

# Name -> (X, y), made when asked for. Raw: columns unscaled.
DATA = {
    "breast_cancer": lambda dtype: sklearn.datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda dtype: sklearn.datasets.load_digits(return_X_y=True),
    "correlated, 10000x100, 7 classes": lambda dtype: random_rows(10_000, 100, 7, dtype),
    "sparse, 10000x20000, 2 classes": lambda dtype: random_rows(10_000, 20_000, 2, dtype, density=0.002),
    "sparse, 5000x20000, 20 classes": lambda dtype: random_rows(5_000, 20_000, 20, dtype, density=0.002),
}
if SMALL:
    DATA = {
        "dense": lambda dtype: random_rows(30, 4, 3, dtype),
        "sparse": lambda dtype: random_rows(30, 8, 3, dtype, density=0.5),
    }


class Fit:
    """A fit with the defaults."""

    params = (list(DATA), DTYPES, THREADS)
    param_names = ("data", "dtype", "threads")

    def setup(self, data, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        warnings.simplefilter("ignore", ConvergenceWarning)
        X, self.y = DATA[data](dtype)
        self.X = X.astype(dtype)
        LogisticRegression(max_iter=1).fit(self.X, self.y)

    def time_fit(self, *_):
        """From the null model to the optimum."""
        LogisticRegression().fit(self.X, self.y)


class Fitted:
    """What a fitted model says, and what the fit took. Neither depends on the number of threads."""

    params = (list(DATA), DTYPES)
    param_names = ("data", "dtype")

    def setup(self, data, dtype):
        """Make the data, and fit."""
        warnings.simplefilter("ignore", ConvergenceWarning)
        X, y = DATA[data](dtype)
        self.X = X.astype(dtype)
        self.model = LogisticRegression().fit(self.X, y)

    def time_predict_proba(self, *_):
        """Probabilities of every class."""
        self.model.predict_proba(self.X)

    def track_iterations(self, *_):
        """Count the iterations to the optimum."""
        return int(self.model.n_iter_.max())


class Memory:
    """Peak memory of the process: a fit must not store rows x classes."""

    params = (sizes("200000x10x26", small="30x4x3"), DTYPES)
    param_names = ("rows x columns x classes", "dtype")

    def setup(self, shape, dtype):
        """Make the data."""
        warnings.simplefilter("ignore", ConvergenceWarning)
        n, p, n_classes = parse(shape)
        self.X, self.y = random_rows(n, p, n_classes, dtype)

    def peakmem_data(self, *_):
        """The data alone: what to subtract."""

    def peakmem_fit(self, *_):
        """Data and a fit."""
        LogisticRegression(max_iter=5).fit(self.X, self.y)
