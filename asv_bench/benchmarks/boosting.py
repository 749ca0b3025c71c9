"""Objectives of boosting libraries: one call, and training beside the built-in objective."""

import numpy as np

from .common import DTYPES, parse, random_labels, random_logits, random_rows, sizes

LOSSES = ["softmax", "focal", "poly"]


def objectives(library):
    """Return the function that makes objectives; asv skips the benchmark where there is none."""
    try:
        from fastce.boosting import lightgbm, xgboost
    except ImportError as error:
        raise NotImplementedError("this commit has no boosting") from error
    return {"xgboost": xgboost, "lightgbm": lightgbm}[library]


class Objective:
    """Gradient and curvature of one round, from scores as the library keeps them."""

    params = (["xgboost", "lightgbm"], LOSSES, sizes("65536x10", "4096x100", small="8x3"), DTYPES)
    param_names = ("library", "loss", "shape", "dtype")

    def setup(self, library, loss, shape, dtype):
        """Make the data, and compile."""
        self.objective = objectives(library)(loss)
        order = "C" if library == "xgboost" else "F"
        self.scores = np.asarray(random_logits(shape, dtype), order=order)
        self.labels = random_labels(*parse(shape)).astype(np.float32)
        self.time_call()

    def time_call(self, *_):
        """Labels and scores, without weights."""
        self.objective(self.labels, self.scores)

    def time_metric(self, *_):
        """The mean of the loss."""
        self.objective.metric(self.labels, self.scores)


class Training:
    """Ten rounds on two threads, with the library's own softmax and with ours."""

    params = (["xgboost", "lightgbm"], ["library", "fastce"], sizes("50000x20x5", small="60x3x3"))
    param_names = ("library", "objective", "rows x columns x classes")

    def setup(self, library, objective, shape):
        """Make the data, and compile."""
        make = objectives(library)
        n, p, n_classes = parse(shape)
        X, y = random_rows(n, p, n_classes, "float32")
        ours = make("softmax") if objective == "fastce" else None
        try:
            trainer = {"xgboost": _xgboost, "lightgbm": _lightgbm}[library]
            self.call = trainer(X, y, n_classes, ours)
        except ImportError as error:
            raise NotImplementedError(str(error)) from error
        self.call()

    def time_training(self, *_):
        """Trees included, which take most of it."""
        self.call()


def _xgboost(X, y, n_classes, objective):
    import xgboost

    data = xgboost.DMatrix(X, y)
    params = {"num_class": n_classes, "nthread": 2, "base_score": 0.5}
    if objective is None:
        params["objective"] = "multi:softprob"
    return lambda: xgboost.train(params, data, 10, obj=objective)


def _lightgbm(X, y, n_classes, objective):
    import lightgbm

    params = {"num_class": n_classes, "num_threads": 2, "verbose": -1}
    params["objective"] = "multiclass" if objective is None else objective
    return lambda: lightgbm.train(params, lightgbm.Dataset(X, y), 10)
