"""The three forms of a loss: value; value and gradient; gradient and Hessian diagonal."""

from typing import Any

import numpy as np

from .._core import layout
from ._call import Call


def value(call: Call) -> Any:
    """Return the loss."""
    x = call.layout
    values = np.empty(x.data.shape[0], call.value_dtype) if call.unreduced else None
    total = call.evaluate(call, values, None, None)
    return layout.finish(total, values, call.form.factor, x.value_shape, x.source.dtype)


def value_and_grad(call: Call) -> tuple[Any, np.ndarray]:
    """Return the loss and its gradient."""
    x = call.layout
    values = np.empty(x.data.shape[0], call.value_dtype) if call.unreduced else None
    (out,) = call.outs
    grad = layout.result_data(x, out)
    total = call.evaluate(call, values, grad, None)
    loss = layout.finish(total, values, call.form.factor, x.value_shape, x.source.dtype)
    return loss, layout.from_data(grad, x, out)


def grad_and_hess(call: Call) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian diagonal."""
    x = call.layout
    out_grad, out_hess = call.outs
    grad = layout.result_data(x, out_grad)
    hess = layout.result_data(x._replace(own=False), out_hess)
    call.evaluate(call, None, grad, hess)
    return layout.from_data(grad, x, out_grad), layout.from_data(hess, x, out_hess)
