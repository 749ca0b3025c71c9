"""Types of the extension module, for type checkers; usual_nll.pyx has the code."""

from typing import Any

def nll(
    log_probs: Any,
    target: Any,
    weight: Any,
    sample_weight: Any,
    ignore_index: Any,
    reduction: Any,
    axis: Any,
    out: Any,
    wants_grad: bool,
    split: Any,
) -> Any: ...
