"""Design matrices: the one place that tells a dense X (n, p) from a CSR matrix.

`as_design` checks X once. What it returns, a `DenseDesign` or a `CsrDesign`, has the same methods
either way: callers ask for products, means and blocks of columns, and never for the format. It
keeps the arrays alive that it was made from, so their addresses may be used as long as it lives.

Nothing here compiles at run time.
"""

from typing import Any, TypeAlias

import numpy as np

from .._native import products
from .checks import is_sparse

# From this part of entries that are stored on, a CSR matrix is treated as if it were dense: pairs
# of stored entries cost more there than products of rows with their zeros.
_MIN_DENSITY = 0.1
# Rows of a dense X are converted to float64 in blocks of this many numbers (512 kB) for their
# weighted mean, so that no copy of X exists.
_MEAN_NUMBERS = 1 << 16


class DenseDesign:
    """A dense X (n, p), float32 or float64: aligned, with strides that are whole elements.

    Attributes
    ----------
    X : ndarray (n, p)
    """

    is_sparse = False
    is_nearly_dense = True

    def __init__(self, X: np.ndarray) -> None:
        self.X = X
        self.shape: tuple[int, int] = X.shape
        self.dtype = X.dtype
        self.n_entries: int = X.size
        self.n_bytes: int = X.nbytes

    def forward(
        self,
        first: int,
        last: int,
        coef: np.ndarray,
        intercept: np.ndarray | None,
        out: np.ndarray,
    ) -> np.ndarray:
        """Write the logits of rows `first` to `last` to `out` and return it.

        Parameters
        ----------
        first, last : int
            The rows are those of ``range(first, last)``.
        coef : ndarray (p, K), float64, C-contiguous
        intercept : ndarray (K,), float64, C-contiguous, or None
        out : ndarray (last - first, K), float64, C-contiguous

        Returns
        -------
        ndarray (last - first, K)
        """
        products.dense_forward(self.X[first:last], coef, intercept, out)
        return out

    def mean(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean (p,) of the rows, with weights (n,) or (1,) that sum to one over them."""
        if weights.size == 1:
            return self.X.mean(axis=0, dtype=np.float64)
        n, p = self.shape
        step = max(1, _MEAN_NUMBERS // p)
        mean = np.zeros(p)
        for first in range(0, n, step):
            mean += weights[first : first + step] @ self.X[first : first + step]
        return mean

    def squared_product(self, first: int, last: int, table: np.ndarray) -> np.ndarray:
        """Return the squares of rows `first` to `last`, transposed, times a table (rows, K)."""
        return np.square(self.X[first:last], dtype=np.float64).T @ table

    def columns(self, first: int, last: int) -> np.ndarray:
        """Return columns `first` to `last` as a dense array (n, last - first), float64."""
        return np.asarray(self.X[:, first:last], dtype=np.float64)

    def matrix(self) -> np.ndarray:
        """Return X."""
        return self.X

    def rows(self, first: int, last: int, step: int = 1) -> "DenseDesign":
        """Return the rows of ``range(first, last, step)``: a view."""
        return DenseDesign(self.X[first:last:step])


class CsrDesign:
    """A CSR matrix (n, p), float32 or float64, whose arrays lead nowhere outside of them.

    They are checked here, once. A fit or a prediction makes a design of its own, so a matrix that
    was edited since the last one is checked anew; nobody may edit it during the call.

    Attributes
    ----------
    data : ndarray (n_entries,), C-contiguous, as the other two
    indices, indptr : ndarray
        Both int32 or both int64.

    Raises
    ------
    ValueError
        If the arrays lead outside of them.
    """

    is_sparse = True

    def __init__(
        self, data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int]
    ) -> None:
        self._checked = products.CheckedCsr(data, indices, indptr, shape[1])
        self.data, self.indices, self.indptr = data, indices, indptr
        self.shape = shape
        self.dtype = data.dtype
        self.n_entries = int(indptr[-1])
        self.n_bytes: int = data.nbytes + indices.nbytes

    @property
    def is_nearly_dense(self) -> bool:
        """Whether so few entries are zero that they had better be stored, too."""
        n, p = self.shape
        return bool(self.n_entries >= _MIN_DENSITY * n * p)

    def forward(
        self,
        first: int,
        last: int,
        coef: np.ndarray,
        intercept: np.ndarray | None,
        out: np.ndarray,
    ) -> np.ndarray:
        """Write the logits of rows `first` to `last` to `out`: see `DenseDesign.forward`."""
        self._checked.forward(first, last, coef, intercept, out)
        return out

    def mean(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean (p,) of the rows, with weights (n,) or (1,) that sum to one over them."""
        weights = np.broadcast_to(weights, self.shape[:1])
        return np.asarray(self.matrix().T @ weights, dtype=np.float64)

    def squared_product(self, first: int, last: int, table: np.ndarray) -> np.ndarray:
        """Return the squares of rows `first` to `last`, transposed, times a table (rows, K)."""
        rows = self.matrix()[first:last]
        return np.asarray(rows.multiply(rows).T @ table)

    def columns(self, first: int, last: int) -> np.ndarray:
        """Return columns `first` to `last` as a dense array (n, last - first), float64."""
        return np.asarray(self.matrix()[:, first:last].toarray(), dtype=np.float64)

    def rows(self, first: int, last: int, step: int = 1) -> "CsrDesign":
        """Return the rows of ``range(first, last, step)``: a copy."""
        part = self.matrix()[first:last:step]
        return CsrDesign(part.data, part.indices, part.indptr, part.shape)

    def matrix(self) -> Any:
        """Return X as SciPy has it: a ``csr_array`` over the arrays."""
        from scipy import sparse

        # its constructor would choose the dtype of the indices itself
        matrix = sparse.csr_array(self.shape, dtype=self.dtype)
        matrix.data, matrix.indices, matrix.indptr = self.data, self.indices, self.indptr
        return matrix


Design: TypeAlias = DenseDesign | CsrDesign


def as_design(X: Any, name: str = "X") -> Design:
    """Return X as a design matrix, checked; one that is one already is returned as it is.

    Parameters
    ----------
    X : ndarray or CSR matrix (n, p), float32 or float64, or a design
        Copied where dense X is not aligned or has strides that are no whole elements (a field of a
        structured array), or where the index arrays of CSR have two dtypes.
    name : str
        What messages call it.

    Returns
    -------
    DenseDesign or CsrDesign

    Raises
    ------
    ValueError
        If the arrays of a CSR matrix lead outside of it.
    """
    if isinstance(X, DenseDesign | CsrDesign):
        return X
    if not is_sparse(X):
        is_readable = X.flags.aligned and not any(stride % X.itemsize for stride in X.strides)
        return DenseDesign(X if is_readable else np.array(X))
    if X.indptr.shape != (X.shape[0] + 1,):
        raise ValueError(
            f"{name}.indptr must have shape {(X.shape[0] + 1,)}, a start for each row and the "
            f"end; got shape {X.indptr.shape}"
        )
    indices, indptr = X.indices, X.indptr
    if indices.dtype != indptr.dtype or indices.dtype not in (np.int32, np.int64):
        indices, indptr = indices.astype(np.int64), indptr.astype(np.int64)
    arrays = tuple(np.ascontiguousarray(array) for array in (X.data, indices, indptr))
    try:
        return CsrDesign(*arrays, X.shape)
    except ValueError as error:
        raise ValueError(f"{name} must be a CSR matrix whose {error}") from None
