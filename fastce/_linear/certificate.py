"""A bound of how far a model is above the minimum, where X is too large for an orthonormal basis.

With a penalty ``lam ||coef||^2 / 2`` the objective is strongly convex: where the intercept is the
best one for its coef, it is at most ``||gradient by coef||^2 / (2 lam)`` above its minimum (the
duality gap at the model's own residuals, see Dünner et al. 2016). What is left of the intercept's
gradient, and of columns whose unit is so large that rounding keeps their gradients from becoming
small, is taken together: a Newton step along these few gains next to nothing, and changes the
gradient by the others by no more than the curvatures allow.

References
----------
C. Dünner, S. Forte, M. Takáč, M. Jaggi (2016), Primal-dual rates and certificates, ICML.
"""

from collections.abc import Iterator

import numpy as np

from . import formed_hessian
from .curvature import hessian_diagonal
from .formed_hessian import both_tails
from .loss import LinearLoss

# An entry of the gradient is large where the bound that is made of it alone is above this part of
# the objective.
_LARGE = 1e-8
# It is rounding where a Newton step along it gains at most this part of the objective.
_NO_GAIN = 1e-10
# A Newton step along what is taken apart that gains a larger part of the objective is too long to
# tell.
_MAX_GAIN = 1e-3
# Most columns, and most parameters, that are taken apart.
_MAX_COLUMNS, _MAX_PARAMETERS = 32, 512
# Eigenvalues of their Hessian, its diagonal scaled to ones, that are below this are rounding.
_ROUNDING = 1e-12
# Rows are taken in blocks of this many numbers (512 kB).
_BLOCK_NUMBERS = 1 << 16


def condition(loss: LinearLoss) -> float:
    """Return a bound of the condition of the null model's Hessian, columns as they are."""
    if loss.penalty == 0.0:
        return np.inf
    return 1.0 + loss.curvature * loss.sum_of_squares / loss.penalty


def bound(loss: LinearLoss, theta: np.ndarray, value: float, grad: np.ndarray) -> float:
    """Return what the objective can be above its minimum at most: infinite without a penalty.

    Parameters
    ----------
    loss : LinearLoss
    theta, grad : ndarray (size,)
        A model and its gradient, packed.
    value : float
        Its objective.
    """
    if loss.penalty == 0.0 or not (np.isfinite(value) and np.all(np.isfinite(grad))):
        return np.inf
    of_coef, of_intercept = (part.T for part in loss.parts(grad))
    coef, intercept = loss.parts(theta)
    rows = loss.shard
    curvatures = hessian_diagonal(
        rows.design,
        np.ascontiguousarray(coef.T),
        np.ascontiguousarray(intercept) if loss.fit_intercept else None,
        rows.weights,
    )
    is_large = of_coef**2 > 2.0 * loss.penalty * _LARGE * value
    is_rounding = of_coef**2 <= 2.0 * curvatures * _NO_GAIN * value
    apart = np.flatnonzero(np.any(is_large, axis=1) & np.all(is_rounding, axis=1))
    if apart.size > _MAX_COLUMNS or (apart.size + 1) * loss.n_outputs > _MAX_PARAMETERS:
        apart = apart[:0]
    square = float((of_coef**2).sum() - (of_coef[apart] ** 2).sum())
    if not loss.fit_intercept and apart.size == 0:
        return square / (2.0 * loss.penalty)
    gain = _gain(loss, theta, apart, of_coef[apart], of_intercept)
    if not gain <= _MAX_GAIN * value:
        return np.inf
    curvatures[apart] = 0.0
    size = np.sqrt(square) + np.sqrt(2.0 * gain * float(curvatures.sum()))
    return gain + size**2 / (2.0 * loss.penalty)


def _gain(
    loss: LinearLoss,
    theta: np.ndarray,
    apart: np.ndarray,
    grad: np.ndarray,
    of_intercept: np.ndarray,
) -> float:
    """Return what a Newton step along some columns and the intercept gains."""
    rows, K = loss.shard, loss.n_outputs
    n = rows.design.shape[0]
    weights = np.broadcast_to(rows.weights, n)
    P = apart.size + loss.fit_intercept
    columns = np.hstack([rows.design.columns(j, j + 1) for j in apart]) if apart.size else None
    if loss.fit_intercept:
        ones = np.ones((n, 1))
        if columns is None:
            columns = ones
        else:
            mean = weights @ columns
            columns = np.hstack([columns - mean, ones])
            grad = grad - mean[:, np.newaxis] * of_intercept
        grad = np.vstack([grad, of_intercept])
    assert columns is not None
    coef, intercept = loss.parts(theta)
    table = np.ascontiguousarray(coef.T)
    start = np.ascontiguousarray(intercept) if loss.fit_intercept else None
    step = max(1, _BLOCK_NUMBERS // max(P, K))

    def blocks() -> Iterator[formed_hessian.Block]:
        for first in range(0, n, step):
            last = min(n, first + step)
            logits = np.empty((last - first, K))
            tails = both_tails(rows.design.forward(first, last, table, start, logits))
            yield formed_hessian.Block(columns[first:last], *tails, weights[first:last])

    H = formed_hessian.form(blocks(), P, K, loss.penalty * np.eye(apart.size))
    values, vectors, scale = formed_hessian.scaled(H)
    if not values[0] > _ROUNDING:
        return np.inf
    along = vectors.T @ (scale * grad.ravel())
    return 0.5 * float((along * along / values).sum())
