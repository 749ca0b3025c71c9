"""Linear classifiers with scikit-learn's interface.

Prediction compiles nothing: Numba is loaded by ``fit`` only.
"""

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .._core import checks as _checks
from .._core import threads as _threads
from .._core.blas import one_blas_thread
from .._core.pool import split
from .._core.interrupts import interrupts_wait
from .._linear import curvature as _curvatures
from .._native import rowwise as _rowwise

__all__ = ["LogisticRegression"]

# The certified gap is this part of tol: with the default tol = 1e-4 it is 1e-7. Where the inverse
# Hessian is a poor one (a diagonal, a sample's), the estimate was seen up to 59 times too low; the
# value's own fall is looked at as well then, so that the objective ends within about 1e-6 of its
# minimum.
_GAP_OF_TOL = 1e-3
# Where float64 has no more to give, an entry of the gradient is small enough up to here, or where a
# step along it alone gains no more than this part of the objective.
_SMALL_GRADIENT, _NO_GAIN = 1e-4, 1e-10
_SOLVERS = "auto", "lbfgs", "newton-cg", "newton-cholesky"
_X_RULES: dict[str, Any] = {
    "accept_sparse": "csr",
    "accept_large_sparse": True,
    "dtype": [np.float64, np.float32],
}


class LogisticRegression(ClassifierMixin, BaseEstimator):
    r"""Logistic regression, binary or multinomial, that ends at the optimum whatever the scale of the columns.

    Minimises scikit-learn's objective, :math:`C \sum_i s_i \, \ell(y_i, x_i^T W^T + b) + \tfrac12
    \|W\|^2`: the loss is cross-entropy (softmax; for two classes one logit and the sigmoid), s_i
    the weight of a row times the weight of its class, and the intercept b is not penalised. Solved
    in float64, also for float32 data, by L-BFGS and Newton's method around an inverse Hessian made
    from second moments of the columns, hence columns need not be scaled. X is neither copied nor
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
    coef_ : ndarray (n_classes, n_features), or (1, n_features) for two classes; float64 whatever the dtype of X
    intercept_ : ndarray (n_classes,) or (1,)
    n_iter_ : ndarray (1,), int32
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features_in_,)
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
    the minimum says so, and `grad_norm_` tells the gradient. With ``C=np.inf`` and separable
    classes there is no minimum: the fit ends when the loss is a millionth of the null model's.

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

    def _check_parameters(self) -> None:
        _check_number(self.C, "C", "above 0", lambda x: x > 0.0)
        _check_number(self.tol, "tol", "finite and above 0", lambda x: 0.0 < x < np.inf)
        _checks.check_fraction(self.label_smoothing, "label_smoothing")
        if not isinstance(self.max_iter, Integral) or isinstance(self.max_iter, bool):
            raise TypeError(f"max_iter must be an integer; got {self.max_iter!r}")
        if self.max_iter < 0:
            raise ValueError(f"max_iter must not be negative; got {self.max_iter}")
        _check_number(
            self.l1_ratio,
            "l1_ratio",
            "equal to 0 (the only value supported so far)",
            lambda x: x == 0.0,
        )
        if self.solver not in _SOLVERS:
            raise ValueError(
                f"solver must be one of {', '.join(map(repr, _SOLVERS))}; got {self.solver!r}"
            )
        for name in ("fit_intercept", "warm_start"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise TypeError(f"{name} must be True or False; got {getattr(self, name)!r}")
        if not isinstance(self.verbose, Integral) or self.verbose < 0:
            raise ValueError(f"verbose must be an integer of at least 0; got {self.verbose!r}")
        is_balanced = isinstance(self.class_weight, str) and self.class_weight == "balanced"
        if isinstance(self.class_weight, dict):
            for label, weight in self.class_weight.items():
                _check_number(
                    weight,
                    f"class_weight of class {label!r}",
                    "finite and not negative",
                    lambda x: 0.0 <= x < np.inf,
                )
        elif not (self.class_weight is None or is_balanced):
            raise ValueError(
                f"class_weight must be a dict, 'balanced' or None; got {self.class_weight!r}"
            )

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
            return self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__ = before
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> "LogisticRegression":
        self._check_parameters()
        X, y = validate_data(self, X, y, **_X_RULES)
        X = _readable(X)
        is_integer = y.dtype.kind in "biu"
        try:
            if not is_integer:
                check_classification_targets(y)
            classes, target = _encode(y)
        except TypeError as error:
            raise TypeError(
                f"y must hold labels of one type, which can be sorted: {error}"
            ) from None
        if is_integer and 2 * classes.size > y.size:
            check_classification_targets(y)  # it only warns of so many, but sorts
        if classes.size < 2:
            raise ValueError(
                f"y must hold at least 2 classes; got 1 class: {classes.tolist()[0]!r}"
            )
        weights, total = self._row_weights(X, y, classes, target, sample_weight)
        penalty = 1.0 / (float(self.C) * total) if float(self.C) * total > 1e-300 else np.inf
        if penalty > 1e300:
            raise ValueError(
                f"C times the sum of the rows' weights must not be that small; got {self.C!r} times {total:g}"
            )

        with interrupts_wait():
            from .._linear import row_space as _rowspace
            from .._linear.loss import LinearLoss
            from .._optimize import minimise as _solvers

        n_threads = self._threads_wanted()
        # What overflows is found where it leads to.
        with (
            one_blas_thread(),
            _threads.at_most(n_threads),
            np.errstate(over="ignore", invalid="ignore"),
        ):
            tol, smoothing = float(self.tol), float(self.label_smoothing)

            def minimise(space: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
                # the result, coefficients and intercept for X, and the gradient's parts for X, or
                # those of its row space
                objective = LinearLoss(
                    X if space is None else space.Y,
                    target,
                    classes.size,
                    weights=weights,
                    penalty=penalty,
                    fit_intercept=bool(self.fit_intercept),
                    label_smoothing=smoothing,
                )
                result = _solvers.minimise(
                    objective,
                    self._start(objective, classes, space),
                    solver=self.solver,
                    tol=tol if space is None else tol / space.largest_stretch,
                    gap_tol=_GAP_OF_TOL * tol,
                    max_iter=int(self.max_iter),
                    callback=_print_progress if self.verbose else None,
                )
                if self.verbose:
                    print(f"  {result.status}", flush=True)
                coef, intercept = objective.parts(result.theta)
                intercept = intercept if self.fit_intercept else np.zeros(coef.shape[0])
                if space is not None:
                    coef, intercept = space.expand(coef, intercept)
                return (
                    result,
                    np.array(coef, order="C"),
                    np.array(intercept),
                    *objective.parts(result.grad),
                )

            def gradient_and_curvatures() -> tuple[np.ndarray, np.ndarray]:
                table = np.ascontiguousarray(coef.T)
                grad, curvatures = _curvatures.gradient_and_curvatures(
                    X, table, intercept, target, smoothing, weights
                )
                return grad, curvatures + penalty

            space = (
                _rowspace.RowSpace(X, centre=bool(self.fit_intercept))
                if _rowspace.pays(X)
                else None
            )
            result, coef, intercept, grad, grad_intercept = minimise(space)
            if space is not None:
                # A row much larger than others may hide them from the row space's coordinates: the
                # gradient for X itself tells.
                own, curvatures = gradient_and_curvatures()
                own += penalty * coef.T
                if _is_nothing(
                    own,
                    curvatures,
                    1.01 * max(tol, space.largest_stretch * result.grad_norm),
                    result.value,
                ):
                    result = result._replace(
                        grad_norm=float(
                            max(np.abs(own).max(), np.abs(grad_intercept).max(initial=0.0))
                        )
                    )
                else:
                    space = None
                    result, coef, intercept, grad, grad_intercept = minimise(space)
        self.classes_ = classes
        self.coef_, self.intercept_ = coef, intercept
        self.n_iter_ = np.array([result.n_iter], dtype=np.int32)
        self.loss_history_ = np.array(result.history)
        self.grad_norm_ = result.grad_norm
        is_small = result.grad_norm <= _SMALL_GRADIENT
        if result.status == "precision" and not is_small and space is None:
            is_small = _is_nothing(
                grad.T, gradient_and_curvatures()[1], _SMALL_GRADIENT, result.value
            )
            is_small &= bool(np.abs(grad_intercept).max(initial=0.0) <= _SMALL_GRADIENT)
        self._warn_unless_converged(result, is_small)
        return self

    def _row_weights(
        self, X: Any, y: np.ndarray, classes: np.ndarray, target: np.ndarray, sample_weight: Any
    ) -> tuple[np.ndarray, float]:
        # weights (n,) or (1,) that sum to one over the rows, and what they summed to before
        if sample_weight is None and self.class_weight is None:
            return np.full(1, 1.0 / X.shape[0]), float(X.shape[0])
        weights = np.ones(X.shape[0])
        if sample_weight is not None:
            try:
                weights = _check_sample_weight(sample_weight, X, dtype=np.float64, copy=True)
            except (TypeError, ValueError) as error:
                raise type(error)(
                    f"sample_weight must be a number, or a number a row: {error}"
                ) from None
            _checks.check_nonnegative(weights, "sample_weight")
            if not weights.any():
                raise ValueError("sample_weight must have an entry above zero; got only zeros")
        if isinstance(self.class_weight, dict):
            weights = (
                weights * compute_class_weight(self.class_weight, classes=classes, y=y)[target]
            )
            if not _checks.check_nonnegative(weights, "class_weight").any():
                raise ValueError(
                    f"class_weight must leave weight to some row; got {self.class_weight!r}"
                )
        elif self.class_weight is not None:
            own = np.bincount(target, weights=weights, minlength=classes.size)
            if not own.all():
                raise ValueError(
                    f"class_weight 'balanced' needs weight in every class; got none in class {classes[own.argmin()]}"
                )
            weights *= (weights.sum() / (classes.size * own))[target]
        total = float(weights.sum())
        return weights / total, total

    def _start(self, objective: Any, classes: np.ndarray, space: Any) -> np.ndarray:
        if not (self.warm_start and hasattr(self, "coef_")):
            return objective.start()
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"y must hold the classes of the previous fit when warm_start is set, {self.classes_}; got {classes}"
            )
        expected = (objective.n_outputs, self.n_features_in_)
        if self.coef_.shape != expected:
            raise ValueError(
                f"coef_ must have shape {expected} when warm_start is set; got shape {self.coef_.shape}"
            )
        return objective.pack(
            *(
                (self.coef_, self.intercept_)
                if space is None
                else space.reduce(self.coef_, self.intercept_)
            )
        )

    def _warn_unless_converged(self, result: Any, is_small: bool) -> None:
        # At the limit of float64 a gradient above tol is no fault of the fit while the objective is
        # at its minimum. What the gap is estimated from may itself be broken there: so no entry of
        # the gradient may promise a gain on its own.
        if result.status == "converged" or (
            result.status == "precision" and is_small and result.gap <= _GAP_OF_TOL * self.tol
        ):
            return
        gap = f"estimated gap {result.gap:.1e} (at most {_GAP_OF_TOL * self.tol:g})"
        figures = f"max |gradient| {result.grad_norm:.1e} (tol {self.tol:g}), {gap}"
        if result.grad_norm <= self.tol and result.gap <= _GAP_OF_TOL * self.tol:
            figures += ", but the objective still fell by more than such a gap"
        if result.status == "max_iter":
            reason, remedy = (
                f"stopped after max_iter={self.max_iter} iterations",
                "Increase max_iter, or tol.",
            )
        else:
            reason, remedy = (
                "reached the precision of float64",
                "Increase tol, or centre the columns of X.",
            )
        warnings.warn(
            f"LogisticRegression {reason}: {figures}. {remedy}", ConvergenceWarning, stacklevel=4
        )

    def _logits(
        self, X: Any, then: Callable[[np.ndarray, int, int], None] | None = None
    ) -> np.ndarray:
        # (n, K), or (n, 1) for two classes; float64. Calls then(logits of rows, first, last) for
        # parts of the rows, on several threads.
        check_is_fitted(self)
        X = _readable(validate_data(self, X, reset=False, **_X_RULES))
        table = np.ascontiguousarray(self.coef_.T, dtype=np.float64)
        intercept = np.ascontiguousarray(
            np.broadcast_to(self.intercept_, table.shape[1:]), dtype=np.float64
        )
        logits = np.empty((X.shape[0], table.shape[1]))

        def rows(first: int, last: int) -> None:
            part = _curvatures.logits(X, first, last, table, intercept, logits[first:last])
            if then is not None:
                then(part, first, last)

        with _threads.at_most(self._threads_wanted()):
            split(rows, len(logits), logits.nbytes + _curvatures.n_bytes(X), min_length=64)
        return logits

    def _threads_wanted(self) -> int | None:
        return (
            None
            if self.n_threads is None
            else _threads.check_num_threads(self.n_threads, "n_threads", optional=True)
        )

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits of X, (n_samples, n_classes), or (n_samples,) for two classes: those of ``classes_[1]``."""
        logits = self._logits(X)
        return logits.ravel() if logits.shape[1] == 1 else logits

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row of X, (n_samples,)."""
        logits = self._logits(X)
        best = (logits[:, 0] > 0).astype(np.intp) if logits.shape[1] == 1 else logits.argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes, (n_samples, n_classes); small ones keep their digits."""
        return self._of_logits(X, _rowwise.sigmoid_flat, _rowwise.softmax_rows)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities, (n_samples, n_classes), finite also where a probability is rounded to 0."""
        return self._of_logits(X, _rowwise.log_sigmoid_flat, _rowwise.log_softmax_rows)

    def _of_logits(
        self, X: Any, flat: Callable[..., None], rows: Callable[..., None]
    ) -> np.ndarray:
        check_is_fitted(self)
        if len(self.coef_) > 1:
            return self._logits(X, lambda logits, first, last: rows(logits, logits))
        columns: dict[int, np.ndarray] = {}

        def both(logits: np.ndarray, first: int, last: int) -> None:
            # Both columns from the logit, not one from the other: 1 - p would lose a small one.
            pair = np.concatenate([-logits[:, 0], logits[:, 0]])
            flat(pair, pair)
            columns[first] = pair.reshape(2, -1)

        self._logits(X, both)
        return np.ascontiguousarray(
            np.concatenate([columns[first] for first in sorted(columns)], axis=1).T
        )


def _encode(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, sorted, and the number of each row's class, int64."""
    if y.dtype.kind in "biu" and y.size:
        low, high = int(y.min()), int(y.max())
        if high - low < max(1 << 12, 4 * y.size) and high < 1 << 63:
            # Classes that lie close together are found without sorting.
            codes = y.astype(np.int64) - low
            is_there = np.zeros(high - low + 1, dtype=bool)
            is_there[codes] = True
            classes = np.array(
                [low + code for code in np.flatnonzero(is_there).tolist()], dtype=y.dtype
            )
            return classes, (np.cumsum(is_there) - 1)[codes]
    classes, target = np.unique(y, return_inverse=True)
    return classes, target.astype(np.int64, copy=False)


def _is_nothing(grad: np.ndarray, curvatures: np.ndarray, most: float, value: float) -> bool:
    # whether no entry of a gradient is larger than `most` and gains more than next to nothing
    return bool(
        np.all(np.abs(grad) <= np.maximum(most, np.sqrt(2.0 * _NO_GAIN * abs(value) * curvatures)))
    )


def _check_number(value: Any, name: str, rule: str, holds: Any) -> None:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, {rule}; got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond floats
        raise ValueError(
            f"{name} must be {rule}; got an integer beyond the range of floats"
        ) from None
    if not holds(number):
        raise ValueError(f"{name} must be {rule}; got {value!r}")


def _readable(X: Any) -> Any:
    """Return X as the block products read it: rarely a copy.

    Dense: aligned, with strides that are whole elements (a field of a structured array has others).
    CSR: one dtype, int32 or int64, in both index arrays.
    """
    if not sparse.issparse(X):
        return (
            X
            if X.flags.aligned and not any(stride % X.itemsize for stride in X.strides)
            else np.array(X)
        )
    _checks.check_csr(X, "X")
    if X.indices.dtype == X.indptr.dtype and X.indices.dtype in (np.int32, np.int64):
        return X
    parts = X.data, X.indices.astype(np.int64, copy=False), X.indptr.astype(np.int64, copy=False)
    result = sparse.csr_array(X.shape, dtype=X.dtype)
    result.data, result.indices, result.indptr = (
        parts  # the constructor would choose the index dtype itself
    )
    return result


def _print_progress(progress: Any) -> None:
    figures = f"objective {progress.value:.9g}  max |gradient| {progress.grad_norm:.1e}  gap {progress.gap:.1e}"
    print(f"\riteration {progress.n_iter:4d}  {figures}", end="", flush=True)
