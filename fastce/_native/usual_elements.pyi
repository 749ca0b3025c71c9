"""Types of the extension module, for type checkers; usual_elements.pyx has the code."""

from typing import Any

def binary_cross_entropy(
    logits: Any,
    target: Any,
    weight: Any,
    pos_weight: Any,
    ignore_index: Any,
    reduction: Any,
    out: Any,
    wants_grad: bool,
) -> Any: ...
