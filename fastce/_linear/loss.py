"""Mean loss of ``X @ coef.T + intercept`` plus penalty: what the caller of a shard keeps.

A `Shard` adds up rows; here are the penalty, the preconditioner, and the packing of parameters:
(p + 1, K) with the intercept as last row, which is missing without one. Two classes have one logit,
K = 1.
"""

from typing import Any

import numpy as np

from .approximations import TINY_PRIOR
from .preconditioner import Preconditioner
from .shard import Shard

# A value is as good as zero below this part of the null model's. Without a penalty the loss of
# separable data falls towards 0 for ever, as does that of a lone class with weight: there that is
# the end.
_FLOOR = 1e-6
# Keeps logarithms of probabilities finite.
_TINY = 1e-300


class LinearLoss:
    """The objective of a linear classifier: a function of one packed vector (see `Objective`).

    Parameters
    ----------
    X : ndarray or CSR matrix (n, p), float32 or float64, or a design
        See `as_design`; kept, never written.
    target : ndarray (n,), int64, or (n, n_classes), float64
        Classes from 0 to `n_classes` - 1, or their probabilities, C-contiguous: rows that sum to 1.
    n_classes : int
        At least 2.
    weights : ndarray (n,) or (1,), float64
        Rows' weights (of a row, or the same for all), which sum to one.
    penalty : float
        The term penalty ||coef||^2 / 2 is added.
    fit_intercept : bool
    label_smoothing : float

    Attributes
    ----------
    shard : Shard
        All rows.
    class_priors : ndarray (n_classes,)
        The classes' probabilities in the null model.
    null_value : float
        The objective of the null model: of the best intercept, if there is one, and no coef.
    floor : float
        A millionth of it, below which values are as good as zero.
    has_minimum : bool
        Whether there must be a minimum; the classes may also overlap without a penalty.
    """

    def __init__(
        self,
        X: Any,
        target: np.ndarray,
        n_classes: int,
        *,
        weights: np.ndarray,
        penalty: float,
        fit_intercept: bool = True,
        label_smoothing: float = 0.0,
    ) -> None:
        self.shard = Shard(
            X,
            target,
            n_classes,
            weights=weights,
            fit_intercept=fit_intercept,
            label_smoothing=label_smoothing,
        )
        self.penalty, self.fit_intercept = penalty, fit_intercept
        self.n_columns, self.n_outputs = self.shard.n_columns, self.shard.n_outputs
        self.size = self.shard.size
        summary = self.shard.summary()
        # of equal weights, which are 1 / n but for rounding, the exact quotients
        is_equal = weights.size == 1
        parts = summary.class_counts / summary.n_rows if is_equal else summary.class_weights
        priors = (1.0 - label_smoothing) * parts + label_smoothing / n_classes
        self.class_priors = priors / priors.sum()
        self.has_minimum = penalty > 0.0 and bool(self.class_priors.min() > 0.0)
        entropy = -float(self.class_priors @ np.log(np.maximum(self.class_priors, _TINY)))
        self.null_value = entropy if fit_intercept else float(np.log(n_classes))
        self.floor = _FLOOR * self.null_value
        self._preconditioner = Preconditioner(self.shard, self.class_priors, penalty)

    def parts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return views of a packed vector: coef (K, p), and intercept (K,), empty without one."""
        table = theta.reshape(-1, self.n_outputs).T
        coef, intercept = table[:, : self.n_columns], table[:, self.n_columns :]
        return coef, intercept[:, 0] if self.fit_intercept else intercept.ravel()

    def pack(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the packed vector of coef (K, p) and intercept (K,).

        Their mean over the classes becomes zero, where the penalty is least.
        """
        theta = np.empty(self.size)
        own_coef, own_intercept = self.parts(theta)
        several = self.n_outputs > 1
        own_coef[...] = coef - coef.mean(axis=0) if several else coef
        if self.fit_intercept:
            own_intercept[...] = intercept - intercept.mean() if several else intercept
        return theta

    def start(self) -> np.ndarray:
        """Return the packed null model: the classes' logarithmic odds as intercept."""
        log_priors = np.log(np.maximum(self.class_priors, TINY_PRIOR))
        odds = log_priors[1:] - log_priors[:1] if self.n_outputs == 1 else log_priors
        return self.pack(np.zeros((self.n_outputs, self.n_columns)), odds)

    def value_and_grad(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient, packed."""
        return self.shard.value_and_grad(theta, self.penalty)

    def hessian_product(self, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Return the Hessian at `theta` times a vector, packed: one pass over X."""
        return self.shard.hessian_product(theta, vector, self.penalty)

    def precondition(self, vector: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the approximate inverse Hessian times a packed vector, in `out` if it is given."""
        out = np.empty_like(vector) if out is None else out
        tables = vector.reshape(-1, self.n_outputs), out.reshape(-1, self.n_outputs)
        self._preconditioner.current.apply(*tables)
        return out

    @property
    def curvature(self) -> float:
        """The mean over the classes of p (1 - p) in the null model."""
        return self._preconditioner.curvature

    @property
    def sum_of_squares(self) -> float:
        """The sum over the columns of their mean squares, about their means with an intercept."""
        return self._preconditioner.sum_of_squares

    @property
    def condition(self) -> float:
        """The condition of the null model's Hessian, columns scaled and centred: see there."""
        return self._preconditioner.condition

    def least_curvature(self, theta: np.ndarray) -> float:
        """Return the least part of a column's curvature in the null model that is left at `theta`.

        It takes a pass over X. NaN without second moments.
        """
        return self._preconditioner.least_curvature(theta)

    @property
    def is_diagonal(self) -> bool:
        """Whether the inverse Hessian is a diagonal, because X has too many columns."""
        return self._preconditioner.gram is None

    @property
    def refresh_cost(self) -> float:
        """What a refresh costs, in passes over X."""
        return self._preconditioner.refresh_cost

    @property
    def exact_cost(self) -> float:
        """What `factor` costs, in passes over X."""
        return self._preconditioner.exact_cost

    def scale_fully(self) -> None:
        """Let a diagonal be that of the Hessian itself from the next `refresh` on."""
        self._preconditioner.is_halfway = False

    def refresh(self, theta: np.ndarray, near: bool = False) -> bool:
        """Renew the inverse Hessian at `theta`; tell whether the shape of X allows it."""
        return self._preconditioner.refresh(theta, near)

    def factor(self, theta: np.ndarray) -> None:
        """Make the inverse Hessian the exact one at `theta`."""
        self._preconditioner.factor(theta)
