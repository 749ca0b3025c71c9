"""The losses that boosting libraries may be given, and what is asked of each.

A loss here is the name and the options of one of the package's losses. It turns what a library
hands over (scores, labels of a float dtype, weights or none) into a call of it, on one thread: the
library's own threads wait for the next tree, and two pools on the same cores are slower than one.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._core import checks, threads
from .._losses.table import GRAD_AND_HESS, MODULES, ROWS, loss_named


class _Kind(NamedTuple):
    """A loss of the package, and which of its options may be given here."""

    function: str
    options: tuple[str, ...]


KINDS = {
    "softmax": _Kind("cross_entropy", ("weight", "label_smoothing")),
    "focal": _Kind("focal_loss", ("gamma", "weight")),
    "poly": _Kind("poly_loss", ("epsilon", "weight")),
    "sigmoid": _Kind("binary_cross_entropy_with_logits", ("pos_weight",)),
    "sigmoid_focal": _Kind("sigmoid_focal_loss", ("alpha", "gamma")),
}


@dataclass(frozen=True)
class Loss:
    """A loss by its name here, and its options, sorted and hashable."""

    name: str
    options: tuple[tuple[str, Any], ...]

    @property
    def has_classes(self) -> bool:
        """Whether there is a score for each class, not one."""
        return loss_named(KINDS[self.name].function).kind == ROWS

    def _call(self, form: str, scores: Any, labels: Any, weight: Any, reduction: str) -> Any:
        if self.has_classes and np.ndim(scores) != 2:
            raise ValueError(
                f"the loss {self.name!r} must get a score for each class: set the library's number "
                f"of classes (for two, 'sigmoid' takes one score); got shape {np.shape(scores)}"
            )
        function = KINDS[self.name].function + form
        module = importlib.import_module(f"..{MODULES[function]}", __package__)
        options = dict(self.options)
        if self.has_classes:
            options["sample_weight"] = weight
        else:
            labels = np.reshape(labels, np.shape(scores))
            options["weight"] = None if weight is None else np.reshape(weight, np.shape(scores))
        with threads.at_most(1):
            return getattr(module, function)(scores, labels, reduction=reduction, **options)

    def grad_and_hess(
        self, scores: Any, labels: Any, weight: Any
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the derivatives of the sum by the scores, shaped like them."""
        grad, hess = self._call(GRAD_AND_HESS, scores, labels, weight, "sum")
        return grad, hess

    def mean(self, scores: Any, labels: Any, weight: Any) -> float:
        """Return the weighted mean over the rows."""
        total = self._call("", scores, labels, weight, "sum")
        return float(total / (len(scores) if weight is None else np.sum(weight, dtype=np.float64)))


def make_loss(name: Any, options: dict[str, Any]) -> Loss:
    """Return a loss after checking its name and its options; those that are None were not given."""
    if not isinstance(name, str) or name not in KINDS:
        raise ValueError(f"loss must be one of {', '.join(map(repr, KINDS))}; got {name!r}")
    kind = KINDS[name]
    given = {option: value for option, value in options.items() if value is not None}
    for option, value in given.items():
        if option not in kind.options:
            raise ValueError(
                f"{option} must be left alone for the loss {name!r}, which takes "
                f"{' and '.join(kind.options)}; got {value!r}"
            )
    for number in loss_named(kind.function).numbers:
        if number.name in given:
            given[number.name] = checks.check_number(given[number.name], *number)
    for option in ("weight", "pos_weight"):
        if option in given:
            weights = checks.as_float_array(given[option], option)
            if weights.ndim > (option == "weight"):
                raise ValueError(
                    f"{option} must have "
                    f"{'one dimension, a number a class' if option == 'weight' else 'no dimension'}"
                    f"; got shape {weights.shape}"
                )
            checks.check_nonnegative(weights.reshape(-1).astype(np.float64), option, "class")
            given[option] = tuple(weights.tolist()) if weights.ndim else float(weights)
    return Loss(name, tuple(sorted(given.items())))
