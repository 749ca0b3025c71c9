"""Arguments of overloads: what is refused when a function is compiled, and arrays as kernels want.

Each refusal is a sentence that names the argument and what to write instead; Numba prints it within
its own report.
"""

from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload

from .._core.jit import kernel

REDUCTIONS = ("mean", "sum", "none")
_FLOATS = (types.float32, types.float64)

# ---- what a type says ----------------------------------------------------------------------------


def constant(kind: Any) -> Any:
    """Return the value of an argument that is a literal or a default; of another one, its type."""
    if isinstance(kind, types.Omitted):
        return kind.value
    return None if isinstance(kind, types.NoneType) else getattr(kind, "literal_value", kind)


def given(kind: Any, default: Any) -> bool:
    """Tell whether an argument may be something else than its default."""
    value = constant(kind)
    return type(value) is not type(default) or value != default


def check_array(kind: Any, name: str) -> None:
    """Refuse what is not a 1-D or 2-D array of float32 or float64."""
    if not (isinstance(kind, types.Array) and kind.dtype in _FLOATS and kind.ndim in (1, 2)):
        raise TypingError(
            f"{name} must be a 1-D or 2-D array of float32 or float64 in compiled code; "
            f"got {kind}. Other dtypes: {name}.astype(np.float64); more dimensions: reshape to "
            "rows first."
        )


def check_axis(kind: Any, ndim: int) -> None:
    """Refuse any axis but the last one."""
    axis = constant(kind)
    if axis not in (-1, ndim - 1):
        raise TypingError(
            f"axis must be the last one, written as -1 or {ndim - 1}, in compiled code; "
            f"got {axis}. Pass the transposed array for another one."
        )


def check_reduction(kind: Any) -> str:
    """Return the reduction."""
    reduction = constant(kind)
    if reduction not in REDUCTIONS:
        raise TypingError(
            "reduction must be written as 'mean', 'sum' or 'none' in the call itself in compiled "
            f"code, since it decides what is returned; got {reduction!r}"
        )
    return reduction


def check_number(kind: Any, name: str) -> None:
    """Refuse what is not a number."""
    value = constant(kind)
    if not isinstance(value, (int, float, types.Float, types.Integer)):
        raise TypingError(f"{name} must be a number; got {value}")


def check_integer(kind: Any, name: str, optional: bool = False) -> None:
    """Refuse what is not an integer (or None, where that is the default)."""
    value = constant(kind)
    if not (isinstance(value, (int, types.Integer)) or (optional and value is None)):
        raise TypingError(f"{name} must be an integer; got {value}")


def check_weights(kind: Any, name: str, ndims: tuple[int, ...]) -> None:
    """Refuse what is neither None nor an array of real numbers with one of these dimensions."""
    if constant(kind) is None or (0 in ndims and isinstance(constant(kind), (int, float))):
        return
    if 0 in ndims and isinstance(kind, types.Float | types.Integer):
        return
    is_array = isinstance(kind, types.Array) and isinstance(kind.dtype, types.Float | types.Integer)
    if not (is_array and kind.ndim in ndims):
        listed = " or ".join(f"{ndim}-D" for ndim in ndims if ndim)
        number = "a number or " if 0 in ndims else ""
        raise TypingError(
            f"{name} must be None or {number}a {listed} array of numbers in compiled code; "
            f"got {kind}. np.asarray makes an array of a list."
        )


def check_out(kind: Any, like: Any) -> None:
    """Refuse results that are not None, or a writeable C-contiguous array like the input."""
    if constant(kind) is None:
        return
    if not (
        isinstance(kind, types.Array)
        and (kind.ndim, kind.dtype, kind.layout) == (like.ndim, like.dtype, "C")
        and kind.mutable
        and kind.aligned
    ):
        raise TypingError(
            f"out must be None or a writeable, C-contiguous {like.ndim}-D array of {like.dtype} "
            f"in compiled code; got {kind}. Leave it out, and copy the result."
        )


# ---- arrays as kernels want them -----------------------------------------------------------------


@intrinsic
def unlocked(typing_context, x):
    """Return an array as one that may be written, which kernels do not do.

    For read-only arrays, another type, all of them would be compiled once more.
    """

    def generate(context, builder, signature, values):
        return impl_ret_borrowed(context, builder, signature.return_type, values[0])

    return x.copy(readonly=False)(x), generate


@kernel
def _copied(x):
    out = np.empty((x.shape[0], x.shape[1]), x.dtype)
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[i, k] = x[i, k]
    return out


@kernel
def _copied_row(x):
    out = np.empty((1, x.size), x.dtype)
    for k in range(x.size):
        out[0, k] = x[k]
    return out


def matrix(x):
    """Return a 1-D or 2-D array as a C-contiguous one of rows (n, K), which is only read."""
    raise NotImplementedError


@overload(matrix)
def _choose_matrix(x):
    if x.layout != "C" or not x.aligned:
        copied = _copied_row if x.ndim == 1 else _copied
        return lambda x: copied(x)
    if x.ndim == 1:
        return lambda x: unlocked(x).reshape((1, x.size))
    return lambda x: unlocked(x)


def result_like(out, x):
    """Return `out`, or memory for a result like the array x where it is None."""
    raise NotImplementedError


@overload(result_like)
def _choose_result_like(out, x):
    if isinstance(out, types.Array):

        def choose(out, x):
            if out.shape != x.shape:
                raise ValueError("out must have the shape of the input")
            first, last = x.ctypes.data, x.ctypes.data + x.size * x.itemsize
            begin, end = out.ctypes.data, out.ctypes.data + out.size * out.itemsize
            # of strided inputs a copy is made before anything is written
            if x.flags.c_contiguous and begin != first and begin < last and first < end:
                raise ValueError("out must be the input itself or not overlap it")
            return out

        return choose
    return lambda out, x: np.empty(x.shape, x.dtype)


def converted(x, like):
    """Return an array as a C-contiguous one of rows (n, K) of the dtype of the array `like`.

    A finite number becomes no infinite one.
    """
    raise NotImplementedError


@kernel
def _converted(x, like):
    out = np.empty((x.shape[0], x.shape[1]), like.dtype)
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[i, k] = x[i, k]
            if np.isinf(out[i, k]) and not np.isinf(x[i, k]):
                raise ValueError("target must be within the range of the dtype of the logits")
    return out


@overload(converted)
def _choose_converted(x, like):
    if x.dtype == like.dtype:
        return lambda x, like: matrix(x)
    if x.ndim == 1:
        return lambda x, like: _converted(np.ascontiguousarray(x).reshape((1, x.size)), like)
    return lambda x, like: _converted(x, like)


def double_matrix(weight):
    """Return weights, None, a number, 1-D or 2-D, as a new float64 array of two dimensions.

    That of None has no rows.
    """
    raise NotImplementedError


@overload(double_matrix)
def _choose_double_matrix(weight):
    if isinstance(weight, types.NoneType | types.Omitted):
        return lambda weight: np.empty((0, 0))
    if isinstance(weight, types.Array) and weight.ndim == 2:

        def choose(weight):
            out = np.empty((weight.shape[0], weight.shape[1]))
            for i in range(weight.shape[0]):
                for k in range(weight.shape[1]):
                    out[i, k] = weight[i, k]
            return out
    elif isinstance(weight, types.Array):

        def choose(weight):
            out = np.empty((1, weight.size))
            for k in range(weight.size):
                out[0, k] = weight[k]
            return out
    else:

        def choose(weight):
            out = np.empty((1, 1))
            out[0, 0] = weight
            return out

    return choose


def values_like(values, logits):
    """Return float64 values of rows in the dtype of the logits; of 1-D logits, the one number."""
    raise NotImplementedError


@overload(values_like)
def _choose_values_like(values, logits):
    if logits.ndim == 1:
        return lambda values, logits: logits.dtype.type(values[0])

    def choose(values, logits):
        out = np.empty(values.size, logits.dtype)
        for i in range(values.size):
            out[i] = values[i]
        return out

    return choose
