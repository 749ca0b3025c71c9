"""What a minimiser asks of the function that it minimises; a point where it is evaluated."""

from typing import NamedTuple, Protocol

import numpy as np


class Objective(Protocol):
    """A smooth function of a float64 vector, with a preconditioner.

    A preconditioner is an approximate inverse Hessian, symmetric and positive definite.
    """

    # Values below it are as good as zero: gaps are relative to max(|value|, floor).
    floor: float
    # Whether there must be a minimum; without, a value below the floor is the end.
    has_minimum: bool

    @property
    def is_diagonal(self) -> bool:
        """Tell whether the preconditioner is a diagonal."""

    @property
    def refresh_cost(self) -> float:
        """What `refresh` costs near the minimum, in evaluations of value and gradient."""

    @property
    def exact_cost(self) -> float:
        """What `factor` costs, in evaluations; infinite where it cannot be done."""

    def value_and_grad(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the value and a new gradient array."""

    def hessian_product(self, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Return a new array: the Hessian at `theta` times `vector` (only `newton_cg` calls it)."""

    def precondition(self, vector: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write the preconditioner times `vector` to `out`, which may be `vector`; return `out`."""

    def refresh(self, theta: np.ndarray, near: bool) -> bool:
        """Renew the preconditioner at `theta` if that pays; tell whether it changed.

        With `near`, `theta` is near the minimum and the Hessian there is approximated; without, the
        preconditioner should also serve points further away.
        """

    def factor(self, theta: np.ndarray) -> None:
        """Make the preconditioner the exact inverse Hessian at `theta`."""


class Point(NamedTuple):
    """A vector, and the value and the gradient there."""

    theta: np.ndarray
    value: float
    grad: np.ndarray
