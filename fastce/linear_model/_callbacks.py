"""Callbacks of scikit-learn 1.9 and later: what they are told of a fit, and when."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from ._namespace import namespace_of
from ._validation import Watch
from ._verbose import FitLine

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
    from sklearn.callback import with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks."""

    with_callbacks = None

__all__ = ["CallbackSupport", "FitTasks", "data_of", "has_callbacks", "watch_of", "with_callbacks"]

# What a callback may ask of an iteration: attributes of the model as if the fit had stopped there.
Attributes = Callable[[], dict[str, Any]]


def has_callbacks(model: Any) -> bool:
    """Tell whether callbacks are set on a model: only then does a fit make tasks for them."""
    return with_callbacks is not None and hasattr(model, "_skl_callbacks")


def data_of(
    model: Any, given: tuple[Any, Any, Any], checked: tuple[np.ndarray, np.ndarray]
) -> dict[str, Any]:
    """Return what callbacks are told of the data of a fit, by the names of their hooks.

    That is what was checked, as with scikit-learn's class, but for arrays of other libraries and
    frames: a model that knows names of columns would warn of the arrays that it is scored on.

    Parameters
    ----------
    model : LogisticRegression
    given : tuple
        X, y and sample_weight as `fit` was given them.
    checked : tuple
        X and y as they were checked.
    """
    (X, y), (given_X, given_y, weight) = checked, given
    if namespace_of(given_X) is not None or hasattr(model, "feature_names_in_"):
        X = given_X
    if namespace_of(given_y) is not None:
        y = given_y
    if isinstance(weight, Real):
        weight = np.full(len(y), float(weight))
    metadata = None if weight is None else {"sample_weight": weight}
    return {"X": X, "y": y, "metadata": metadata}


def watch_of(line: FitLine | None, tasks: "FitTasks | None") -> Watch | None:
    """Return what watches a fit, for its line and its tasks; None where there is neither."""
    if line is None and tasks is None:
        return None
    errors = np.geterr()  # the fit is deaf to overflows, code of the user's is not

    def watch(progress: Any, model_here: Callable[[], tuple[np.ndarray, np.ndarray]]) -> bool:
        with np.errstate(**errors):
            if line is not None:
                line(progress)
            return tasks is not None and tasks(progress, model_here)

    return watch


class FitTasks:
    """The tasks of a fit in scikit-learn's tree: the fit itself, and below it the iterations.

    There is one task for each iteration, and as with scikit-learn's class an empty one at the end,
    for the iteration that was not needed; a fit of no iterations has one that changes nothing. How
    many there will be is not known before: `max_iter` is far more than a fit takes, and a progress
    bar that counts to it would stand near 0 all the time.

    Parameters
    ----------
    model : LogisticRegression
        With callbacks.
    data : dict
        What callbacks get with each task: X, y and metadata.
    solver : str
        The minimiser's name, or "auto", for the names of the tasks.
    attributes : callable
        Turns coef (K, p), intercept (K,) and the number of iterations into attributes of the model.
    """

    def __init__(
        self,
        model: Any,
        data: dict[str, Any],
        solver: str,
        attributes: Callable[[np.ndarray, np.ndarray, int], dict[str, Any]],
    ) -> None:
        self._data = {"estimator": model, **data}
        self._attributes = attributes
        self._name = "iter" if solver == "auto" else f"{solver}-iter"
        self._n_iter = 0
        self._is_stopped = False
        self._fit = model._init_callback_context(max_subtasks=None)
        self._fit.call_on_fit_task_begin(**self._data)
        self._iteration: Any = None

    def __call__(
        self, progress: Any, model_here: Callable[[], tuple[np.ndarray, np.ndarray]]
    ) -> bool:
        """End the task of the iteration that is over and begin the next; tell whether to stop."""

        def attributes() -> dict[str, Any]:
            return self._attributes(*model_here(), progress.n_iter)

        if self._is_stopped:
            return True
        if self._iteration is None:
            self._begin(attributes)
        # A second minimisation, in other coordinates, starts at a point that has been told of.
        elif progress.n_iter not in (0, self._n_iter):
            self._n_iter = progress.n_iter
            self._is_stopped = self._end(attributes)
            if not self._is_stopped:
                self._begin(attributes)
        return self._is_stopped

    def end_iterations(self) -> None:
        """End the task that is left: the model has its attributes now."""
        if self._is_stopped:
            return
        if self._n_iter == 0:
            self._end(dict)
            self._begin(dict)
        self._iteration.call_on_fit_task_end(estimator=self._data["estimator"])

    def end(self) -> None:
        """End the task of the fit: the model is fitted."""
        self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes={})

    def _begin(self, attributes: Attributes) -> None:
        self._iteration = self._fit.subcontext(task_name=self._name)
        self._iteration.call_on_fit_task_begin(**self._data, reconstruction_attributes=attributes)

    def _end(self, attributes: Attributes) -> bool:
        return bool(
            self._iteration.call_on_fit_task_end(**self._data, reconstruction_attributes=attributes)
        )
