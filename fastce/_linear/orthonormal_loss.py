"""The objective of a linear classifier by orthonormal columns, which no collinearity disturbs."""

import numpy as np

from .._core.design import as_design
from .approximations import class_eigenvalues, projection
from .factors import Factored, invert_factor, make_factored
from .hessian import hessian
from .loss import LinearLoss
from .orthonormal import OrthonormalColumns
from .shard import Shard

# The Hessian is factored where it has at most this many parameters, and costs at most this many
# multiply-adds.
_MAX_PARAMETERS, _MAX_PRODUCTS = 1024, 1e9
# What a refresh and a factor are said to cost, in passes: so little that Newton's method, which
# converges in these coordinates whatever the data, is chosen where the Hessian can be factored.
_REFRESH_COST, _EXACT_COST = 1.0, 0.5


class OrthonormalLoss:
    """A `LinearLoss` as a function of coefficients of orthonormal columns (see `Objective`).

    Parameters
    ----------
    loss : LinearLoss
    columns : OrthonormalColumns
        Of its X.

    Attributes
    ----------
    penalty : ndarray (r, r)
        The matrix of the penalty's quadratic form.
    """

    is_diagonal = False
    refresh_cost = _REFRESH_COST

    def __init__(self, loss: LinearLoss, columns: OrthonormalColumns) -> None:
        rows = loss.shard
        self.shard = Shard(
            as_design(columns.Z),
            rows.target,
            rows.n_classes,
            weights=rows.weights,
            fit_intercept=rows.fit_intercept,
            label_smoothing=rows.label_smoothing,
        )
        self.columns = columns
        self.floor, self.has_minimum = loss.floor, loss.has_minimum
        self.size = self.shard.size
        root = np.sqrt(loss.penalty) * columns.T
        self.penalty = root.T @ root
        values, vectors = class_eigenvalues(loss.class_priors)
        r = columns.Z.shape[1]
        self._mean = np.zeros(r)
        size = r + rows.fit_intercept
        self.current = Factored(
            np.eye(size)[np.newaxis], None, self._mean, rows.fit_intercept, vectors, values
        )

    def pack(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the packed vector of coef (K, r) and intercept (K,) of the columns Z."""
        rows = [coef.T] + [intercept[np.newaxis]] * self.shard.fit_intercept
        table = np.concatenate(rows)
        return (table - table.mean(axis=1, keepdims=True) * (table.shape[1] > 1)).ravel()

    def parts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coef (K, r) and intercept (K,), zeros without one, of a packed vector."""
        coef, intercept = self.shard.tables(theta)
        return coef.T, np.zeros(self.shard.n_outputs) if intercept is None else intercept

    def value_and_grad(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient, packed."""
        value, grad = self.shard.value_and_grad(theta)
        return value + 0.5 * self._penalise(theta, grad), grad

    def hessian_product(self, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Return the Hessian at `theta` times a vector, packed."""
        product = self.shard.hessian_product(theta, vector)
        self._penalise(vector, product)
        return product

    def _penalise(self, vector: np.ndarray, product: np.ndarray) -> float:
        # adds the penalty's product with a vector; returns the quadratic form
        coef, _ = self.shard.tables(vector)
        own = self.penalty @ coef
        self.shard.tables(product)[0][...] += own
        return float((own * coef).sum())

    def precondition(self, vector: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the approximate inverse Hessian times a packed vector, in `out` if it is given."""
        out = np.empty_like(vector) if out is None else out
        K = self.shard.n_outputs
        self.current.apply(vector.reshape(-1, K), out.reshape(-1, K))
        return out

    @property
    def exact_cost(self) -> float:
        """What `factor` costs, in passes over X; infinite where it is too large."""
        n, r = self.columns.Z.shape
        n_parameters = self.shard.n_outputs * (r + 1)
        is_small = n_parameters <= _MAX_PARAMETERS and n * n_parameters**2 <= _MAX_PRODUCTS
        return _EXACT_COST if is_small else np.inf

    def refresh(self, theta: np.ndarray, near: bool = False) -> bool:
        """Renew the inverse Hessian at `theta` where it can be factored; tell whether it was."""
        if self.exact_cost == np.inf:
            return False
        self.factor(theta)
        return True

    def factor(self, theta: np.ndarray) -> None:
        """Make the inverse Hessian the exact one at `theta`."""
        (n, r), K = self.columns.Z.shape, self.shard.n_outputs
        matrix = hessian(self.shard.blocks_at(theta), n, self.shard.weights, self._mean)
        blocks = matrix.reshape(K, r + 1, K, r + 1)
        for k in range(K):
            blocks[k, :r, k, :r] += self.penalty
        if not self.shard.fit_intercept:
            matrix = np.ascontiguousarray(blocks[:, :r, :, :r]).reshape(K * r, K * r)
        scale = invert_factor(matrix, self._mean, 0.0, K).reshape(K, -1)
        self.current = make_factored(
            matrix[np.newaxis], scale, self._mean, self.shard.fit_intercept, projection(K)
        )
