"""Design matrices: the one place that tells a dense X (n, p) from a CSR matrix.

`as_design` checks X once. What it returns, a `DenseDesign` or a `CsrDesign`, has the same methods
either way: callers ask for products, means and blocks of columns, and never for the format. It
keeps the arrays alive that it was made from, so their addresses may be used as long as it lives.

Nothing here compiles at run time.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from .._native import products
from .checks import as_float_array, is_sparse
from .matmul import add_matmul, matmul

# From this part of entries that are stored on, a CSR matrix is treated as if it were dense: pairs
# of stored entries cost more there than products of rows with their zeros.
_MIN_DENSITY = 0.1
# Rows of a dense X are converted to float64 in blocks of this many numbers (512 kB) for their
# weighted mean, so that no copy of X exists.
_MEAN_NUMBERS = 1 << 16
# A block of X and its logits, in bytes: a part of the second-level cache.
_BLOCK_BYTES = 1 << 18
# What an entry of CSR takes of that, in bytes: a double and an int32 index.
_BYTES_AN_ENTRY = 12
# Rows that each of two threads has at least where one block is split for them.
_MIN_ROWS = 64
# Rows of a block: at least 16, over which a call of the C function is spread, and at most 2048.
_MIN_BLOCK_ROWS, _MAX_BLOCK_ROWS = 16, 2048
# Numbers of blocks are multiples of this, so that 2 threads have equally many; and, of more than 8
# blocks, so that 4 and 8 threads have.
_FEW_BLOCKS, _MANY_BLOCKS = 2, 8
# Products with squares are made in blocks of this many numbers (512 kB), but of no fewer rows than
# the first and, of CSR, as many as there are columns up to the second, chosen so that adding (p, K)
# numbers for each block is a small part of the work.
_SQUARE_NUMBERS, _MIN_SQUARE_ROWS, _MAX_SQUARE_ROWS = 1 << 16, 64, 4096


class DenseDesign:
    """A dense X (n, p), float32 or float64: aligned, with strides that are whole elements.

    Attributes
    ----------
    X : ndarray (n, p)
    """

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

    def rows_of_squares(self, n_outputs: int) -> int:
        """Return how many rows `squared_product` should be given, for a table of `n_outputs`."""
        return max(_MIN_SQUARE_ROWS, _SQUARE_NUMBERS // max(self.shape[1], n_outputs))

    def columns(self, first: int, last: int) -> np.ndarray:
        """Return columns `first` to `last` as a dense array (n, last - first), float64."""
        return np.asarray(self.X[:, first:last], dtype=np.float64)

    def matrix(self) -> np.ndarray:
        """Return X."""
        return self.X

    def with_column(self, value: float) -> "DenseDesign":
        """Return a copy with one more column, which holds `value`, in the same memory order."""
        (n, p), order = self.shape, "F" if self.X.flags.f_contiguous else "C"
        longer = np.empty((n, p + 1), self.dtype, order=order)
        longer[:, :p] = self.X
        longer[:, p] = value
        return DenseDesign(longer)

    def rows(self, first: int, last: int, step: int = 1) -> "DenseDesign":
        """Return the rows of ``range(first, last, step)``: a view."""
        return DenseDesign(self.X[first:last:step])

    def in_dtype(self, dtype: np.dtype) -> "DenseDesign":
        """Return a design whose products with a table of this dtype are of it, too."""
        return DenseDesign(self.X.astype(dtype, copy=False))

    @property
    def gradient_shape(self) -> tuple[int, int] | None:
        """The shape of a gradient by X; None where it would have an entry in every place."""
        return self.shape

    def block_products(self, table: np.ndarray, step: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of at most `step` rows and their products with a table (p, K).

        The next product may overwrite the last one's memory; BLAS makes them, for large K.
        """
        n = self.shape[0]
        memory = np.empty((step, table.shape[1]), table.dtype)
        for rows in _slices(n, step):
            product = memory[: rows.stop - rows.start]
            matmul(self.X[rows], table, product)
            yield rows, product

    def add_product_back(self, rows: slice, table: np.ndarray, out: np.ndarray) -> None:
        """Add the transpose of a table (rows, K) times the rows to `out` (K, p)."""
        add_matmul(table.T, self.X[rows], out)

    def entries_of_rows(self) -> np.ndarray:
        """Return the number of stored entries of each row, (n,)."""
        return np.full(self.shape[0], self.shape[1])

    def block_starts(self, n_outputs: int) -> np.ndarray:
        """Return the first row of each block of equally many rows, and the number of rows.

        A block and its logits, `n_outputs` a row, stay in cache.
        """
        n, p = self.shape
        rows = _BLOCK_BYTES // (self.dtype.itemsize * p + 8 * n_outputs)
        step = max(_MIN_BLOCK_ROWS, min(_MAX_BLOCK_ROWS, rows))
        n_blocks = -(-n // step)
        if n_blocks > 1 or n > 2 * _MIN_ROWS:
            multiple = _MANY_BLOCKS if n_blocks > _MANY_BLOCKS else _FEW_BLOCKS
            n_blocks = min(n, -(-n_blocks // multiple) * multiple)
        return np.arange(n_blocks + 1, dtype=np.int64) * n // n_blocks

    def addresses(self) -> dict[str, int]:
        """Return where X and the C functions for it are: fields of `RowBlocks` by name."""
        symbols, kind = products.addresses(), f"f{8 * self.X.itemsize}"
        row_stride, col_stride = (stride // self.X.itemsize for stride in self.X.strides)
        return {
            "is_sparse": 0,
            "forward": symbols[f"fastce_dense_forward_{kind}"],
            "backward": symbols[f"fastce_dense_backward_{kind}"],
            "read": symbols[f"fastce_dense_read_{kind}"],
            "data": self.X.ctypes.data,
            "data_bytes": self.X.itemsize,
            "row_stride": row_stride,
            "col_stride": col_stride,
        }


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

    def rows_of_squares(self, n_outputs: int) -> int:
        """Return how many rows `squared_product` should be given, for a table of `n_outputs`."""
        return max(_SQUARE_NUMBERS // n_outputs, min(_MAX_SQUARE_ROWS, self.shape[1]))

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

    def with_column(self, value: float) -> "CsrDesign":
        """Return a copy with one more column, which holds `value`."""
        from scipy import sparse

        column = sparse.csr_array(np.full((self.shape[0], 1), value, dtype=self.dtype))
        longer = sparse.hstack([self.matrix(), column], format="csr")
        return CsrDesign(longer.data, longer.indices, longer.indptr, longer.shape)

    def in_dtype(self, dtype: np.dtype) -> "CsrDesign":
        """Return the design itself: SciPy converts the entries of a product as it needs them."""
        return self

    @property
    def gradient_shape(self) -> tuple[int, int] | None:
        """None: a gradient by X would have an entry in every place."""
        return None

    def block_products(self, table: np.ndarray, step: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of rows and their products: see `DenseDesign.block_products`."""
        matrix = self.matrix()
        for rows in _slices(self.shape[0], step):
            yield rows, np.ascontiguousarray(matrix[rows] @ table)

    def add_product_back(self, rows: slice, table: np.ndarray, out: np.ndarray) -> None:
        """Add the transpose of a table (rows, K) times the rows to `out` (K, p)."""
        out += (self.matrix()[rows].T @ table).T

    def entries_of_rows(self) -> np.ndarray:
        """Return the number of stored entries of each row, (n,)."""
        return np.diff(self.indptr)

    def block_starts(self, n_outputs: int) -> np.ndarray:
        """Return the first row of each block of about equally many entries, and n.

        A block and its logits, `n_outputs` a row, stay in cache.
        """
        n = self.shape[0]
        work = self.indptr.astype(np.int64) * _BYTES_AN_ENTRY + np.arange(n + 1) * (8 * n_outputs)
        n_blocks = max(1, min(-(-n // _MIN_BLOCK_ROWS), -(-int(work[-1]) // _BLOCK_BYTES)))
        starts = np.searchsorted(work, np.linspace(0, work[-1], n_blocks + 1)[1:-1])
        return np.unique(np.concatenate([[0], starts, [n]])).astype(np.int64)

    def addresses(self) -> dict[str, int]:
        """Return where X and the C functions for it are: fields of `RowBlocks` by name."""
        symbols = products.addresses()
        kind = f"f{8 * self.data.itemsize}_i{8 * self.indices.itemsize}"
        return {
            "is_sparse": 1,
            "forward": symbols[f"fastce_csr_forward_{kind}"],
            "backward": symbols[f"fastce_csr_backward_{kind}"],
            "read": symbols[f"fastce_csr_read_{kind}"],
            "data": self.data.ctypes.data,
            "has_few_entries": int(not self.is_nearly_dense),
            "indices": self.indices.ctypes.data,
            "indptr": self.indptr.ctypes.data,
            "index_bytes": self.indices.itemsize,
            "add_pairs": symbols[f"fastce_csr_add_pairs_{kind}"],
            "add_moments": symbols[f"fastce_csr_add_moments_{kind}"],
        }


Design: TypeAlias = DenseDesign | CsrDesign


def _slices(n: int, step: int) -> Iterator[slice]:
    return (slice(start, min(n, start + step)) for start in range(0, n, max(1, step)))


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


def design_of(X: Any) -> Design:
    """Return what a user has given as X as a design of float16 (dense only), float32 or float64.

    Raises
    ------
    TypeError
        If it is a sparse matrix of another format, or its dtype is no such float nor an integer.
    ValueError
        If it has not two dimensions, or the arrays of a CSR matrix lead outside of it.
    """
    if not is_sparse(X):
        X = as_float_array(X, "X")
    elif X.format != "csr":
        raise TypeError(
            f"X must be an array or a CSR matrix; got a sparse matrix in format {X.format!r}"
        )
    else:
        if X.dtype.kind in "biu":
            X = X.astype(np.float64)
        if X.dtype not in (np.float32, np.float64):
            raise TypeError(
                f"X must be float32, float64 or integers where it is sparse; got dtype {X.dtype}"
            )
    if X.ndim != 2:
        raise ValueError(f"X must have two dimensions, rows and columns; got shape {X.shape}")
    return as_design(X)


def numbers_of(X: Any) -> Any:
    """Return the array of the numbers of X that a user has given: of CSR, the stored entries."""
    return X.data if is_sparse(X) else X
