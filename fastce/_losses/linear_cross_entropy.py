"""Softmax cross-entropy of ``X @ coef.T + intercept``, without an array of all logits.

For each block of rows BLAS (SciPy for a CSR matrix) computes the logits, the kernels of cross-
entropy overwrite them with the gradient, and BLAS multiplies that back. The products are split over
our threads, because BLAS's own and those of the kernels would wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._core import blas, checks, layout
from .._core.design import Design, design_of, numbers_of
from .._core.flags import silent
from .._core.matmul import matmul
from ._call import IGNORE, MEAN, OFF, Call, RowOptions, check_row_options
from ._evaluate import evaluate_rows
from .weights import RowForm

# Bytes of the logits of a block, about: they stay in the last cache.
_BLOCK_BYTES = 1 << 25
# The fewest rows of a block: fewer make products with large coefficients slow.
_MIN_ROWS = 64


class _Problem(NamedTuple):
    """A call after its checks; coef and intercept have the dtype of the logits, as a dense X has.

    `dtype` is that of the results: float16 is computed in float32.
    """

    X: Design
    coef: np.ndarray
    intercept: np.ndarray | None
    target: np.ndarray
    form: RowForm
    unreduced: bool
    dtype: np.dtype

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield blocks of rows and their logits, in memory that the next block overwrites."""
        n, n_classes = self.X.shape[0], self.coef.shape[0]
        step = min(n, max(_MIN_ROWS, _BLOCK_BYTES // (n_classes * self.coef.itemsize)))
        for rows, logits in self.X.block_products(self.coef.T, step):
            if self.intercept is not None:
                logits += self.intercept
            yield rows, logits

    def run(
        self, rows: slice, logits: np.ndarray, values: np.ndarray | None, *, with_grad: bool
    ) -> float:
        """Return the sum of the values of a block, and write them to `values`.

        With `with_grad` the gradient overwrites the logits.
        """
        x = layout.Layout(logits, None, logits, 1, logits.shape[:1])
        target_weight, sample_weight = (
            x[rows] if x.size > 1 else x for x in (self.form.target_weight, self.form.sample_weight)
        )
        form = self.form._replace(target_weight=target_weight, sample_weight=sample_weight)
        target = layout.Target(self.target[rows])
        call = Call(x, target, form, False, (), evaluate_rows, None, np.float64)
        block_values = None if values is None else values[rows]
        grad = layout.Result(logits, None, logits, False) if with_grad else None
        return evaluate_rows(call, block_values, grad, None)

    def values(self) -> np.ndarray | None:
        return np.empty(self.X.shape[0]) if self.unreduced else None

    def finish(self, total: float, values: np.ndarray | None) -> Any:
        return layout.finish(total, values, self.form.factor, self.X.shape[:1], self.dtype)


def _check(X: Any, coef: Any, target: Any, intercept: Any, options: RowOptions) -> _Problem:
    design = design_of(X)
    n, p = design.shape
    coef = checks.as_float_array(coef, "coef")
    if coef.ndim != 2 or coef.shape[0] == 0 or coef.shape[1] != p:
        raise ValueError(
            f"coef must have shape (n_classes, {p}), with a column for each of X and one class "
            f"at least; got shape {coef.shape}"
        )
    dtype = np.result_type(design.dtype, coef.dtype)
    number = np.promote_types(dtype, np.float32)  # float16 is computed in float32
    n_classes = coef.shape[0]
    if intercept is not None:
        intercept = checks.as_float_array(intercept, "intercept")
        if intercept.shape != (n_classes,):
            raise ValueError(
                f"intercept must have shape {(n_classes,)}, one number a class; "
                f"got shape {intercept.shape}"
            )
        with silent():
            intercept = intercept.astype(number)
    rows = layout.Rows((n,), n_classes, (n, n_classes), 1, number)
    taken, form, unreduced = check_row_options(target, rows, options)
    target = layout.loaded(*taken)  # blocks of rows are slices of it
    with silent():
        design, coef = design.in_dtype(number), coef.astype(number, copy=False)
    return _Problem(design, coef, intercept, target, form, unreduced, dtype)


def linear_cross_entropy(
    X: Any,
    coef: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    intercept: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    label_smoothing: float = OFF,
    z_loss: float = OFF,
    reduction: str = MEAN,
) -> Any:
    """Softmax cross-entropy of ``X @ coef.T + intercept``, without an array of all logits.

    What `cross_entropy` returns for those logits; they are made, used and forgotten a block of rows
    at a time, so that a vocabulary of 128000 classes for 8192 tokens takes 33 MB instead of 4 GB.

    Parameters
    ----------
    X : array_like or CSR matrix of shape (n, p)
        Rows, such as the last hidden layer; float16 (computed in float32), float32, float64 or
        integers (computed in float64).
    coef : array_like of shape (K, p)
        One row for each class.
    target : array_like of shape (n,) or (n, K)
        Class indices (integers), or probabilities (floats).
    intercept : array_like of shape (K,), optional
        Added to the logits.
    weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction
        As in `cross_entropy`.

    Returns
    -------
    float or ndarray
        The loss in nats, summed in float64; with reduction "none" an array of shape (n,), of the
        dtype of X and coef together.

    Raises
    ------
    TypeError
        If an array or option is of the wrong kind.
    ValueError
        If a shape does not fit, a label is out of range (the message names row and value), a weight
        is negative or not finite, or an option is out of its range.

    See Also
    --------
    linear_cross_entropy_value_and_grad : The same and its gradients.
    cross_entropy : For logits that are there already.

    Notes
    -----
    The name is that of ``torch.nn.functional.linear_cross_entropy``. The logits are rounded to the
    dtype of X and coef, as a product of matrices rounds; what follows has the accuracy of
    `cross_entropy`. A row of X must be finite even if it is ignored: its part of the gradient of
    coef is 0 times the row.

    Examples
    --------
    >>> import fastce
    >>> X, coef = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
    >>> round(fastce.linear_cross_entropy(X, coef, [0, 1]), 6)
    0.395495
    """
    options = RowOptions(weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction)
    problem = _check(X, coef, target, intercept, options)
    values, total = problem.values(), 0.0
    with blas.one_blas_thread(), silent():
        for rows, logits in problem.blocks():
            total += problem.run(rows, logits, values, with_grad=False)
    return problem.finish(total, values)


def linear_cross_entropy_value_and_grad(
    X: Any,
    coef: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    intercept: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = IGNORE,
    label_smoothing: float = OFF,
    z_loss: float = OFF,
    reduction: str = MEAN,
    out: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] | None = None,
) -> tuple[Any, np.ndarray | None, np.ndarray, np.ndarray | None]:
    """Softmax cross-entropy of ``X @ coef.T + intercept`` and its gradients, without all logits.

    With G the gradient that `cross_entropy_value_and_grad` returns for those logits::

        grad_X = G @ coef      grad_coef = G.T @ X      grad_intercept = G.sum(axis=0)

    Parameters
    ----------
    X, coef, target, intercept
        As in `linear_cross_entropy`.
    weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction
        As in `linear_cross_entropy`; with reduction "none" the gradients are those of the sum.
    out : tuple of three ndarrays, optional
        Where `grad_X`, `grad_coef` and `grad_intercept` go, None for new memory: of the results'
        shapes and dtype, and apart from all arguments.

    Returns
    -------
    value : float or ndarray
        As from `linear_cross_entropy`.
    grad_X : ndarray of shape (n, p), or None
        None for a CSR matrix, whose gradient has an entry in every place.
    grad_coef : ndarray of shape (K, p)
    grad_intercept : ndarray of shape (K,), or None
        None without an intercept.

    Raises
    ------
    TypeError, ValueError
        As `linear_cross_entropy`, and if an `out` does not fit or overlaps an argument. Nothing is
        written then.

    Examples
    --------
    >>> import fastce
    >>> X, coef = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
    >>> value, grad_X, grad_coef, _ = fastce.linear_cross_entropy_value_and_grad(X, coef, [0, 1])
    >>> grad_coef.round(3)
    array([[-0.212,  0.053],
           [ 0.106, -0.107],
           [ 0.106,  0.053]])
    """
    options = RowOptions(weight, sample_weight, ignore_index, label_smoothing, z_loss, reduction)
    problem = _check(X, coef, target, intercept, options)
    (n_classes, p), number = problem.coef.shape, problem.coef.dtype
    wanted = {
        "out[0]": problem.X.gradient_shape,
        "out[1]": (n_classes, p),
        "out[2]": None if intercept is None else (n_classes,),
    }
    inputs = {
        "X": numbers_of(X),
        "coef": coef,
        "target": target,
        "intercept": intercept,
        "weight": weight,
        "sample_weight": sample_weight,
    }
    outs = _checked_outs(out, wanted, problem.dtype, inputs)
    memory: list[Any] = [
        None if shape is None else layout.result_memory(shape, number, given)
        for shape, given in zip(wanted.values(), outs, strict=True)
    ]
    grad_X, grad_coef, grad_intercept = memory
    grad_coef[...] = 0
    if grad_intercept is not None:
        grad_intercept[...] = 0
    values, total = problem.values(), 0.0
    with blas.one_blas_thread(), silent():
        for rows, grad in problem.blocks():
            total += problem.run(rows, grad, values, with_grad=True)
            if grad_X is not None:
                matmul(grad, problem.coef, grad_X[rows])
            problem.X.add_product_back(rows, grad, grad_coef)
            if grad_intercept is not None:
                grad_intercept += grad.sum(axis=0)
    results = (
        None if result is None else layout.deliver(result, problem.dtype, given)
        for result, given in zip(memory, outs, strict=True)
    )
    return problem.finish(total, values), *results


def _checked_outs(
    out: Any, wanted: dict[str, Any], dtype: np.dtype, inputs: dict[str, Any]
) -> tuple[Any, Any, Any]:
    if out is None:
        return None, None, None
    if not isinstance(out, tuple | list) or len(out) != 3:
        raise TypeError(
            f"out must be three arrays (grad_X, grad_coef, grad_intercept), or None for some; "
            f"got {type(out).__name__}"
        )
    given = dict(zip(wanted, out, strict=True))
    for name, array in given.items():
        if array is None:
            continue
        if wanted[name] is None:
            raise ValueError(
                f"{name} must be None, for there is no such gradient here; got an array"
            )
        checks.check_out(array, wanted[name], dtype, inputs, name, in_place=False)
        inputs = inputs | {name: array}
    return tuple(given.values())
