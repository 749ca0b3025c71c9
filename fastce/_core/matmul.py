"""Products of dense matrices in pieces that our threads share.

BLAS computes a piece, on one thread: see `blas.one_blas_thread`. Nothing here compiles at run time.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import pool
from .flags import silent

# Every piece reads all of the other factor, so few are better than many.
# Numbers of the largest piece.
_MAX_PIECE_NUMBERS = 1 << 20
# Pieces of a product, as long as none breaks the other limits.
_MAX_PIECES = 16
# Multiplications of the smallest piece.
_MIN_PIECE_WORK = 1 << 20
# Rows or columns of the smallest piece.
_MIN_PIECE_LENGTH = 64
# Multiplications that take as long as what `pool.split` expects of a byte.
_WORK_OF_A_BYTE = 8


def _split(function: Callable[[slice, slice], Any], shape: tuple[int, int], n_inner: int) -> None:
    """Call ``function(rows, columns)`` for pieces of a product of this shape.

    They divide its longer side. BLAS's last digits depend on the shape of a piece, so that depends
    on the product's shape alone, and not on the number of threads.
    """
    by_rows, whole = shape[0] >= shape[1], slice(None)
    length, width = shape if by_rows else shape[::-1]
    longest, shortest = (
        _MAX_PIECE_NUMBERS // max(1, width),
        _MIN_PIECE_WORK // max(1, width * n_inner),
    )
    piece = max(
        16, min(longest, max(_MIN_PIECE_LENGTH, shortest, -(-length // _MAX_PIECES))) // 16 * 16
    )

    def part(first: int, last: int) -> None:
        with silent():
            for start in range(first * piece, min(length, last * piece), piece):
                here = slice(start, min(length, start + piece))
                if by_rows:
                    function(here, whole)
                else:
                    function(whole, here)

    pool.split(part, -(-length // piece), length * width * n_inner // _WORK_OF_A_BYTE)


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Write a (n, p) times b (p, m) to `out` (n, m); all of one dtype."""
    _split(
        lambda rows, columns: np.matmul(a[rows], b[:, columns], out=out[rows, columns]),
        out.shape,
        a.shape[1],
    )


def add_matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Add a (n, p) times b (p, m) to `out` (n, m); all of one dtype."""

    def add(rows: slice, columns: slice) -> None:
        out[rows, columns] += a[rows] @ b[:, columns]

    _split(add, out.shape, a.shape[1])
