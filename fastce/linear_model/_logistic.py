"""Linear classifiers with scikit-learn's interface.

Prediction compiles nothing: Numba is loaded by ``fit`` only.
"""

import inspect
from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model._base import LinearClassifierMixin, SparseCoefMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._core import threads
from .._core.blas import one_blas_thread
from .._core.design import Design, as_design
from .._core.flags import silent
from .._core.interrupts import interrupts_wait
from .._core.version import __version__, is_newer
from .._optimize.status import MAX_ITER, STOPPED
from . import (
    _callbacks,
    _export,
    _html,
    _liblinear,
    _parameters,
    _predict,
    _soft_labels,
    _validation,
    _warnings,
)
from ._namespace import Namespace, namespace_of, to_numpy
from ._separation_warning import warn_of_separation
from ._verbose import FitLine

if TYPE_CHECKING:
    from .._optimize.monitor import Result

__all__ = ["LogisticRegression"]


class LogisticRegression(
    _callbacks.CallbackSupport, LinearClassifierMixin, SparseCoefMixin, BaseEstimator
):
    r"""Logistic regression, binary or multinomial, that converges whatever the columns' scale.

    Minimises scikit-learn's objective, :math:`C \sum_i s_i \, \ell(y_i, x_i^T W^T + b) + \|W\|^2
    / 2`: the loss is cross-entropy (softmax; for two classes one logit and the sigmoid), s_i
    the weight of a row times the weight of its class, and the intercept b is not penalised. Solved
    in float64, also for float32 data, by L-BFGS and Newton's method with a preconditioner made from
    second moments of the columns, hence columns need not be scaled. X is neither copied nor
    converted when it is float32 or float64, in any memory order, or CSR.

    Parameters are scikit-learn's, `label_smoothing` and `n_threads` are ours. Defaults that differ:
    `solver` and `max_iter`.

    Parameters
    ----------
    penalty : {"l2", "l1", "elasticnet"} or None, default="deprecated"
        As scikit-learn has it, deprecated with a FutureWarning: `C` and `l1_ratio` say the same.
        None is ``C=np.inf``; "l1" and "elasticnet" are not there yet.
    C : float, default=1.0
        Inverse strength of the penalty, above zero; ``np.inf`` for none.
    l1_ratio : float, default=0.0
        Share of an L1 penalty; only 0 is there yet, anything else is refused. None is 0, and
        deprecated.
    dual : bool, default=False
        True only for "liblinear"; the optimum is the same.
    tol : float, default=1e-4
        The fit ends when the largest absolute entry of the gradient of the mean objective (as
        scikit-learn defines it: the objective divided by C and the sum of weights) is at most `tol`
        and the estimated relative distance to the minimum is at most ``1e-3 * tol``. 0 asks for all
        that float64 can give.
    fit_intercept : bool, default=True
        Whether there is an intercept.
    intercept_scaling : float, default=1
        Only for "liblinear", whose objective has the intercept penalised: it is `intercept_scaling`
        times the coefficient of one more column, which holds this number.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by label. "balanced": the total weight divided by the number of
        classes and the class's own weight.
    random_state : int, RandomState or None, default=None
        Changes nothing: no fit here draws a number.
    solver : str, default="auto"
        One of "auto", "lbfgs", "newton-cg", "newton-cholesky", "sag", "saga", "liblinear".
        "auto" chooses from shape, sparsity and number of classes, by what the Hessian or an
        approximation costs beside a pass over X: it begins with "lbfgs" unless the Hessian is
        almost free, and goes on with "newton-cg" where that is slow. All end at the same optimum;
        there is no need to set it. "newton-cholesky" factors the Hessian, and is refused where that
        is too large. "sag", "saga" and "liblinear" are the optimum that scikit-learn's solver of
        this name looks for, found our way, as "auto" does; for "liblinear" this is one with a
        penalised intercept (see `intercept_scaling`) and for two classes only.
    max_iter : int, default=2000
        Most iterations. An iteration takes one pass over X, seldom two; of Newton's method, some
        more.
    verbose : int, default=0
        Above 0: iteration, objective and gradient while it works, on the standard output: a line
        that is rewritten on a terminal, some lines elsewhere.
    warm_start : bool, default=False
        Start from the previous solution.
    n_jobs : int or None, default=None
        Has no effect, and is deprecated with a FutureWarning, as in scikit-learn: see `n_threads`.
    label_smoothing : float, default=0.0
        From 0 to 1: a target is a one-hot row times (1 - label_smoothing) plus label_smoothing /
        n_classes everywhere.
    n_threads : int or None, default=None
        Threads of fit and predictions; None for what `fastce.set_num_threads` says. The result does
        not depend on it.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    coef_ : ndarray (n_classes, n_features), or (1, n_features) for two classes
        float64 whatever the dtype of X (in scikit-learn float32 for float32 X): rounded to float32,
        it would be no optimum on columns far from zero. Predictions take what you set instead: an
        array, a list, one dimension for two classes, a sparse matrix (see ``sparsify``).
    intercept_ : ndarray (n_classes,) or (1,)
    n_iter_ : ndarray (1,), int32
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features,)
        Only where X has feature names that are all strings.
    loss_history_ : ndarray (n_iter + 1,)
        The mean objective (divided by C and the sum of weights; without a penalty the mean loss) at
        the start and after each iteration.
    grad_norm_history_ : ndarray (n_iter + 1,)
        Largest absolute entry of its gradient at the same points, by the coordinates in which the
        fit worked: not the columns of X, but combinations of them, where these outnumber the rows
        or are nearly multiples of each other.
    seconds_history_ : ndarray (n_iter + 1,)
        Seconds from the call of ``fit`` to these points.
    grad_norm_ : float
        Largest absolute entry of its gradient at the end, by the columns of X.

    Notes
    -----
    Arrays of other libraries under scikit-learn's ``array_api_dispatch`` are computed by NumPy, on
    the CPU; predictions, coefficients and labels come back as arrays of that library and device. A
    torch tensor with a gradient is taken without it.

    ``ConvergenceWarning`` is given only where `max_iter` or the precision of float64 ended the fit
    before its tolerance was reached. With columns far from zero (an offset of a million, say)
    rounding alone keeps the gradient above `tol`; the fit then ends where the estimated distance to
    the minimum says so, and `grad_norm_` tells the gradient.

    Callbacks of scikit-learn 1.9 are set with ``set_callbacks``, whatever the solver: each
    iteration is a task, for which they get a fitted model if they ask, and a callback that returns
    True ends the fit there, without a warning.

    With ``C=np.inf`` and classes that a linear combination of columns takes apart there is no
    minimum: the fit ends when the loss is a millionth of the null model's, or no longer falls, and
    `SeparationWarning`, a kind of ``ConvergenceWarning``, names the classes. Predictions are right,
    but how large coefficients are means nothing.

    References
    ----------
    J. Nocedal (1980), Updating quasi-Newton matrices with limited storage, Mathematics of
    Computation 35.

    C.-J. Lin, R. C. Weng, S. S. Keerthi (2008), Trust region Newton method for logistic regression,
    JMLR 9.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from fastce.linear_model import LogisticRegression
    >>> X, y = load_wine(return_X_y=True)  # raw columns, from 0.1 to 1680
    >>> model = LogisticRegression().fit(X, y)
    >>> bool(model.grad_norm_ <= 1e-4)
    True
    >>> model.predict(X[:3])
    array([0, 0, 0])
    """

    _parameter_constraints = _parameters.CONSTRAINTS
    _doc_link_module = "fastce"
    _doc_link_template = _html.DOCUMENTATION

    def __init__(
        self,
        penalty: str | None = "deprecated",
        *,
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "auto",
        max_iter: int = 2000,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
        label_smoothing: float = 0.0,
        n_threads: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.label_smoothing = label_smoothing
        self.n_threads = n_threads

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn wants to know of an estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if self.solver == "liblinear":
            tags.classifier_tags.multi_class = False
        return tags

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        return _html.described(super()._get_params_html(*args, **kwargs))

    def _get_fitted_attr_html(self, *args: Any, **kwargs: Any) -> Any:
        return _html.described(super()._get_fitted_attr_html(*args, **kwargs))

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: the attributes, and the version that wrote it."""
        return {**super().__getstate__(), "_fastce_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the attributes of a pickle; parameters that it does not know get their defaults."""
        state = dict(state)
        version = state.pop("_fastce_version", "0.1.0")
        state.pop("_sklearn_version", None)
        if is_newer(version):
            _warnings.warn(
                f"this LogisticRegression was pickled by fastce {version}, which is newer than "
                f"fastce {__version__} here: it may predict something else, or fail",
                UserWarning,
            )
        super().__setstate__({**_DEFAULTS, **state})

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "LogisticRegression":
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features)
            float32 and float64, dense in any order or CSR, are used as they are; anything else
            becomes float64, or CSR. Squares of its numbers must have finite sums (so up to about
            1e150); columns whose numbers are all below 1e-150 may count as constant.
        y : array-like (n_samples,), or floats (n_samples, n_classes)
            Class labels, at least two different ones; or soft labels, the probabilities of the
            classes in rows that sum to 1. Soft labels are fitted as if each row stood there once
            for each class, with its probability as weight; `classes_` are then the names of the
            columns of a frame, sorted, or 0 to n_classes - 1.
        sample_weight : array-like (n_samples,) or None
            Not negative, not all zero. A weight of 2 is the row twice, a weight of 0 is the row
            left out.

        Returns
        -------
        LogisticRegression
            The estimator itself. If fitting fails or is interrupted, the estimator is left as it
            was.

        Raises
        ------
        ValueError, TypeError
            If a parameter or an array breaks its rule; the message names it. That of a parameter is
            scikit-learn's InvalidParameterError, which is both.
        """
        before = dict(vars(self))
        try:
            if _callbacks.has_callbacks(self):
                _callbacks.with_callbacks(type(self)._fit)(self, X, y, sample_weight)
            else:
                self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        started = perf_counter()
        _parameters.check_parameters(self, _DEFAULTS)
        meaning = _parameters.understand(self)
        n_threads = _validation.check_n_threads(self.n_threads)
        given = X, y, sample_weight
        there, there_y = namespace_of(X), namespace_of(y)
        X, y, sample_weight = to_numpy(X), to_numpy(y), to_numpy(sample_weight)
        soft = _soft_labels.read(y)
        y = y if soft is None else soft.target
        # scikit-learn's sum of X, by which it looks for infinities, may overflow
        with silent():
            X, y = validate_data(self, X, y, multi_output=soft is not None, **_validation.X_RULES)
        classes, problem = _validation.make_problem(self, meaning, X, y, sample_weight, soft)
        start = _validation.check_warm_start(self, meaning, classes, X.shape[1])

        def attributes(coef: np.ndarray, intercept: np.ndarray, n_iter: int) -> dict[str, Any]:
            if meaning.intercept_scaling is not None:
                coef, intercept = _liblinear.split(coef, meaning.intercept_scaling)
            return {
                "classes_": _put(there_y, classes),
                "coef_": _put(there, coef),
                "intercept_": _put(there, intercept),
                "n_iter_": _put(there, np.array([n_iter], dtype=np.int32)),
            }

        line = FitLine() if self.verbose else None
        tasks = None
        if _callbacks.has_callbacks(self):
            data = _callbacks.data_of(self, given, (X, y))
            tasks = _callbacks.FitTasks(self, data, meaning.solver, attributes)
        settings = _validation.make_settings(self, meaning, _callbacks.watch_of(line, tasks))
        with interrupts_wait():
            from ._solve import solve

        # Where a number overflows, the result says so: by a step back, or an error.
        with (
            line or nullcontext(),
            threads.at_most(n_threads),
            one_blas_thread(),
            silent(),
        ):
            solution = solve(problem, start, settings)
        result = solution.result
        self.__dict__.update(attributes(solution.coef, solution.intercept, result.n_iter))
        self.loss_history_ = np.array(result.history)
        self.grad_norm_history_ = np.array(result.grad_norms)
        self.seconds_history_ = np.array(result.times) - started
        self.grad_norm_ = result.grad_norm
        if line is not None:
            line.end(result, solution.is_optimal, bool(solution.separated))
        if tasks is not None:
            tasks.end_iterations()
        if solution.separated:
            warn_of_separation(classes[list(solution.separated)])
        elif not solution.is_optimal and result.status != STOPPED:
            self._warn(result, settings.gap_tol)
        if tasks is not None:
            tasks.end()

    def _warn(self, result: "Result", gap_tol: float) -> None:
        gap = f"estimated gap {result.gap:.1e} (at most {gap_tol:g})"
        figures = f"max |gradient| {result.grad_norm:.1e} (tol {self.tol:g}), {gap}"
        if result.grad_norm <= self.tol and result.gap <= gap_tol:
            figures += ", but these estimates have lost their digits or the objective still fell"
        end = _warnings.End(
            solver=self.solver,
            is_out_of_iterations=result.status == MAX_ITER,
            n_iter=result.n_iter,
            max_iter=self.max_iter,
            value=result.value,
            figures=figures,
        )
        _warnings.warn_of_convergence(end)

    def _design(self, X: Any) -> Design:
        """Return X of a prediction, checked."""
        check_is_fitted(self)
        with silent():
            return as_design(validate_data(self, to_numpy(X), reset=False, **_validation.X_RULES))

    def _logits(self, X: Design) -> np.ndarray:
        with threads.at_most(_validation.check_n_threads(self.n_threads)):
            return _predict.logits(X, *_predict.coefficients(self, X.shape[1]))

    def _probabilities(self, X: Any, *, log: bool) -> Any:
        design = self._design(X)
        with threads.at_most(_validation.check_n_threads(self.n_threads)):
            coef, intercept = _predict.coefficients(self, design.shape[1])
            result = _predict.probabilities(design, coef, intercept, log=log)
        return _put(namespace_of(X), _predict.as_float_of(design, result))

    def decision_function(self, X: Any) -> Any:
        """Return the logits of X: (n_samples, n_classes), or for two classes (n_samples,).

        Those of two classes are the logits of ``classes_[1]``. They are float32 for float32 X.
        """
        design = self._design(X)
        logits = _predict.as_float_of(design, self._logits(design))
        return _put(namespace_of(X), logits.ravel() if logits.shape[1] == 1 else logits)

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each row of X, (n_samples,)."""
        logits, classes = self._logits(self._design(X)), to_numpy(self.classes_)
        if logits.shape[1] == 1:
            indices = (logits[:, 0] > 0).astype(np.intp)
        else:
            indices = logits.argmax(axis=1)
        return _put(namespace_of(X), classes[indices])

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes, (n_samples, n_classes).

        Small ones keep their digits. They are float32 for float32 X.
        """
        return self._probabilities(X, log=False)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the probabilities, (n_samples, n_classes).

        They are finite also where a probability is rounded to 0, and float32 for float32 X.
        """
        return self._probabilities(X, log=True)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of the predictions, which needs labels.

        The score of soft labels is ``-fastce.cross_entropy(model.predict_log_proba(X), y)``.

        Parameters
        ----------
        X : array_like or CSR matrix, shape (n_samples, n_features)
        y : array_like of shape (n_samples,)
            The classes.
        sample_weight : array_like of shape (n_samples,), default=None
            A weight for each row.

        Returns
        -------
        float
            The part of the rows, by weight, whose class is the most probable one.

        Raises
        ------
        ValueError
            If y is a table of probabilities.
        """
        _soft_labels.check_no_table(y)
        return float(super().score(X, y, sample_weight))

    def to_sklearn(self) -> Any:
        """Return a fitted scikit-learn LogisticRegression with these coefficients.

        For tools that know scikit-learn's class only, explainers for example: it predicts the same.
        Parameters that both have are carried over, "auto" becoming scikit-learn's default solver;
        another fit would be scikit-learn's. Coefficients that you set are arrays there, sparse ones
        stay sparse. For ONNX there is `fastce.onnx.register`.

        Returns
        -------
        sklearn.linear_model.LogisticRegression

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from fastce.linear_model import LogisticRegression
        >>> X, y = load_iris(return_X_y=True)
        >>> LogisticRegression(C=10.0).fit(X, y).to_sklearn()
        LogisticRegression(C=10.0, max_iter=2000)
        """
        return _export.to_sklearn(self)


def _put(there: Namespace | None, array: np.ndarray) -> Any:
    return array if there is None else there.put(array)


_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(LogisticRegression).parameters.items()
}
