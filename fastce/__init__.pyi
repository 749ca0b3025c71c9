"""The public names and their types; written by fastce._tools.stubs, not by hand."""

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from . import boosting as boosting
from . import display as display
from . import inference as inference
from . import linear_model as linear_model
from . import onnx as onnx
from ._core.threads import get_num_threads, set_num_threads
from ._losses.binary_cross_entropy import binary_cross_entropy_with_logits_grad_and_hess
from ._losses.cross_entropy import cross_entropy_grad_and_hess
from ._losses.focal import focal_loss_grad_and_hess
from ._losses.hess_vector import cross_entropy_hess_vector
from ._losses.kl_divergence import kl_divergence_grad_and_hess
from ._losses.poly_loss import poly_loss_grad_and_hess
from ._losses.sigmoid_focal import sigmoid_focal_loss_grad_and_hess
from ._losses.special import log_softmax, softmax
from ._tools.versions import show_versions
from ._tools.warmup import warmup
from .patch import patch_sklearn, unpatch_sklearn

__version__: str
__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_value_and_grad",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_grad_and_hess",
    "binary_cross_entropy_with_logits_value_and_grad",
    "cross_entropy",
    "cross_entropy_grad_and_hess",
    "cross_entropy_hess_vector",
    "cross_entropy_value_and_grad",
    "focal_loss",
    "focal_loss_grad_and_hess",
    "focal_loss_value_and_grad",
    "get_num_threads",
    "kl_divergence",
    "kl_divergence_grad_and_hess",
    "kl_divergence_value_and_grad",
    "linear_cross_entropy",
    "linear_cross_entropy_value_and_grad",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "nll_loss",
    "nll_loss_value_and_grad",
    "patch_sklearn",
    "poly_loss",
    "poly_loss_grad_and_hess",
    "poly_loss_value_and_grad",
    "set_num_threads",
    "show_versions",
    "sigmoid",
    "sigmoid_focal_loss",
    "sigmoid_focal_loss_grad_and_hess",
    "sigmoid_focal_loss_value_and_grad",
    "softmax",
    "unpatch_sklearn",
    "warmup",
]

@overload
def cross_entropy(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
) -> float: ...
@overload
def cross_entropy(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: Literal["none"],
    axis: int = ...,
) -> np.ndarray: ...
@overload
def cross_entropy(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: str = ...,
    axis: int = ...,
) -> float | np.ndarray: ...
@overload
def cross_entropy_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float, np.ndarray]: ...
@overload
def cross_entropy_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: Literal["none"],
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def cross_entropy_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: str = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float | np.ndarray, np.ndarray]: ...
@overload
def binary_cross_entropy_with_logits(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    pos_weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: Literal["mean", "sum"] = ...,
) -> float: ...
@overload
def binary_cross_entropy_with_logits(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    pos_weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: Literal["none"],
) -> np.ndarray: ...
@overload
def binary_cross_entropy_with_logits(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    pos_weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: str = ...,
) -> float | np.ndarray: ...
@overload
def binary_cross_entropy_with_logits_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    pos_weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    out: np.ndarray | None = ...,
) -> tuple[float, np.ndarray]: ...
@overload
def binary_cross_entropy_with_logits_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    pos_weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: Literal["none"],
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def binary_cross_entropy_with_logits_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    pos_weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: str = ...,
    out: np.ndarray | None = ...,
) -> tuple[float | np.ndarray, np.ndarray]: ...
@overload
def focal_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
) -> float: ...
@overload
def focal_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["none"],
    axis: int = ...,
) -> np.ndarray: ...
@overload
def focal_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: str = ...,
    axis: int = ...,
) -> float | np.ndarray: ...
@overload
def focal_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float, np.ndarray]: ...
@overload
def focal_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["none"],
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def focal_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: str = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float | np.ndarray, np.ndarray]: ...
@overload
def sigmoid_focal_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = ...,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: Literal["mean", "sum"] = ...,
) -> float: ...
@overload
def sigmoid_focal_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = ...,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: Literal["none"],
) -> np.ndarray: ...
@overload
def sigmoid_focal_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = ...,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: str = ...,
) -> float | np.ndarray: ...
@overload
def sigmoid_focal_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = ...,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    out: np.ndarray | None = ...,
) -> tuple[float, np.ndarray]: ...
@overload
def sigmoid_focal_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = ...,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: Literal["none"],
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def sigmoid_focal_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    alpha: float | None = ...,
    gamma: float = ...,
    weight: npt.ArrayLike | None = ...,
    ignore_index: int | None = ...,
    reduction: str = ...,
    out: np.ndarray | None = ...,
) -> tuple[float | np.ndarray, np.ndarray]: ...
@overload
def nll_loss(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
) -> float: ...
@overload
def nll_loss(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["none"],
    axis: int = ...,
) -> np.ndarray: ...
@overload
def nll_loss(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: str = ...,
    axis: int = ...,
) -> float | np.ndarray: ...
@overload
def nll_loss_value_and_grad(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float, np.ndarray]: ...
@overload
def nll_loss_value_and_grad(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["none"],
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def nll_loss_value_and_grad(
    log_probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: str = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float | np.ndarray, np.ndarray]: ...
@overload
def binary_cross_entropy(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
) -> float: ...
@overload
def binary_cross_entropy(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    reduction: Literal["none"],
) -> np.ndarray: ...
@overload
def binary_cross_entropy(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    reduction: str = ...,
) -> float | np.ndarray: ...
@overload
def binary_cross_entropy_value_and_grad(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    out: np.ndarray | None = ...,
) -> tuple[float, np.ndarray]: ...
@overload
def binary_cross_entropy_value_and_grad(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    reduction: Literal["none"],
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def binary_cross_entropy_value_and_grad(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = ...,
    reduction: str = ...,
    out: np.ndarray | None = ...,
) -> tuple[float | np.ndarray, np.ndarray]: ...
@overload
def linear_cross_entropy(
    X: Any,
    coef: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    intercept: npt.ArrayLike | None = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: Literal["mean", "sum"] = ...,
) -> float: ...
@overload
def linear_cross_entropy(
    X: Any,
    coef: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    intercept: npt.ArrayLike | None = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: Literal["none"],
) -> np.ndarray: ...
@overload
def linear_cross_entropy(
    X: Any,
    coef: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    intercept: npt.ArrayLike | None = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: str = ...,
) -> float | np.ndarray: ...
@overload
def linear_cross_entropy_value_and_grad(
    X: Any,
    coef: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    intercept: npt.ArrayLike | None = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: Literal["mean", "sum"] = ...,
    out: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] | None = ...,
) -> tuple[float, np.ndarray | None, np.ndarray, np.ndarray | None]: ...
@overload
def linear_cross_entropy_value_and_grad(
    X: Any,
    coef: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    intercept: npt.ArrayLike | None = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: Literal["none"],
    out: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] | None = ...,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, np.ndarray | None]: ...
@overload
def linear_cross_entropy_value_and_grad(
    X: Any,
    coef: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    intercept: npt.ArrayLike | None = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    label_smoothing: float = ...,
    z_loss: float = ...,
    reduction: str = ...,
    out: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] | None = ...,
) -> tuple[float | np.ndarray, np.ndarray | None, np.ndarray, np.ndarray | None]: ...
@overload
def poly_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
) -> float: ...
@overload
def poly_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["none"],
    axis: int = ...,
) -> np.ndarray: ...
@overload
def poly_loss(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: str = ...,
    axis: int = ...,
) -> float | np.ndarray: ...
@overload
def poly_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float, np.ndarray]: ...
@overload
def poly_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: Literal["none"],
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def poly_loss_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    epsilon: float = ...,
    weight: npt.ArrayLike | None = ...,
    sample_weight: npt.ArrayLike | None = ...,
    ignore_index: int = ...,
    reduction: str = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float | np.ndarray, np.ndarray]: ...
@overload
def kl_divergence(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = ...,
    sample_weight: npt.ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
) -> float: ...
@overload
def kl_divergence(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = ...,
    sample_weight: npt.ArrayLike | None = ...,
    reduction: Literal["none"],
    axis: int = ...,
) -> np.ndarray: ...
@overload
def kl_divergence(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = ...,
    sample_weight: npt.ArrayLike | None = ...,
    reduction: str = ...,
    axis: int = ...,
) -> float | np.ndarray: ...
@overload
def kl_divergence_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = ...,
    sample_weight: npt.ArrayLike | None = ...,
    reduction: Literal["mean", "sum"] = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float, np.ndarray]: ...
@overload
def kl_divergence_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = ...,
    sample_weight: npt.ArrayLike | None = ...,
    reduction: Literal["none"],
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def kl_divergence_value_and_grad(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    temperature: float = ...,
    sample_weight: npt.ArrayLike | None = ...,
    reduction: str = ...,
    axis: int = ...,
    out: np.ndarray | None = ...,
) -> tuple[float | np.ndarray, np.ndarray]: ...
@overload
def logsumexp(
    x: ArrayLike,
    axis: None,
    *,
    b: ArrayLike | None = ...,
    keepdims: Literal[False] = ...,
    return_sign: Literal[False] = ...,
    where: ArrayLike | None = ...,
    out: np.ndarray | None = ...,
) -> np.floating[Any]: ...
@overload
def logsumexp(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = ...,
    *,
    b: ArrayLike | None = ...,
    keepdims: Literal[True],
    return_sign: Literal[False] = ...,
    where: ArrayLike | None = ...,
    out: np.ndarray | None = ...,
) -> np.ndarray: ...
@overload
def logsumexp(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = ...,
    *,
    b: ArrayLike | None = ...,
    keepdims: bool = ...,
    return_sign: Literal[False] = ...,
    where: ArrayLike | None = ...,
    out: np.ndarray | None = ...,
) -> np.ndarray | np.floating[Any]: ...
@overload
def logsumexp(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = ...,
    *,
    b: ArrayLike | None = ...,
    keepdims: bool = ...,
    return_sign: Literal[True],
    where: ArrayLike | None = ...,
    out: np.ndarray | None = ...,
) -> tuple[np.ndarray | np.floating[Any], np.ndarray | np.floating[Any]]: ...
@overload
def sigmoid(
    x: float,
    *,
    out: np.ndarray | None = ...,
) -> np.float64: ...
@overload
def sigmoid(
    x: np.ndarray | Sequence[Any],
    *,
    out: np.ndarray | None = ...,
) -> np.ndarray: ...
@overload
def sigmoid(
    x: ArrayLike,
    *,
    out: np.ndarray | None = ...,
) -> np.ndarray | np.floating[Any]: ...
@overload
def log_sigmoid(
    x: float,
    *,
    out: np.ndarray | None = ...,
) -> np.float64: ...
@overload
def log_sigmoid(
    x: np.ndarray | Sequence[Any],
    *,
    out: np.ndarray | None = ...,
) -> np.ndarray: ...
@overload
def log_sigmoid(
    x: ArrayLike,
    *,
    out: np.ndarray | None = ...,
) -> np.ndarray | np.floating[Any]: ...
