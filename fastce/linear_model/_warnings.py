"""What a fit warns of: the sentences, and the line of the caller that they point at."""

import sys
import warnings
from typing import NamedTuple

from sklearn.exceptions import ConvergenceWarning


class End(NamedTuple):
    """How a fit ended that is not known to be at its minimum.

    Attributes
    ----------
    solver : str
        The parameter `solver`.
    is_out_of_iterations : bool
        Whether `max_iter` ended it; otherwise the precision of float64 did.
    n_iter, max_iter : int
    value : float
        The mean objective.
    figures : str
        What was measured beside what was asked for.
    """

    solver: str
    is_out_of_iterations: bool
    n_iter: int
    max_iter: int
    value: float
    figures: str


def convergence_message(end: End) -> str:
    """Return the text of a ConvergenceWarning: scikit-learn's sentence first, then our figures.

    Programs filter warnings by how scikit-learn's begin, so these begin as those of the solver that
    was asked for; "auto" stands in the place of scikit-learn's default, "lbfgs".
    """
    if end.is_out_of_iterations:
        reason = f"stopped after max_iter={end.max_iter} iterations"
        remedy = f"Increase the number of iterations (max_iter={end.max_iter}), or tol."
    else:
        reason = "reached the precision of float64"
        remedy = "Increase tol, or centre the columns of X."
    first = _theirs(end)
    return f"{first}\nLogisticRegression {reason}: {end.figures}.\n{remedy}"


def _theirs(end: End) -> str:
    """Return the sentence of scikit-learn's solver."""
    if end.solver == "newton-cg":
        advice = " Increase the number of iterations." if end.is_out_of_iterations else ""
        return f"newton-cg failed to converge at loss = {end.value}.{advice}"
    if end.solver == "newton-cholesky":
        return f"Newton solver did not converge after {end.n_iter} iterations."
    if end.solver == "liblinear":
        advice = ", increase the number of iterations" if end.is_out_of_iterations else ""
        return f"Liblinear failed to converge{advice}."
    if end.solver in ("sag", "saga"):
        why = "The max_iter was reached which means the" if end.is_out_of_iterations else "The"
        return f"{why} coef_ did not converge"
    return f"lbfgs failed to converge after {end.n_iter} iteration(s)."


def warn_of_convergence(end: End) -> None:
    """Give the ConvergenceWarning of a fit."""
    warn(convergence_message(end), ConvergenceWarning)


def warn(message: str, category: type[Warning]) -> None:
    """Warn, and point at the first caller outside this package: the line that called `fit`.

    scikit-learn's decorator for callbacks stands between `fit` and what it calls.
    """
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_ours(module: object) -> bool:
    ours = (__package__ or __name__, "sklearn.callback")
    return isinstance(module, str) and module.startswith(ours)
