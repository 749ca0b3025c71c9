"""The table of losses: one row each; the battery in test_losses.py runs over every row.

A new loss is one row here with a naive formula (those that several rows share are in reference.py),
and its own test file for what is peculiar to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import reference

import fastce
from fastce._losses.table import GRAD_AND_HESS, PROBABILITIES, ROWS, loss_named

IGNORED = -100  # the label of entries that are left out
_ANY = np.random.default_rng(0), np.zeros((1, 2)), np.zeros(1, int)


@dataclass(frozen=True)
class Loss:
    """What the battery must know about a loss, beside its line in the package's table.

    make       (rng, n, k, dtype) -> (x, target)
    options    name -> (rng, x, target) -> keyword arguments; the first, "plain", has none, the
               last as many as can stand in one call
    """

    name: str
    function: str
    make: Callable
    reference: Callable
    options: dict = field(default_factory=dict)

    @property
    def by_row(self):
        """Whether there is one value for a row of x, not one for an element."""
        return loss_named(self.function).kind == ROWS

    @property
    def has_hess(self):
        """Whether there is a form that returns gradient and Hessian diagonal."""
        return GRAD_AND_HESS in loss_named(self.function).forms

    @property
    def ignores(self):
        """Whether entries with the label `IGNORED` can be left out."""
        return "ignore_index" in list(self.options.values())[-1](*_ANY)

    @property
    def is_soft(self):
        """Whether the targets are the classes' probabilities."""
        _, target = self.make(np.random.default_rng(0), 1, 2, np.float64)
        return PROBABILITIES in loss_named(self.function).targets and target.ndim == 2

    def value(self, *args, **kwargs):
        """Call the plain form."""
        return getattr(fastce, self.function)(*args, **kwargs)

    def value_and_grad(self, *args, **kwargs):
        """Call the form that returns value and gradient."""
        return getattr(fastce, self.function + "_value_and_grad")(*args, **kwargs)

    def grad_and_hess(self, *args, **kwargs):
        """Call the form that returns gradient and Hessian diagonal."""
        return getattr(fastce, self.function + "_grad_and_hess")(*args, **kwargs)

    def values_shape(self, x):
        """Return the shape of `reduction="none"`."""
        return x.shape[:-1] if self.by_row else x.shape


def _plain(rng, x, target):
    return {}


def _class_weight(rng, x, target):
    return {"weight": rng.uniform(0.2, 3, x.shape[-1])}


def _class_weight_with_zero(rng, x, target):
    weight = rng.uniform(0.2, 3, x.shape[-1])
    if weight.size > 1:
        weight[0] = 0
    return {"weight": weight}


def _sample_weight(rng, x, target):
    return {"sample_weight": rng.uniform(0.2, 3, len(x))}


def _sample_weight_with_zeros(rng, x, target):
    sample_weight = rng.uniform(0.2, 3, len(x))
    sample_weight[1::3] = 0
    return {"sample_weight": sample_weight}


def _ignore(rng, x, target):
    return {"ignore_index": int(target.flat[0])}


def _smoothing(rng, x, target):
    return {"label_smoothing": 0.1}


def _full_smoothing(rng, x, target):
    return {"label_smoothing": 1.0}


def _z_loss(rng, x, target):
    return {"z_loss": 0.01}


def _gamma(gamma):
    return lambda rng, x, target: {"gamma": gamma}


def _together(*makers):
    def make(rng, x, target):
        return {key: value for maker in makers for key, value in maker(rng, x, target).items()}

    return make


def _element_weight(rng, x, target):
    weight = rng.uniform(0.2, 3, x.shape)
    weight[..., ::3] = 0 if x.shape[-1] > 1 else 1
    return {"weight": weight}


def _row_weight(rng, x, target):
    return {"weight": rng.uniform(0.2, 3, (len(x), 1))}


def _pos_weight(rng, x, target):
    return {"pos_weight": rng.uniform(0.2, 3, x.shape[-1])}


def _logits(rng, n, k, dtype):
    return (3 * rng.standard_normal((n, k))).astype(dtype)


def _index(rng, n, k, dtype):
    return _logits(rng, n, k, dtype), rng.integers(0, k, n)


def _index_log_probs(rng, n, k, dtype):
    return np.log(rng.dirichlet(np.ones(k), n) + 1e-3).astype(dtype), rng.integers(0, k, n)


def _soft(rng, n, k, dtype):
    return _logits(rng, n, k, dtype), rng.uniform(0, 2 / k, (n, k)).astype(
        dtype
    )  # the rows do not sum to 1


def _binary(rng, n, k, dtype):
    target = rng.uniform(0, 1, (n, k)).astype(dtype)
    target.flat[::2] = rng.integers(0, 2, target.flat[::2].shape)
    return _logits(rng, n, k, dtype), target


def _binary_probs(rng, n, k, dtype):
    x, target = _binary(rng, n, k, dtype)
    return rng.uniform(0.02, 0.98, x.shape).astype(dtype), target


_INDEX_OPTIONS = {
    "plain": _plain,
    "weight": _class_weight,
    "weight with zero": _class_weight_with_zero,
    "sample_weight": _sample_weight,
    "sample_weight with zeros": _sample_weight_with_zeros,
    "ignore_index": _ignore,
}
_ALL_INDEX = _together(_class_weight, _sample_weight_with_zeros, _ignore)
_SMOOTHING_OPTIONS = {
    "smoothing": _smoothing,
    "smoothing 1": _full_smoothing,
    "smoothing, weight, sample_weight": _together(
        _smoothing, _class_weight_with_zero, _sample_weight_with_zeros
    ),
    "z_loss": _z_loss,
    "z_loss, smoothing, weight, sample_weight": _together(
        _z_loss, _smoothing, _class_weight_with_zero, _sample_weight_with_zeros
    ),
}

LOSSES = [
    Loss(
        name="cross_entropy, index",
        function="cross_entropy",
        make=_index,
        reference=reference.cross_entropy,
        options={
            **_INDEX_OPTIONS,
            **_SMOOTHING_OPTIONS,
            "all": _together(_z_loss, _smoothing, _class_weight, _sample_weight, _ignore),
        },
    ),
    Loss(
        name="cross_entropy, probabilities",
        function="cross_entropy",
        make=_soft,
        reference=reference.cross_entropy,
        options={
            "plain": _plain,
            "weight": _class_weight_with_zero,
            "sample_weight": _sample_weight_with_zeros,
            "smoothing": _smoothing,
            "smoothing 1": _full_smoothing,
            "z_loss": _z_loss,
            "all": _together(
                _z_loss, _smoothing, _class_weight_with_zero, _sample_weight_with_zeros
            ),
        },
    ),
    Loss(
        name="binary_cross_entropy_with_logits",
        function="binary_cross_entropy_with_logits",
        make=_binary,
        reference=reference.binary_cross_entropy_with_logits,
        options={
            "plain": _plain,
            "element weight": _element_weight,
            "row weight": _row_weight,
            "pos_weight": _pos_weight,
            "ignore_index": lambda rng, x, target: {"ignore_index": 1},
            "all": _together(_row_weight, _pos_weight, lambda rng, x, target: {"ignore_index": 0}),
        },
    ),
    Loss(
        name="focal_loss",
        function="focal_loss",
        make=_index,
        reference=reference.focal_loss,
        options={
            **_INDEX_OPTIONS,
            "gamma 0": _gamma(0.0),
            "gamma 1/2": _gamma(0.5),
            "gamma 3, weight": _together(_gamma(3.0), _class_weight_with_zero),
            "all": _together(_gamma(5.5), _ALL_INDEX),
        },
    ),
    Loss(
        name="sigmoid_focal_loss",
        function="sigmoid_focal_loss",
        make=_binary,
        reference=reference.sigmoid_focal_loss,
        options={
            "plain": _plain,
            "element weight": _element_weight,
            "gamma 0": _gamma(0.0),
            "gamma 1/2": _gamma(0.5),
            "gamma 1, no alpha": lambda rng, x, target: {"gamma": 1.0, "alpha": None},
            "gamma 5.5, ignore_index": _together(
                _gamma(5.5), lambda rng, x, target: {"ignore_index": 1}
            ),
            "all": _together(
                _gamma(3.0), _row_weight, lambda rng, x, target: {"alpha": 0.7, "ignore_index": 0}
            ),
        },
    ),
    Loss(
        name="nll_loss",
        function="nll_loss",
        make=_index_log_probs,
        reference=reference.nll_loss,
        options={**_INDEX_OPTIONS, "all": _ALL_INDEX},
    ),
    Loss(
        name="binary_cross_entropy",
        function="binary_cross_entropy",
        make=_binary_probs,
        reference=reference.binary_cross_entropy,
        options={"plain": _plain, "row weight": _row_weight, "all": _element_weight},
    ),
    Loss(
        name="poly_loss",
        function="poly_loss",
        make=_index,
        reference=reference.poly_loss,
        options={
            **_INDEX_OPTIONS,
            "epsilon -1": lambda rng, x, target: {"epsilon": -1.0},
            "epsilon -1/2, weight": _together(
                _class_weight_with_zero, lambda rng, x, target: {"epsilon": -0.5}
            ),
            "epsilon 3, all": _together(
                _class_weight,
                _sample_weight_with_zeros,
                _ignore,
                lambda rng, x, target: {"epsilon": 3.0},
            ),
        },
    ),
    Loss(
        name="kl_divergence",
        function="kl_divergence",
        make=_soft,
        reference=reference.kl_divergence,
        options={
            "plain": _plain,
            "sample_weight": _sample_weight_with_zeros,
            "temperature 4": lambda rng, x, target: {"temperature": 4.0},
            "temperature 1/2, sample_weight": _together(
                _sample_weight, lambda rng, x, target: {"temperature": 0.5}
            ),
        },
    ),
]

CASES = [(loss, option) for loss in LOSSES for option in loss.options]
# Options end before a kernel begins: there they are numbers for each row or element. So what has to
# do with memory and dtypes is tried without options and with all; each option alone in float64.
CORNERS = [(loss, option) for loss, option in CASES if option in ("plain", [*loss.options][-1])]
TYPED_CASES = [(*case, np.float64) for case in CASES] + [(*case, np.float32) for case in CORNERS]
