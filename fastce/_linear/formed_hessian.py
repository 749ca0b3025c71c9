"""The Hessian of few parameters, formed from blocks of rows and taken apart by its eigenvectors.

Curvatures keep the digits of both tails: 1 - p is never the difference of a p near 1 from one.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .curvature import probabilities

# Most parameters of a Hessian that is formed, and most multiply-adds that it takes.
_MAX_PARAMETERS, _MAX_PRODUCTS = 512, 1e9


class Block(NamedTuple):
    """Some rows of a linear model.

    Attributes
    ----------
    basis : ndarray (rows, P)
        Numbers that the coefficients are multiplied with.
    p : ndarray (rows, K)
        Probabilities; K is 1 for two classes.
    rest : ndarray (rows, 1) or None
        What p leaves of one, of two classes.
    weights : ndarray (rows,)
    """

    basis: np.ndarray
    p: np.ndarray
    rest: np.ndarray | None
    weights: np.ndarray


class Scaled(NamedTuple):
    """Eigenvalues and eigenvectors of a Hessian whose diagonal was scaled to ones.

    The scale (P K,) is what parameters are divided by.
    """

    values: np.ndarray
    vectors: np.ndarray
    scale: np.ndarray


def is_small(n: int, n_parameters: int) -> bool:
    """Tell whether a Hessian of n rows takes little time to form."""
    return n_parameters <= _MAX_PARAMETERS and n * n_parameters**2 <= _MAX_PRODUCTS


def both_tails(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the probabilities of logits (n, K), and of one logit what they leave of one."""
    rest = probabilities(-logits) if logits.shape[1] == 1 else None
    return probabilities(logits.copy()), rest


def _curvature(block: Block, k: int, j: int) -> np.ndarray:
    p = block.p
    if block.rest is not None:
        return np.asarray((p * block.rest)[:, 0])
    if k == j:  # 1 - p of what the others have
        return np.asarray(p[:, k] * np.delete(p, k, axis=1).sum(axis=1))
    return np.asarray(-p[:, k] * p[:, j])


def form(blocks: Iterable[Block], P: int, K: int, penalty: np.ndarray) -> np.ndarray:
    """Return the Hessian (P K, P K) of coefficients (P, K).

    The penalty (r, r) is the matrix of its quadratic form, of the first r of the P. What K > 1
    classes have in common, along which the loss is flat, is curved as they are on average.
    """
    H, r = np.zeros((P, K, P, K)), len(penalty)
    for block in blocks:
        for k in range(K):
            for j in range(k, K):
                curvature = block.weights * _curvature(block, k, j)
                H[:, k, :, j] += block.basis.T @ (block.basis * curvature[:, np.newaxis])
    for k in range(K):
        for j in range(k):
            H[:, k, :, j] = H[:, j, :, k]
        H[:r, k, :r, k] += penalty
    if K > 1:
        for i in range(P):
            H[i, :, i, :] += H[i, :, i, :].trace() / K
    return H.reshape(P * K, P * K)


def scaled(H: np.ndarray) -> Scaled:
    """Return the eigenvalues and eigenvectors of a Hessian, its diagonal scaled to ones."""
    scale = 1.0 / np.sqrt(np.maximum(H.diagonal(), np.finfo(float).tiny))
    return Scaled(*np.linalg.eigh(H * scale * scale[:, np.newaxis]), scale)
