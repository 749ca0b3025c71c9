"""Rows of a block where they lie: slices of an array that kernels take, or tiles of other memory.

A table `memory` (4, words) of int64 says where the rows of each operand lie (see
`fastce._native.tiles`): its row is 0 where an array (n, K), or (n,), of the dtype of the kernel
holds them; the table has no rows where all operands are such arrays. Else that array holds no rows,
and a block's are read into a tile of scratch memory, which the kernel takes in its place; what it
writes to a tile goes back to memory, rounded once.
"""

import numpy as np
from numba import types
from numba.extending import overload

from .._core.jit import kernel
from .intrinsics import TILE_PADDING, load_rows, store_rows

# The rows of the table, in the order of `_losses._evaluate`.
LOGITS, TARGET, GRAD, HESS = range(4)


@kernel
def is_tiled(memory, operand):
    """Whether the rows of an operand lie in other memory."""
    return memory.shape[0] > 0 and memory[operand, 0] != 0


def new_tile(rows, n):
    """Return scratch memory for n rows, or elements, like those of `rows`."""
    raise NotImplementedError


@overload(new_tile)
def _choose_new_tile(rows, n):
    if rows.ndim == 1:
        return lambda rows, n: np.empty(n + TILE_PADDING, rows.dtype)[:n]

    def choose(rows, n):
        n_classes = rows.shape[1]
        return np.empty((n + 1 + TILE_PADDING // n_classes, n_classes), rows.dtype)[:n]

    return choose


@kernel
def rows_read(rows, memory, operand, first, last):
    """Return the rows of a block of an input."""
    if not is_tiled(memory, operand):
        return rows[first:last]
    tile = new_tile(rows, last - first)
    load_rows(memory[operand], first, last - first, tile)
    return tile


@kernel
def rows_written(rows, memory, operand, first, last):
    """Return memory for the rows of a block of a result, which `write_back` brings to their place.

    Where the result is not wanted, it has no rows.
    """
    if not is_tiled(memory, operand):
        return rows[first:last]
    return new_tile(rows, last - first)


@kernel
def gradient_written(logits, grad, memory, first, last):
    """Return memory for the gradient of a block, whose logits were read: their own tile."""
    if is_tiled(memory, GRAD) and is_tiled(memory, LOGITS):
        return logits
    return rows_written(grad, memory, GRAD, first, last)


@kernel
def write_back(rows, memory, operand, first, last):
    """Bring the rows of a block of a result to their place."""
    if is_tiled(memory, operand):
        store_rows(memory[operand], first, last - first, rows)


def target_read(target, memory, first, last):
    """Return the target of a block: class indices, or rows or elements as `rows_read` does."""
    raise NotImplementedError


@overload(target_read)
def _choose_target_read(target, memory, first, last):
    if isinstance(target.dtype, types.Integer):
        return lambda target, memory, first, last: target[first:last]
    return lambda target, memory, first, last: rows_read(target, memory, TARGET, first, last)


@kernel
def weights_read(weight, first, last):
    """Return the weights of the rows of a block; (1,) stands for equal ones, so one row has two."""
    if weight.size == 1:
        return weight
    if last - first > 1:
        return weight[first:last]
    twice = np.empty(2, weight.dtype)
    twice[0] = twice[1] = weight[first]
    return twice
