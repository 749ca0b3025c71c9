"""What watches a fit, as a callback of the minimiser: from its coordinates to coefficients of X."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .._optimize.monitor import Progress
from ._validation import Settings, Watch

# Turns coef and intercept of some coordinates into new arrays of those of others.
Expand: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def copies(coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coef and intercept as new arrays: the coordinates are those of X."""
    return np.array(coef, order="C"), np.array(intercept)


def parts_of(objective: Any, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return views of a packed vector, coef and intercept; zeros without an intercept."""
    coef, intercept = objective.parts(theta)
    return coef, intercept if intercept.size else np.zeros(len(coef))


def expanding(watch: Watch | None, expand: Expand) -> Watch | None:
    """Return what watches a fit in other coordinates, whose models `expand` turns into X's."""
    if watch is None:
        return None
    return lambda progress, model_here: watch(progress, lambda: expand(*model_here()))


def callback_of(
    settings: Settings, objective: Any, expand: Expand, n_before: int = 0
) -> Callable[[Progress], bool] | None:
    """Return the callback of a minimisation, for what watches the fit, if anything does.

    `expand` turns the objective's coef and intercept into new arrays of those for X; `n_before`
    iterations were made before.
    """
    watch = settings.watch
    if watch is None:
        return None

    def callback(progress: Progress) -> bool:
        theta = progress.theta
        progress = progress._replace(n_iter=n_before + progress.n_iter)
        return watch(progress, lambda: expand(*parts_of(objective, theta)))

    return callback
