"""`summary`: standard errors of a fitted model's coefficients, from the Hessian at the optimum."""

import warnings
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from .._core import threads
from .._core.blas import one_blas_thread
from .._core.interrupts import interrupts_wait
from ..linear_model import (
    LogisticRegression,
    _parameters,
    _predict,
    _soft_labels,
    _validation,
)
from ..linear_model._namespace import to_numpy
from ._coefficient_table import CoefficientTable

if TYPE_CHECKING:
    from ._likelihood import NoOptimum

COV_TYPES = ("nonrobust", "HC0")
# Most parameters: their covariance and its factor take 800 MB each.
_MAX_PARAMETERS = 10_000
# A model is fitted to the data where its objective is at most this part of itself, or of the null
# model's (at most log K), above the minimum: twice what a fit promises. With a larger `tol` than
# its default, 1e-4, it is as many times as much.
_MAX_GAP, _MAX_GAP_PER_TOL = 2e-6, 2e-2


def summary(
    model: LogisticRegression,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    cov_type: str = "nonrobust",
    reference: Any = None,
    alpha: float = 0.05,
) -> CoefficientTable:
    r"""Return standard errors, z, p-values and confidence intervals of a model's coefficients.

    With the observed information H, the Hessian of the negative log-likelihood at its maximum, the
    covariance of the coefficients is H^-1 ("nonrobust"), or, whatever the distribution of y,
    :math:`H^{-1} (\sum_i g_i g_i^T) H^{-1}` with the gradients g_i of the rows' losses, which are
    independent ("HC0", the sandwich of Huber and White). Both are what statsmodels' ``Logit`` and
    ``MNLogit`` give, for a model with ``C=np.inf``.

    Parameters
    ----------
    model : LogisticRegression
        Fitted, without an L1 penalty.
    X : array-like or sparse matrix (n_samples, n_features)
    y : array-like (n_samples,), or floats (n_samples, n_classes)
    sample_weight : array-like (n_samples,) or None
        What the model was fitted with. A weight counts rows: 2 is the row twice.
    cov_type : {"nonrobust", "HC0"}, default="nonrobust"
        "HC0" for models with `class_weight`, `label_smoothing` or soft labels, whose objective is
        no log-likelihood; there "nonrobust" is refused.
    reference : label of a class or None, default=None
        The class that the others are compared with; None for ``model.classes_[0]``.
    alpha : float, default=0.05
        The confidence intervals leave out the true value with this probability, from 0 to 1.

    Returns
    -------
    CoefficientTable
        Prints as a table; its arrays have a row for each class but the reference.

    Raises
    ------
    ValueError, TypeError
        If an argument breaks its rule, or the model was not fitted to these data or not to its
        optimum. Without a penalty also where no standard errors exist: if columns are linearly
        dependent, or classes separable, so that coefficients grow without bound.

    Notes
    -----
    **Contrasts.** Softmax does not change when a vector is added to the coefficients of all K
    classes, so those of one class cannot be estimated, only their differences. The table has the
    differences from `reference`, ``coef_[k] - coef_[reference]``: what statsmodels and R estimate.
    Their covariance is the inverse of the Hessian with the rows and columns of `reference` left
    out. For another reference it would be ``A V A^T``, with the matrix A that subtracts the new
    reference's row and puts that of the old one, 0, in its place.

    **Penalised models.** With finite C the Hessian is that of the whole objective,
    ``H + I / C`` for two classes; for more its penalty is that of the coefficients with mean 0 over
    the classes, :math:`I - 1 1^T / K` between contrasts. "nonrobust" is then the covariance of the
    posterior, in Laplace's approximation, when coefficients are normal with variance C before;
    intervals are Bayesian, and on average over the coefficients about as often right as they say
    (Nychka 1988). "HC0" is the variance of the penalised estimate around its own mean. Neither
    knows how far the penalty has pulled the estimate towards 0, so p-values are a description, no
    test of the hypothesis that a coefficient is 0. Nor do both know that C was chosen by the same
    data. For tests, fit with ``C=np.inf``.

    **The optimum.** Coefficients are those after some more Newton steps from the model's, so that
    their last digits do not depend on `tol`: they may differ from ``coef_`` by what `tol` allows.

    References
    ----------
    H. White (1982), Maximum likelihood estimation of misspecified models, Econometrica 50.

    D. Nychka (1988), Bayesian confidence intervals for smoothing splines, JASA 83.

    A. Albert, J. A. Anderson (1984), On the existence of maximum likelihood estimates in logistic
    regression models, Biometrika 71.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce.inference import summary
    >>> from fastce.linear_model import LogisticRegression
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[50:, 2:], y[50:]
    >>> model = LogisticRegression(C=np.inf).fit(X, y)
    >>> summary(model, X, y)
    Logistic regression, 100 rows, no penalty
    log-likelihood -10.2818, standard errors from the Hessian
    <BLANKLINE>
    class 2 against 1
                    coef    std err          z      P>|z|     [0.025     0.975]
    intercept     -45.27      13.61      -3.33      0.001     -71.95     -18.59
    x0             5.755      2.306       2.50      0.013      1.235      10.27
    x1             10.45      3.756       2.78      0.005      3.086      17.81
    """
    _check_options(model, cov_type, alpha)
    X, y, sample_weight = to_numpy(X), to_numpy(y), to_numpy(sample_weight)
    soft = _soft_labels.read(y)
    y = y if soft is None else soft.target
    rules = {"multi_output": soft is not None} | _validation.X_RULES
    X, y = validate_data(model, X, y, reset=False, **rules)
    meaning = _meaning(model)
    classes, problem = _validation.make_problem(model, meaning, X, y, sample_weight, soft)
    _check_problem(model, classes, problem, cov_type)
    first = _index_of(reference, classes)
    encoded = classes, problem.target
    counts, n_obs, _ = _validation.row_weights(y, sample_weight, None, encoded)
    total = n_obs
    if model.class_weight is not None:
        _, total, _ = _validation.row_weights(y, sample_weight, model.class_weight, encoded)
    names = _names(model)
    with interrupts_wait():
        from ._likelihood import Likelihood, NoOptimum, find_optimum

    with (
        threads.at_most(_validation.check_n_threads(model.n_threads)),
        one_blas_thread(),
        np.errstate(over="ignore", invalid="ignore"),
    ):
        likelihood = Likelihood(problem, first)
        totals = likelihood.shard.summary().class_weights
        if not totals.all():
            raise ValueError(
                "sample_weight must leave weight to every class; got none in class "
                f"{classes[totals.argmin()]}"
            )
        try:
            coef, intercept = _predict.coefficients(model, X.shape[1])
            optimum = find_optimum(likelihood, coef, intercept)
        except NoOptimum as reason:
            compared = np.delete(classes, first) if len(classes) > 2 else classes[1:]
            raise ValueError(_no_optimum(reason, names, compared, problem)) from None
        _check_fall(model, optimum.fall, optimum.value)
        covariance = optimum.inverse / total
        if cov_type == "HC0":
            weights = np.zeros(len(y))
            n_rows = np.broadcast_to(counts * n_obs, len(y))
            np.divide(np.square(problem.weights * total), n_rows, out=weights, where=n_rows > 0.0)
            products = likelihood.score_products(optimum.theta, weights)
            covariance = covariance @ products @ covariance
        coef = likelihood.contrasts(optimum.theta)
        covariance = likelihood.uncentred(covariance)
        log_likelihood = -total * likelihood.mean_loss(optimum.theta)
    # Two classes have one logit, that of the second.
    coef = -coef if len(classes) == 2 and first == 1 else coef
    return CoefficientTable(
        names=names,
        classes=np.delete(classes, first),
        reference=classes[first],
        coef=np.roll(coef, 1, axis=1) if problem.fit_intercept else coef.copy(),
        covariance=covariance,
        cov_type=cov_type,
        alpha=float(alpha),
        C=meaning.C,
        n_obs=n_obs,
        log_likelihood=log_likelihood,
    )


def _check_options(model: Any, cov_type: Any, alpha: Any) -> None:
    if not isinstance(model, LogisticRegression):
        advice = ""
        if hasattr(model, "steps"):
            advice = "; of a pipeline it is the last step, and X what that step was given"
        raise TypeError(
            "model must be a fitted fastce.linear_model.LogisticRegression; "
            f"got {type(model).__name__}{advice}"
        )
    check_is_fitted(model)
    if cov_type not in COV_TYPES:
        raise ValueError(f"cov_type must be 'nonrobust' or 'HC0'; got {cov_type!r}")
    if not isinstance(alpha, Real) or not 0.0 < float(alpha) < 1.0:
        raise ValueError(f"alpha must be a number between 0 and 1; got {alpha!r}")
    coef, intercept = _predict.coefficients(model, _predict.n_features(model))
    if not np.isfinite(coef).all() or not np.isfinite(intercept).all():
        raise ValueError("model must have finite coefficients")


def _meaning(model: Any) -> _parameters.Meaning:
    """Return what the parameters of a model ask for, of which its fit has warned."""
    if model.penalty in ("l1", "elasticnet") or (model.penalty == "deprecated" and model.l1_ratio):
        if model.C < np.inf:
            raise ValueError(
                "model must be fitted without an L1 penalty: where it holds coefficients at 0 the "
                "objective has no Hessian, and there are no standard errors; got "
                f"penalty={model.penalty!r}, l1_ratio={model.l1_ratio!r}"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meaning = _parameters.understand(model)
    if meaning.intercept_scaling is not None:
        raise ValueError(
            "model must be fitted with another solver than 'liblinear', which penalises the "
            "intercept like a coefficient of a column"
        )
    return meaning


def _check_problem(
    model: Any, classes: np.ndarray, problem: _validation.Problem, cov_type: str
) -> None:
    reasons = {
        "class_weight": model.class_weight is not None,
        "label_smoothing": model.label_smoothing != 0.0,
        "soft labels": problem.target.ndim == 2,
    }
    for reason, holds in reasons.items():
        if cov_type == "nonrobust" and holds:
            raise ValueError(
                f"cov_type must be 'HC0' for a model with {reason}, whose objective is no "
                f"log-likelihood; got {cov_type!r}"
            )
    if not np.array_equal(classes, to_numpy(model.classes_)):
        raise ValueError(f"y must hold the classes of the model, {model.classes_}; got {classes}")
    n_parameters = (len(classes) - 1) * (problem.X.shape[1] + problem.fit_intercept)
    if n_parameters > _MAX_PARAMETERS:
        raise ValueError(
            f"X must have so few columns that the model has at most {_MAX_PARAMETERS} parameters, "
            f"whose covariance is dense; got {n_parameters}"
        )


def _index_of(reference: Any, classes: np.ndarray) -> int:
    if reference is None:
        return 0
    labels = classes.tolist()
    if reference not in labels:
        raise ValueError(f"reference must be one of the classes {classes}; got {reference!r}")
    return labels.index(reference)


def _names(model: Any) -> np.ndarray:
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        names = np.array([f"x{j}" for j in range(_predict.n_features(model))], dtype=object)
    return np.array(["intercept", *names], dtype=object) if model.fit_intercept else names


def _check_fall(model: Any, fall: float, value: float) -> None:
    """Check that a model was at the optimum: the objective fell by `fall` to `value` from there."""
    most = max(_MAX_GAP, _MAX_GAP_PER_TOL * float(model.tol))
    if fall > most * (value + _MAX_GAP * np.log(len(model.classes_))):
        raise ValueError(
            "model must be fitted to these X, y and sample_weight, and to its optimum; got one "
            f"whose objective is {fall / value:.1e} (relative) above the minimum. Pass the data of "
            "the fit, or fit with a smaller tol"
        )


def _no_optimum(
    reason: "NoOptimum", names: np.ndarray, compared: np.ndarray, problem: _validation.Problem
) -> str:
    """Return the sentence for a model without an optimum."""
    offset = int(problem.fit_intercept)
    remedy = "a smaller C" if problem.penalty else "a finite C"
    if reason.column is not None:
        name, others = names[offset + reason.column], [names[offset + j] for j in reason.others]
        what = f"a linear combination of {', '.join(map(repr, others))}"
        if not others:
            what = "constant" if offset else "0 in every row"
        elif offset:
            what += " and a constant"
        return (
            "X must have linearly independent columns, or there are no standard errors; got column "
            f"{name!r}, which is {what}. Leave it out, or fit with {remedy}"
        )
    if reason.separable:
        where = "some coefficients grow"
        if reason.place is not None:
            row, column = reason.place
            name = "intercept" if offset and column == len(names) - 1 else names[offset + column]
            where = f"the coefficient {name!r} of class {compared[row]} grows"
        return (
            "y must hold classes that the columns of X do not separate, or there are no standard "
            f"errors: {where} without bound. Fit with {remedy}"
        )
    return (
        "model must be fitted to these X, y and sample_weight, and to its optimum; found none near "
        "its coefficients. Pass the data of the fit, or fit with a smaller tol"
    )
