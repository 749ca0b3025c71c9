"""Arrays of other libraries, under scikit-learn's ``array_api_dispatch``: computed by NumPy.

Without that setting they are what ``numpy.asarray`` makes of them.
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn import get_config


class Namespace(NamedTuple):
    """A library of arrays, and a device of it: where results go."""

    xp: Any
    device: Any

    def put(self, array: np.ndarray) -> Any:
        """Return an array there; text has no place but NumPy."""
        if array.dtype.kind not in "biufc":
            return array
        return _move_to(np.ascontiguousarray(array), xp=self.xp, device=self.device)


def namespace_of(X: Any) -> Namespace | None:
    """Return where X is; None for NumPy, and for what becomes a NumPy array anyway."""
    if not _is_foreign(X) or not get_config()["array_api_dispatch"]:
        return None
    from sklearn.utils import _array_api

    xp, is_compliant = _array_api.get_namespace(X)
    if not is_compliant or _array_api._is_numpy_namespace(xp):
        return None
    return Namespace(xp, _array_api.device(X))


def to_numpy(array: Any) -> Any:
    """Return an array of another library as NumPy's; anything else is returned as it is.

    A torch tensor with a gradient is taken without it: none flows through what NumPy computes.

    Raises
    ------
    ValueError
        If NumPy cannot have it: sparse tensors, and dtypes that NumPy has not.
    """
    if not _is_foreign(array):
        return array
    if getattr(array, "requires_grad", False):
        array = array.detach()
    there = namespace_of(array)
    try:
        return np.asarray(array) if there is None else _move_to(array, xp=np, device="cpu")
    except (BufferError, NotImplementedError, RuntimeError, TypeError) as error:
        kind = f"{type(array).__module__}.{type(array).__name__}"
        raise ValueError(
            f"arrays of other libraries must be dense, of a dtype that NumPy has; got a {kind} of "
            f"dtype {getattr(array, 'dtype', None)}: {error}"
        ) from error


def _is_foreign(array: Any) -> bool:
    """Whether something is an array of another library, not NumPy's, nor a list or a table."""
    return hasattr(array, "__dlpack__") and not isinstance(array, np.ndarray)


def _move_to(array: Any, **there: Any) -> Any:
    try:
        from sklearn.utils._array_api import move_to
    except ImportError:
        raise ValueError(
            "X must be a NumPy array where array_api_dispatch is set and scikit-learn is older "
            f"than 1.9; got {type(array).__module__}.{type(array).__name__}"
        ) from None
    return move_to(array, **there)
