"""Linear classifiers with scikit-learn's interface.

Prediction compiles nothing: Numba is loaded by ``fit`` only.
"""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from .._core import threads
from .._core.blas import one_blas_thread
from .._core.design import Design, as_design
from .._core.interrupts import interrupts_wait
from . import _predict, _validation
from ._separation_warning import warn_of_separation

if TYPE_CHECKING:
    from .._optimize.monitor import Result

__all__ = ["LogisticRegression"]


class LogisticRegression(ClassifierMixin, BaseEstimator):
    r"""Logistic regression, binary or multinomial, that converges whatever the columns' scale.

    Minimises scikit-learn's objective, :math:`C \sum_i s_i \, \ell(y_i, x_i^T W^T + b) + \|W\|^2
    / 2`: the loss is cross-entropy (softmax; for two classes one logit and the sigmoid), s_i
    the weight of a row times the weight of its class, and the intercept b is not penalised. Solved
    in float64, also for float32 data, by L-BFGS and Newton's method with a preconditioner made from
    second moments of the columns, hence columns need not be scaled. X is neither copied nor
    converted when it is float32 or float64, in any memory order, or CSR.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, above zero; ``np.inf`` for none.
    l1_ratio : float, default=0.0
        Share of an L1 penalty; only 0 is supported so far.
    fit_intercept : bool, default=True
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by label. "balanced": the total weight divided by the number of
        classes and the class's own weight.
    label_smoothing : float, default=0.0
        From 0 to 1: a target is a one-hot row times (1 - label_smoothing) plus label_smoothing /
        n_classes everywhere.
    tol : float, default=1e-4
        The fit ends when the largest absolute entry of the gradient of the mean objective (as
        scikit-learn defines it: the objective divided by C and the sum of weights) is at most `tol`
        and the estimated relative distance to the minimum is at most ``1e-3 * tol``.
    max_iter : int, default=2000
        Most iterations. An iteration takes one pass over X, seldom two; of Newton's method, some
        more.
    solver : {"auto", "lbfgs", "newton-cg", "newton-cholesky"}, default="auto"
        "auto" chooses from shape, sparsity and number of classes, by what the Hessian or an
        approximation costs beside a pass over X: it begins with "lbfgs" unless the Hessian is
        almost free, and goes on with "newton-cg" where that is slow. All end at the same optimum;
        there is no need to set it. "newton-cholesky" factors the Hessian, and is refused where that
        is too large.
    warm_start : bool, default=False
        Start from the previous solution.
    verbose : int, default=0
        Above 0: a line that shows iteration, objective and gradient while it works.
    n_threads : int or None, default=None
        Threads of fit and predictions; None for what `fastce.set_num_threads` says. The result does
        not depend on it.
    random_state : int or None, default=None
        Not used; for interfaces that set it.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    coef_ : ndarray (n_classes, n_features), or (1, n_features) for two classes
        float64 whatever the dtype of X.
    intercept_ : ndarray (n_classes,) or (1,)
    n_iter_ : ndarray (1,), int32
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features,)
        When X has feature names that are all strings.
    loss_history_ : ndarray (n_iter + 1,)
        The mean objective (divided by C and the sum of weights; without a penalty the mean loss) at
        the start and after each iteration.
    grad_norm_ : float
        Largest absolute entry of its gradient at the end.

    Notes
    -----
    ``ConvergenceWarning`` is given only where `max_iter` or the precision of float64 ended the fit
    before its tolerance was reached. With columns far from zero (an offset of a million, say)
    rounding alone keeps the gradient above `tol`; the fit then ends where the estimated distance to
    the minimum says so, and `grad_norm_` tells the gradient.

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

    def __init__(
        self,
        C: float = 1.0,
        *,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        tol: float = 1e-4,
        max_iter: int = 2000,
        solver: str = "auto",
        warm_start: bool = False,
        verbose: int = 0,
        n_threads: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver
        self.warm_start = warm_start
        self.verbose = verbose
        self.n_threads = n_threads
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn wants to know of an estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "LogisticRegression":
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features)
            float32 and float64, dense in any order or CSR, are used as they are; anything else
            becomes float64, or CSR. Squares of its numbers must have finite sums (so up to about
            1e150); columns whose numbers are all below 1e-150 may count as constant.
        y : array-like (n_samples,)
            Class labels, at least two different ones.
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
            If a parameter or an array breaks its rule; the message names it.
        """
        before = dict(vars(self))
        try:
            self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        _validation.check_parameters(self)
        # scikit-learn's sum of X, by which it looks for infinities, may overflow
        with np.errstate(over="ignore", invalid="ignore"):
            X, y = validate_data(self, X, y, **_validation.X_RULES)
        classes, problem = _validation.make_problem(self, as_design(X), y, sample_weight)
        start = _validation.check_warm_start(self, classes)
        settings = _validation.make_settings(self)
        n_threads = _validation.check_n_threads(self.n_threads)
        with interrupts_wait():
            from ._solve import solve

        # Where a number overflows, the result says so: by a step back, or an error.
        with (
            threads.at_most(n_threads),
            one_blas_thread(),
            np.errstate(over="ignore", invalid="ignore"),
        ):
            solution = solve(problem, start, settings)
        self.classes_ = classes
        self.coef_, self.intercept_ = solution.coef, solution.intercept
        self.n_iter_ = np.array([solution.result.n_iter], dtype=np.int32)
        self.loss_history_ = np.array(solution.result.history)
        self.grad_norm_ = solution.result.grad_norm
        if solution.separated:
            warn_of_separation(classes[list(solution.separated)])
        elif not solution.is_optimal:
            self._warn(solution.result, settings.gap_tol)

    def _warn(self, result: "Result", gap_tol: float) -> None:
        gap = f"estimated gap {result.gap:.1e} (at most {gap_tol:g})"
        figures = f"max |gradient| {result.grad_norm:.1e} (tol {self.tol:g}), {gap}"
        if result.grad_norm <= self.tol and result.gap <= gap_tol:
            figures += ", but the objective still fell by more than such a gap"
        if result.status == "max_iter":
            reason = f"stopped after max_iter={self.max_iter} iterations"
            remedy = "Increase max_iter, or tol."
        else:
            reason = "reached the precision of float64"
            remedy = "Increase tol, or centre the columns of X."
        message = f"LogisticRegression {reason}: {figures}. {remedy}"
        # The caller of `fit` is three frames up.
        warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _design(self, X: Any) -> Design:
        """Return X of a prediction, checked."""
        check_is_fitted(self)
        with np.errstate(over="ignore", invalid="ignore"):
            return as_design(validate_data(self, X, reset=False, **_validation.X_RULES))

    def _logits(self, X: Any) -> np.ndarray:
        design = self._design(X)
        with threads.at_most(_validation.check_n_threads(self.n_threads)):
            return _predict.logits(design, self.coef_, self.intercept_)

    def _probabilities(self, X: Any, *, log: bool) -> np.ndarray:
        design = self._design(X)
        with threads.at_most(_validation.check_n_threads(self.n_threads)):
            return _predict.probabilities(design, self.coef_, self.intercept_, log=log)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits of X: (n_samples, n_classes), or for two classes (n_samples,).

        Those of two classes are the logits of ``classes_[1]``.
        """
        logits = self._logits(X)
        return logits.ravel() if logits.shape[1] == 1 else logits

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row of X, (n_samples,)."""
        logits = self._logits(X)
        if logits.shape[1] == 1:
            return self.classes_[(logits[:, 0] > 0).astype(np.intp)]
        return self.classes_[logits.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes, (n_samples, n_classes).

        Small ones keep their digits.
        """
        return self._probabilities(X, log=False)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities, (n_samples, n_classes).

        They are finite also where a probability is rounded to 0.
        """
        return self._probabilities(X, log=True)
