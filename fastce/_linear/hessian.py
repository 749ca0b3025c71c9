"""The Hessian of the mean loss of ``X @ coef.T + intercept``: products with vectors, and itself."""

import math

import numpy as np

from .._core import threads
from .._core.jit import driver, kernel
from .._kernels.sums import clear
from .moments import (
    add_square,
    dsyrk_address,
    moment_bounds,
    new_integers,
    probabilities,
    probabilities_of,
    read_row,
    rows_of_block,
    scale_row,
    sum_in_order,
    weighted_grams,
)
from .row_blocks import RowBlocks, multiply, multiply_back


@kernel
def _multiply_curvature(Z, D, weight, first, n, K):
    # changes of logits D (n * K,) become changes of the rows' gradients; Z are probabilities
    if K == 1:
        for i in range(n):
            D[i] *= weight[first + i if weight.size > 1 else 0] * Z[i]
        return
    for i in range(n):
        w, mean = weight[first + i if weight.size > 1 else 0], 0.0
        for k in range(i * K, (i + 1) * K):
            mean += Z[k] * D[k]
        for k in range(i * K, (i + 1) * K):
            D[k] = w * Z[k] * (D[k] - mean)


@driver
def hessian_vector_product(a, blocks, change, starts, bounds, weight, product, others):
    # product (size,) and others (accumulators - 1, size) <- the accumulators' sums, which are to be
    # added in order; blocks have the coefficients, `change` has the vector
    K = blocks.n_outputs
    Z, D = np.empty(blocks.block_rows * K), np.empty(blocks.block_rows * K)
    own = others[a - 1] if a else product
    clear(own)
    for b in range(bounds[a], bounds[a + 1]):
        i, j = starts[b], starts[b + 1]
        multiply(blocks, i, j - i, Z.ctypes.data)
        multiply(change, i, j - i, D.ctypes.data)
        probabilities_of(Z, j - i, K)
        _multiply_curvature(Z, D, weight, i, j - i, K)
        multiply_back(blocks, i, j - i, D, D.ctypes.data, own)


@driver
def _class_products(a, syrk, blocks, block, weight, centre, bounds, out):
    # out (accumulators, K P, K P), its lower half <- sum of the rows' weight (p x [x 1]) (p x [x
    # 1])^T: the coupling of the classes
    K, P = blocks.n_outputs, blocks.n_columns + 1
    row, E, Z = np.empty(P), np.empty((block, K * P)), np.empty(block * K)
    integers, numbers = new_integers(), np.ones(1)
    for j in range(K * P):
        clear(out[a, j])
    for start in range(bounds[a], bounds[a + 1], block):
        n = min(block, bounds[a + 1] - start)
        probabilities(blocks, start, n, Z)
        for i in range(n):
            read_row(blocks, start + i, centre, row)
            root = math.sqrt(weight[start + i if weight.size > 1 else 0])
            for k in range(K):
                factor = root * Z[i * K + k]
                scale_row(row, factor, E[i, k * P : (k + 1) * P])
        add_square(syrk, integers, numbers, E, n, out[a])


def hessian(blocks: RowBlocks, n: int, weights: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the Hessian at the blocks' coefficients, for the columns less a centre.

    It is (K (p + 1), K (p + 1)): the columns and a 1 for the first class, for the second, and so
    on. Its lower half is valid.
    """
    of_classes = weighted_grams(blocks, n, weights, centre)
    K, P = of_classes.shape[:2]
    if K == 1:
        return np.asarray(of_classes[0])
    block = rows_of_block(K * P)
    bounds = moment_bounds(n, -(-n // block), (K * P) ** 2)
    out = np.empty((bounds.size - 1, K * P, K * P))
    syrk = dsyrk_address()
    threads.run(
        _class_products, n * K * P, len(out), syrk, blocks, block, weights, centre, bounds, out
    )
    result = sum_in_order(out)
    np.negative(result, out=result)
    # p_k (1 - p_k) is not the difference of p_k and p_k^2, which would cancel.
    for k in range(K):
        result[k * P : (k + 1) * P, k * P : (k + 1) * P] = of_classes[k]
    return result
