"""The parameters of `LogisticRegression`: their rules, what scikit-learn deprecated, their meaning.

Rules, warnings and errors are those of scikit-learn 1.9, in its words.
"""

from functools import cache
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.utils._param_validation import (
    Hidden,
    Interval,
    InvalidParameterError,
    StrOptions,
    make_constraint,
)

from .._optimize import SOLVERS
from ._warnings import warn

# Names of solvers that are not ours: they ask for the optimum that this solver finds.
OTHER_SOLVERS = ("liblinear", "sag", "saga")
# What L1 needs: these, and "auto".
_L1_SOLVERS = ("auto", "liblinear", "saga")

CONSTRAINTS: dict[str, list[Any]] = {
    "penalty": [
        StrOptions({"l1", "l2", "elasticnet"}),
        None,
        Hidden(StrOptions({"deprecated"})),
    ],
    "C": [Interval(Real, 0, None, closed="right")],
    "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
    "dual": ["boolean"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "fit_intercept": ["boolean"],
    "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "random_state": ["random_state"],
    "solver": [StrOptions({*SOLVERS, *OTHER_SOLVERS})],
    "max_iter": [Interval(Integral, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "n_jobs": [None, Integral],
    "label_smoothing": [Interval(Real, 0, 1, closed="both")],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
}


class Meaning(NamedTuple):
    """What parameters ask for together.

    Attributes
    ----------
    C : float
        Inverse strength of the L2 penalty, infinite for none.
    solver : str
        One of our solvers.
    intercept_scaling : float or None
        The intercept is a penalised coefficient of a column of this constant, as liblinear has it;
        None for an intercept of its own, or none.
    """

    C: float
    solver: str
    intercept_scaling: float | None


@cache
def _compiled() -> dict[str, list[Any]]:
    return {
        name: [make_constraint(constraint) for constraint in constraints]
        for name, constraints in CONSTRAINTS.items()
    }


def check_parameters(model: Any, defaults: dict[str, Any]) -> None:
    """Raise an error that names the first parameter of a model that breaks its rule.

    It is scikit-learn's InvalidParameterError, which is a ValueError and a TypeError. Defaults need
    no look: most parameters are, and a small fit takes little longer than all these rules.
    """
    if get_config()["skip_parameter_validation"]:
        return
    if model._parameter_constraints is not CONSTRAINTS:  # a subclass has rules of its own
        model._validate_params()
    for name, constraints in _compiled().items():
        value = getattr(model, name)
        if value is not defaults[name] and not any(
            constraint.is_satisfied_by(value) for constraint in constraints
        ):
            _refuse(model, name, value)
    for name in ("C", "tol", "intercept_scaling"):
        _check_range(name, getattr(model, name))
    if isinstance(model.class_weight, dict):
        for label, weight in model.class_weight.items():
            if not (isinstance(weight, Real) and 0.0 <= float(weight) < np.inf):
                raise InvalidParameterError(
                    f"class_weight of class {label!r} must be a number, finite and not negative; "
                    f"got {weight!r}"
                )


def _refuse(model: Any, name: str, value: Any) -> None:
    """Raise scikit-learn's error; a number as the first argument was meant to be C."""
    try:
        model._validate_params()
    except InvalidParameterError as error:
        if name == "penalty" and isinstance(value, Real):
            raise InvalidParameterError(
                f"{error} penalty is the first parameter, as in scikit-learn: "
                f"for the inverse strength write C={value!r}."
            ) from None
        raise
    raise InvalidParameterError(f"{name} must keep its rule; got {value!r}")


def understand(model: Any) -> Meaning:
    """Return what the checked parameters of a model ask for; warn of deprecated ones.

    Raises
    ------
    ValueError
        For parameters that contradict each other, with scikit-learn's sentence; for an L1 penalty.
    """
    penalty = _penalty(model)
    _check_solver(model.solver, penalty, model.dual)
    _warn_of_inconsistency(model, penalty)
    if model.penalty is None and model.C != 1.0:
        warn("Setting penalty=None will ignore the C and l1_ratio parameters", UserWarning)
    if model.n_jobs is not None:
        warn(
            "'n_jobs' has no effect since 1.8 and will be removed in 1.10. "
            f"You provided 'n_jobs={model.n_jobs}', please leave it unspecified.",
            FutureWarning,
        )
    C = np.inf if penalty is None else float(model.C)
    l1_ratio = {"l1": 1.0, "elasticnet": model.l1_ratio}.get(penalty or "", 0.0)
    if l1_ratio and C < np.inf:
        raise ValueError(
            "l1_ratio must be 0, and penalty 'l2' or None: L1 and elastic-net penalties are not "
            f"there yet; got l1_ratio={model.l1_ratio!r}"
            + ("" if model.penalty == "deprecated" else f", penalty={model.penalty!r}")
        )
    has_column = model.solver == "liblinear" and model.fit_intercept
    return Meaning(
        C=C,
        solver="auto" if model.solver in OTHER_SOLVERS else model.solver,
        intercept_scaling=float(model.intercept_scaling) if has_column else None,
    )


def check_liblinear(model: Any, n_classes: int) -> None:
    """Raise scikit-learn's sentence where liblinear is asked for more than two classes."""
    if model.solver == "liblinear" and n_classes > 2:
        raise ValueError(
            "The 'liblinear' solver does not support multiclass classification"
            " (n_classes >= 3). Either use another solver or wrap the "
            "estimator in a OneVsRestClassifier to keep applying a "
            "one-versus-rest scheme."
        )


def _penalty(model: Any) -> str | None:
    """Return the penalty by its deprecated name."""
    if model.penalty != "deprecated":
        warn(
            "'penalty' was deprecated in version 1.8 and will be removed in"
            " 1.10. To avoid this warning, leave 'penalty' set to its default"
            " value and use 'l1_ratio' or 'C' instead."
            " Use l1_ratio=0 instead of penalty='l2',"
            " l1_ratio=1 instead of penalty='l1',"
            " l1_ratio set to a float between 0 and 1 instead of"
            " penalty='elasticnet', and C=np.inf instead of penalty=None.",
            FutureWarning,
        )
        return model.penalty
    if model.l1_ratio is None:
        warn(
            "'l1_ratio=None' was deprecated in version 1.8 and will "
            "trigger an error in 1.10. Use 0<=l1_ratio<=1 instead.",
            FutureWarning,
        )
    if model.C == np.inf:
        return None
    if model.l1_ratio is None or model.l1_ratio == 0:
        return "l2"
    return "l1" if model.l1_ratio == 1 else "elasticnet"


def _check_solver(solver: str, penalty: str | None, dual: bool) -> None:
    """Raise scikit-learn's error where a solver cannot have a penalty, or the dual problem."""
    if solver not in _L1_SOLVERS and penalty not in ("l2", None):
        raise ValueError(
            f"Solver {solver} supports only 'l2' or None penalties, got {penalty} penalty."
        )
    if solver != "liblinear" and dual:
        raise ValueError(f"Solver {solver} supports only dual=False, got dual={dual}")
    if solver == "liblinear" and penalty == "elasticnet":
        raise ValueError(f"Only 'saga' solver supports elasticnet penalty, got solver={solver}.")
    if solver == "liblinear" and penalty is None:
        raise ValueError(
            "C=np.inf as well as penalty=None is not supported for the liblinear solver"
        )


def _warn_of_inconsistency(model: Any, penalty: str | None) -> None:
    l1_ratio = model.l1_ratio
    if penalty != "elasticnet" and l1_ratio is not None and 0 < l1_ratio < 1:
        warn(
            "l1_ratio parameter is only used when penalty is 'elasticnet'. "
            f"Got (penalty={penalty})",
            UserWarning,
        )
    if (model.penalty == "l2" and l1_ratio != 0) or (model.penalty == "l1" and l1_ratio != 1):
        warn(
            f"Inconsistent values: penalty={model.penalty} with l1_ratio={l1_ratio}. "
            "penalty is deprecated. Please use l1_ratio only.",
            UserWarning,
        )
    if penalty == "elasticnet" and l1_ratio is None:
        raise ValueError("l1_ratio must be specified when penalty is elasticnet.")


def _check_range(name: str, value: Any) -> None:
    try:
        float(value)
    except OverflowError:
        raise InvalidParameterError(
            f"{name} must be in the range of floats; got an integer beyond it"
        ) from None
