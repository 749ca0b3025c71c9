"""The row-kernel protocol: what a loss gives in its own file for the drivers of this folder.

A loss with numbers of its own has a NamedTuple of them, its parameters. The class of that tuple is
how a driver knows the loss when it is compiled: it calls the protocol's functions with the tuple as
first argument, and `implements` says which function serves which class. None stands for the loss
that a driver computes by itself, cross-entropy. There are three kinds of losses.

**A function of the cross-entropy of class indices** (``softmax.index``): focal loss, poly loss.
With l = -log p_y and a function f that does not decrease, the driver computes

::

    value  = target_weight f(l)
    grad_k = target_weight f'(l) (p_k - [k = y])
    hess_k = target_weight (f'(l) p_k (1 - p_k) + f''(l) (p_k - [k = y])^2)

and the loss gives `derivatives` and `row_value`::

    class Focal(NamedTuple):
        gamma: float

    @implements(derivatives, Focal)
    def _derivatives(loss, cross_entropy, p, q, factor, first, second):
        for i in range(p.size):
            first[i], second[i], factor[i] = ...

    @implements(row_value, Focal)
    def _value(loss, weight, cross_entropy, factor):
        return weight * cross_entropy * factor

    def focal_loss(logits, target, *, gamma=2.0, ...):
        options = RowOptions(weight, sample_weight, ignore_index, reduction=reduction, axis=axis)
        return value(check_rows(logits, target, options, evaluate_rows, INDICES, Focal(gamma)))

**A function of a row's logits and its probabilities as target** (``soft_targets.soft_target``):
the divergence of Kullback and Leibler. The loss gives `rows_of_step`, which writes values,
gradients and Hessian diagonals of a few rows, with whatever that needs: a temperature, the target's
entropy. The driver goes through blocks and steps and adds up the values; the loss itself clears
rows of weight 0. Its public forms call ``check_rows(logits, target, options,
evaluate_soft_targets, PROBABILITIES, parameters)``.

**A function of one logit and its target** (``sigmoid.binary``): sigmoid focal loss. The loss gives
`elements_of_chunk`, to which the driver passes sigmoids and logarithms.

All these functions are compiled with the flags of the kernel that calls them (see
`fastce._core.jit`), so they are plain functions; a loop whose bits must not depend on a row's place
is an `elementwise` function that they call. The public forms are three calls of
`fastce._losses._forms`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload

# ---- what a loss implements ----------------------------------------------------------------------


def derivatives(
    loss: Any,
    cross_entropy: np.ndarray,
    p: np.ndarray,
    q: np.ndarray,
    factor: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
) -> None:
    """Write f'(l) to `first` and q f''(l) to `second`, for each row of a step; all arrays are (n,).

    Given are l = `cross_entropy`, `p` = exp(-l) and `q` = 1 - p, each with all its digits. The
    second derivative is multiplied with q, because it may grow without limit where q goes to 0.
    `factor` is for what `row_value` needs. A row of weight 0 has numbers without meaning here.
    """
    raise NotImplementedError


def row_value(loss: Any, weight: float, cross_entropy: float, factor: float) -> float:
    """Return weight f(l) in float64; `factor` is what `derivatives` wrote for the row."""
    raise NotImplementedError


def rows_of_step(
    loss: Any,
    rows: "SoftRows",
    value: np.ndarray,
    grad: np.ndarray,
    hess: np.ndarray,
    scratch: "Scratch",
) -> None:
    """Write values (n,) in float64, gradient and Hessian diagonal (n, K) of the rows of a step.

    `grad` and `hess` have no rows where they are not wanted; without a gradient there is no Hessian
    diagonal. A row of sample weight 0 becomes 0, whatever it holds. `grad` may be the memory of the
    logits, so these are read before it is written.
    """
    raise NotImplementedError


def elements_of_chunk(
    loss: Any,
    elements: "Elements",
    ignore: Any,
    sigmoids: "Sigmoids",
    value: np.ndarray,
    grad: np.ndarray,
    hess: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """Write values, before the factor, and derivatives, multiplied with it, of a chunk of elements.

    `grad` and `hess` have no elements where they are not wanted; without a gradient there is no
    Hessian diagonal. An element whose target is `ignore` gets zeros (None: there is none). scratch
    (2, length of a chunk or more) is free memory.
    """
    raise NotImplementedError


# Numba removes a branch on ``x is None`` where x is an argument, but not where it is a field: a
# function that has to know whether a field is None passes it to another one as an argument.


class SoftRows(NamedTuple):
    """Logits x and probabilities `target` (n, K) of a step, and weights of rows (n,).

    The weights are float64 and hold the factor of the mean.
    """

    x: Any
    target: Any
    sample_weight: Any


class Scratch(NamedTuple):
    """Free memory of the dtype of the logits: rows (n, K), and weight, row_max, rest and logs (n,).

    They are what `intrinsics.weighted_softmax` takes.
    """

    rows: Any
    weight: Any
    row_max: Any
    rest: Any
    logs: Any


class Elements(NamedTuple):
    """Logits and targets of a chunk, the weights of t and 1 - t (None where all are 1), all (n,).

    `factor` is what derivatives are multiplied with, 1 / divisor of the mean.
    """

    x: Any
    target: Any
    positive_weight: Any
    negative_weight: Any
    factor: Any


class Sigmoids(NamedTuple):
    """``small = sigmoid(-|x|), large = sigmoid(|x|), tail = log1p(exp(-|x|))`` of a chunk."""

    small: Any
    large: Any
    tail: Any


# ---- how a driver finds it -----------------------------------------------------------------------


def implements(
    function: Callable[..., Any], loss: type, inline: str = "never"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate an implementation of `function` for losses whose parameters are of class `loss`."""

    def is_loss(parameters: Any) -> bool:
        return getattr(parameters, "instance_class", None) is loss

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        # not strict: Numba would compare the arguments' names with those of `choose`
        @overload(function, strict=False, inline=inline)
        def choose(parameters: Any, *others: Any) -> Callable[..., Any] | None:
            return implementation if is_loss(parameters) else None

        return implementation

    return register
