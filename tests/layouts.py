"""The same numbers in every kind of memory that a caller's array may have."""

import numpy as np
from scipy import sparse


def strided(array, *steps):
    """Return the numbers as a view of memory full of NaN, with a step for each axis."""
    shape = [n * abs(step) for n, step in zip(array.shape, steps, strict=True)]
    memory = np.full(shape, np.nan if array.dtype.kind == "f" else 0, array.dtype)
    view = memory[tuple(slice(None, None, step) for step in steps)]
    view[...] = array
    return view


def unaligned(array):
    """Return the numbers at an odd address."""
    memory = np.empty(array.nbytes + 1, np.uint8)[1:]
    view = memory.view(array.dtype).reshape(array.shape)
    view[...] = array
    assert array.size == 0 or not view.flags.aligned
    return view


def read_only(array):
    """Return a copy that must not be written."""
    array = array.copy()
    array.flags.writeable = False
    return array


def byte_swapped(array):
    """Return the numbers in the other byte order."""
    return array.astype(array.dtype.newbyteorder())


# Views that NumPy makes by slicing and transposing: what compiled code sees as strides.
VIEWS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda array: strided(array, *[2, 3, 2, 3][: array.ndim]),
    "strided rows": lambda array: strided(array, 3, *[1] * (array.ndim - 1)),
    "strided columns": lambda array: strided(array, *[1] * (array.ndim - 1), 2),
    "reversed": lambda array: strided(array, *[-1] * array.ndim),
    "reversed rows": lambda array: strided(array, -1, *[1] * (array.ndim - 1)),
    "reversed columns": lambda array: strided(array, *[1] * (array.ndim - 1), -1),
    "reversed and strided": lambda array: strided(array, *[-2, -3, -2, -3][: array.ndim]),
    "transposed and strided": lambda array: strided(array.T, *[2, -2, 2, -2][: array.ndim]).T,
}
# What has to be copied, or must not be written, before compiled code sees it.
OTHERS = {
    "read-only": read_only,
    "byte-swapped": byte_swapped,
    "unaligned": unaligned,
}
LAYOUTS = VIEWS | OTHERS


def csr(index_dtype):
    """Return the layout "CSR matrix with indices of that dtype"."""

    def make(array):
        X = sparse.csr_matrix(array)
        X.indices, X.indptr = X.indices.astype(index_dtype), X.indptr.astype(index_dtype)
        return X

    return make


CSR = {"csr int32": csr(np.int32), "csr int64": csr(np.int64)}
