"""An objective and a metric, as boosting libraries call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core.flags import silent
from ._named_loss import Loss

# The least curvature, that of XGBoost's own objectives. Losses that are not convex have negative
# ones, at which a tree would step away from the minimum.
MIN_CURVATURE = 1e-16


def _arguments(first: Any, second: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return scores, labels and weights (None where there are none) of either kind of call.

    The libraries' own functions call with (scores, data set), their scikit-learn classes with
    (labels, scores, weights).
    """
    scores, labels = second, first
    if hasattr(second, "get_label"):
        scores, labels, weight = first, second.get_label(), second.get_weight()
    return scores, labels, None if weight is None or np.size(weight) == 0 else weight


class _Named:
    """What is written of an objective or a metric, and its name, which libraries print."""

    library: str
    loss: Loss

    @property
    def __name__(self) -> str:
        return f"fastce_{self.loss.name}"

    def _written(self, **more: Any) -> str:
        options = {name: value for name, value in (*self.loss.options, *more.items())}
        written = "".join(f", {name}={value!r}" for name, value in options.items())
        return f"fastce.boosting.{self.library}({self.loss.name!r}{written})"


@dataclass(frozen=True, repr=False)
class Metric(_Named):
    """The weighted mean of a loss; smaller is better."""

    library: str
    loss: Loss

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> Any:
        """Return the value as the library's kind of call wants it, with its name where it must."""
        value = self.loss.mean(*_arguments(first, second, sample_weight))
        if self.library == "lightgbm":
            return self.__name__, value, False
        return (self.__name__, value) if hasattr(second, "get_label") else value

    def __repr__(self) -> str:
        """Return what makes it."""
        return f"{self._written()}.metric"


@dataclass(frozen=True, repr=False)
class Objective(_Named):
    """Gradient and Hessian diagonal of a loss; `hessian` is "library" or "exact"."""

    library: str
    loss: Loss
    hessian: str

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """Return gradient and curvature for each score."""
        scores, labels, weight = _arguments(first, second, sample_weight)
        grad, hess = self.loss.grad_and_hess(scores, labels, weight)
        with silent():
            hess *= self._factor(np.shape(scores)[-1])
            np.maximum(hess, hess.dtype.type(MIN_CURVATURE), out=hess)
        return grad, hess

    def _factor(self, n_classes: int) -> float:
        """Return what the library multiplies the Hessian diagonal of its own softmax with."""
        if self.hessian == "exact" or not self.loss.has_classes or n_classes < 2:
            return 1.0
        return 2.0 if self.library == "xgboost" else n_classes / (n_classes - 1)

    @property
    def metric(self) -> Metric:
        """The loss itself, as a metric."""
        return Metric(self.library, self.loss)

    def __repr__(self) -> str:
        """Return what makes it."""
        return self._written(**({} if self.hessian == "library" else {"hessian": self.hessian}))
