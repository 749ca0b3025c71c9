"""Types of the extension module, for type checkers; usual.pyx has the code."""

from typing import Any

import numpy as np

def cross_entropy(
    logits: Any,
    target: Any,
    weight: Any,
    sample_weight: Any,
    ignore_index: Any,
    label_smoothing: Any,
    z_loss: Any,
    reduction: Any,
    axis: Any,
    out: Any,
    wants_grad: bool,
) -> Any: ...
def sum_of(x: np.ndarray) -> float: ...
