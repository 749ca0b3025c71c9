"""The classifier: fit, predict, and the memory a fit takes."""

import warnings

import numpy as np
import scipy.special
import sklearn.datasets
import sklearn.linear_model
from sklearn.exceptions import ConvergenceWarning

from fastce.linear_model import LogisticRegression

from .common import (
    DTYPES,
    SMALL,
    THREADS,
    count_passes,
    parse,
    peak_bytes,
    random_rows,
    set_threads,
    sizes,
)

# Name -> (X, y), made when asked for. Raw: columns unscaled.
DATA = {
    "breast_cancer": lambda dtype: sklearn.datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda dtype: sklearn.datasets.load_digits(return_X_y=True),
    "correlated, 10000x100, 7 classes": lambda dtype: random_rows(10_000, 100, 7, dtype),
    "sparse, 10000x20000, 2 classes": lambda dtype: random_rows(
        10_000, 20_000, 2, dtype, density=0.002
    ),
    "sparse, 5000x20000, 20 classes": lambda dtype: random_rows(
        5_000, 20_000, 20, dtype, density=0.002
    ),
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


class Libraries:
    """A fit on raw columns by fastce and by scikit-learn's solvers.

    Its default runs as it comes, the others to as small a gap as fastce's.
    """

    params = (
        ["fastce", "lbfgs", "newton-cholesky", "newton-cg"],
        [name for name in DATA if "sparse" not in name],
    )
    param_names = ("solver", "data")

    def setup(self, solver, data):
        """Make the data, and compile."""
        warnings.simplefilter("ignore")
        self.X, self.y = DATA[data]("float64")
        if solver == "fastce":
            self.make = LogisticRegression
        else:
            options = (
                {} if solver == "lbfgs" else {"solver": solver, "tol": 1e-6, "max_iter": 10_000}
            )
            self.make = lambda: sklearn.linear_model.LogisticRegression(**options)
        self.make().set_params(max_iter=1).fit(self.X, self.y)

    def time_fit(self, *_):
        """One fit."""
        self.make().fit(self.X, self.y)


def objective(model, X, y):
    """Return scikit-learn's objective at C = 1, by SciPy, in float64."""
    logits = X @ model.coef_.T + model.intercept_
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    log_p = scipy.special.log_softmax(logits.astype(np.float64), axis=1)
    return (
        -log_p[np.arange(len(log_p)), np.searchsorted(model.classes_, y)].sum()
        + 0.5 * (model.coef_**2).sum()
    )


class SoftLabels:
    """A fit of probabilities of the classes in place of labels."""

    params = (sizes("10000x100x7", "100000x10x2", small="30x4x3"), DTYPES, THREADS)
    param_names = ("rows x columns x classes", "dtype", "threads")

    def setup(self, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        n, p, n_classes = parse(shape)
        self.X, labels = random_rows(n, p, n_classes, dtype)
        self.y = 0.9 * np.eye(n_classes)[labels] + 0.1 / n_classes
        try:
            self.time_fit()
        except ValueError as error:
            raise NotImplementedError(f"this commit has no soft labels: {error}") from error

    def time_fit(self, *_):
        """From the null model to the optimum."""
        LogisticRegression().fit(self.X, self.y)


class ModelRequestingCallback:
    """A callback of scikit-learn that asks for the model after each iteration, and does nothing."""

    def setup(self, estimator, context):
        """Begin."""

    def teardown(self, estimator, context):
        """End."""

    def on_fit_task_begin(self, estimator, context):
        """Begin a task."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """End a task."""


class IdleCallback(ModelRequestingCallback):
    """One that asks for nothing."""

    def on_fit_task_end(self, estimator, context):
        """End a task."""


class Watched:
    """A fit that callbacks watch: what they cost beside none."""

    params = (["none", "idle", "asks for models"], list(DATA))
    param_names = ("callback", "data")

    def setup(self, callback, data):
        """Make the data, and compile."""
        self.X, self.y = DATA[data]("float64")
        self.model = LogisticRegression()
        if not hasattr(self.model, "set_callbacks"):
            raise NotImplementedError("this commit, or this scikit-learn, has no callbacks")
        if callback != "none":
            idle = callback == "idle"
            self.model.set_callbacks(IdleCallback() if idle else ModelRequestingCallback())
        self.time_fit()

    def time_fit(self, *_):
        """From the null model to the optimum."""
        self.model.fit(self.X, self.y)


class Fitted:
    """What a fitted model says, and what the fit took. Neither depends on the number of threads."""

    params = (list(DATA), DTYPES)
    param_names = ("data", "dtype")

    def setup(self, data, dtype):
        """Make the data, and fit."""
        warnings.simplefilter("ignore", ConvergenceWarning)
        X, self.y = DATA[data](dtype)
        self.X = X.astype(dtype)
        self.model = LogisticRegression().fit(self.X, self.y)

    def time_predict_proba(self, *_):
        """Probabilities of every class."""
        self.model.predict_proba(self.X)

    def track_iterations(self, *_):
        """Count the iterations to the optimum."""
        return int(self.model.n_iter_.max())

    def track_passes(self, *_):
        """Count the passes over X to the optimum: evaluations and products with the Hessian."""
        return count_passes(lambda: LogisticRegression().fit(self.X, self.y))

    def track_gap(self, *_):
        """Return how far the default ends above the optimum, relative to it; 1e-12 is rounding."""
        best = LogisticRegression(tol=1e-9, max_iter=10_000).fit(self.X, self.y)
        # What scikit-learn reaches in some seconds as well: a minimum that is none would be ours
        # twice.
        theirs = sklearn.linear_model.LogisticRegression(tol=1e-8, max_iter=300).fit(
            self.X.astype(np.float64), self.y
        )
        value = objective(self.model, self.X, self.y)
        least = min(value, objective(best, self.X, self.y), objective(theirs, self.X, self.y))
        gap = (value - least) / least
        return gap if gap > 1e-12 or gap != gap else 1e-12

    def track_bytes_of_x(self, *_):
        """Return the peak of what a fit allocates, as a part of X: 1 is a copy of it."""
        X = self.X
        size = (
            X.nbytes
            if isinstance(X, np.ndarray)
            else X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
        )
        return round(peak_bytes(lambda: LogisticRegression().fit(X, self.y)) / size, 2)

    track_iterations.unit = "iterations"
    track_passes.unit = "passes"
    track_gap.unit = "relative"
    track_bytes_of_x.unit = "times"


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
