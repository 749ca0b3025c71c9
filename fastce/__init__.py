"""fastce: fast classification losses for the CPU, on NumPy arrays.

Each loss returns its value, its gradient and its Hessian diagonal, without a graph, a tensor type
or a framework. The classifier on the same kernels is `fastce.linear_model.LogisticRegression`.

The modules behind these names are loaded when a name is first used, so ``import fastce`` costs
nothing, and what needs no compiler (`softmax`, prediction) never loads one.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ._core.interrupts import interrupts_wait

# Not when first used like the others: it watches forks, which may come before the first call.
from ._core.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ._losses.binary_cross_entropy import (
        binary_cross_entropy_with_logits,
        binary_cross_entropy_with_logits_grad_and_hess,
        binary_cross_entropy_with_logits_value_and_grad,
    )
    from ._losses.cross_entropy import (
        cross_entropy,
        cross_entropy_grad_and_hess,
        cross_entropy_value_and_grad,
    )
    from ._losses.focal import (
        focal_loss,
        focal_loss_grad_and_hess,
        focal_loss_value_and_grad,
        sigmoid_focal_loss,
        sigmoid_focal_loss_grad_and_hess,
        sigmoid_focal_loss_value_and_grad,
    )
    from ._losses.linear_cross_entropy import (
        linear_cross_entropy,
        linear_cross_entropy_value_and_grad,
    )
    from ._losses.nll import (
        binary_cross_entropy,
        binary_cross_entropy_value_and_grad,
        nll_loss,
        nll_loss_value_and_grad,
    )
    from ._losses.special import log_sigmoid, log_softmax, logsumexp, sigmoid, softmax
    from ._tools.versions import show_versions, warmup

# One line a module: a new loss adds its names here and above.
_NAMES_BY_MODULE = {
    "_losses.binary_cross_entropy": (
        "binary_cross_entropy_with_logits",
        "binary_cross_entropy_with_logits_grad_and_hess",
        "binary_cross_entropy_with_logits_value_and_grad",
    ),
    "_losses.cross_entropy": (
        "cross_entropy",
        "cross_entropy_grad_and_hess",
        "cross_entropy_value_and_grad",
    ),
    "_losses.focal": (
        "focal_loss",
        "focal_loss_grad_and_hess",
        "focal_loss_value_and_grad",
        "sigmoid_focal_loss",
        "sigmoid_focal_loss_grad_and_hess",
        "sigmoid_focal_loss_value_and_grad",
    ),
    "_losses.linear_cross_entropy": ("linear_cross_entropy", "linear_cross_entropy_value_and_grad"),
    "_losses.nll": (
        "binary_cross_entropy",
        "binary_cross_entropy_value_and_grad",
        "nll_loss",
        "nll_loss_value_and_grad",
    ),
    "_losses.special": ("log_sigmoid", "log_softmax", "logsumexp", "sigmoid", "softmax"),
    "_tools.versions": ("show_versions", "warmup"),
}
_MODULE_BY_NAME = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_value_and_grad",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_grad_and_hess",
    "binary_cross_entropy_with_logits_value_and_grad",
    "cross_entropy",
    "cross_entropy_grad_and_hess",
    "cross_entropy_value_and_grad",
    "focal_loss",
    "focal_loss_grad_and_hess",
    "focal_loss_value_and_grad",
    "get_num_threads",
    "linear_cross_entropy",
    "linear_cross_entropy_value_and_grad",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "nll_loss",
    "nll_loss_value_and_grad",
    "set_num_threads",
    "show_versions",
    "sigmoid",
    "sigmoid_focal_loss",
    "sigmoid_focal_loss_grad_and_hess",
    "sigmoid_focal_loss_value_and_grad",
    "softmax",
    "warmup",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_BY_NAME:
        with interrupts_wait():
            value = getattr(importlib.import_module(f".{_MODULE_BY_NAME[name]}", __name__), name)
        globals()[name] = value  # found directly from now on
        return value
    if name == "linear_model":
        with interrupts_wait():
            return importlib.import_module(".linear_model", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "linear_model"])
