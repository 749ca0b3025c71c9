"""The three forms of a loss: value; value and gradient; gradient and Hessian diagonal."""

from typing import Any

import numpy as np

from .._core import layout
from ._call import Call


def value(call: Call) -> Any:
    """Return the loss."""
    x, values = call.layout, _values(call)
    total = call.evaluate(call, values, None, None)
    return layout.finish(total, values, call.form.factor, x.value_shape, x.source.dtype)


def value_and_grad(call: Call) -> tuple[Any, np.ndarray]:
    """Return the loss and its gradient."""
    x, values = call.layout, _values(call)
    (out,) = call.outs
    grad = layout.result_like(x, out)
    total = call.evaluate(call, values, grad, None)
    loss = layout.finish(total, values, call.form.factor, x.value_shape, x.source.dtype)
    return loss, layout.finish_result(grad, x)


def grad_and_hess(call: Call) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian diagonal."""
    x = call.layout
    grad, hess = (layout.result_like(x, out) for out in call.outs)
    call.evaluate(call, None, grad, hess)
    return layout.finish_result(grad, x), layout.finish_result(hess, x)


def _values(call: Call) -> np.ndarray | None:
    return np.empty(call.layout.n, call.value_dtype) if call.unreduced else None
