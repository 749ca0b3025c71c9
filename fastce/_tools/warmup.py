"""Compiling ahead of the first real call: `warmup`."""

import importlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .._losses.table import GRAD_AND_HESS, INDICES, LINEAR, LOSSES, MODULES, Loss, loss_named

# Rows and classes of the arrays that are used: compiling is all that takes time.
_N_ROWS, _N_CLASSES = 64, 3


def _check_dtypes(dtypes: Iterable[str]) -> list[np.dtype[Any]]:
    """Return the dtypes as NumPy's, after checking that kernels exist for them."""
    names = (dtypes,) if isinstance(dtypes, (str, type, np.dtype)) else tuple(dtypes)
    checked: list[np.dtype[Any]] = []
    for name in names:
        try:
            dtype: np.dtype[Any] = np.dtype(name)
        except TypeError:
            dtype = np.dtype(object)
        if name is None or dtype not in (np.float32, np.float64):  # for NumPy, None means float64
            raise ValueError(f"dtypes must be 'float32' or 'float64' or both; got {name!r}")
        checked.append(dtype)
    return checked


def _calls(loss: Loss, dtype: np.dtype[Any]) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield arguments and options for each kind of target that a loss takes."""
    logits = np.zeros((_N_ROWS, _N_CLASSES), dtype)
    first = (logits, np.eye(_N_CLASSES, dtype=dtype)) if loss.kind == LINEAR else (logits,)
    options: dict[str, Any] = {
        "weight": np.ones(_N_CLASSES),
        "sample_weight": np.ones(_N_ROWS),
        "label_smoothing": 0.1,
    }
    options = {key: options[key] for key in options if key in loss.names}
    for target in loss.targets:
        if target == INDICES:
            yield (*first, np.zeros(_N_ROWS, np.intp)), options
        else:
            yield (*first, np.full(logits.shape, 1 / _N_CLASSES, dtype)), options


def _call_losses(dtype: np.dtype[Any]) -> None:
    """Call every form of every loss in the table, with plain and with full options."""
    for loss in LOSSES:
        for form in loss.forms:
            name = loss.name + form
            function = getattr(importlib.import_module(f"..{MODULES[name]}", __package__), name)
            for arguments, options in _calls(loss, dtype):
                function(*arguments)
                function(*arguments, **options)
                if form != GRAD_AND_HESS:
                    function(*arguments, reduction="none")
    from .._losses.hess_vector import cross_entropy_hess_vector

    for (logits, target), options in _calls(loss_named("cross_entropy"), dtype):
        cross_entropy_hess_vector(logits, target, logits, **options)


def _fit_classifiers(dtype: np.dtype[Any]) -> None:
    """Fit two and three classes, dense and sparse: a few iterations."""
    import scipy.sparse
    from sklearn.exceptions import ConvergenceWarning

    from ..linear_model import LogisticRegression

    X = np.random.default_rng(0).normal(size=(_N_ROWS, 4)).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for n_classes in (2, 3):
            y = np.arange(_N_ROWS) % n_classes
            for features in (X, np.asfortranarray(X), scipy.sparse.csr_matrix(X)):
                LogisticRegression(max_iter=2).fit(features, y)
            LogisticRegression(max_iter=2, label_smoothing=0.1).fit(X, y)
            for solver in ("newton-cg", "newton-cholesky"):
                LogisticRegression(max_iter=1, solver=solver).fit(X, y)
        LogisticRegression(max_iter=2).fit(X, np.full((_N_ROWS, 3), 1 / 3))


def warmup(dtypes: Iterable[str] = ("float32", "float64")) -> None:
    """Compile every kernel now, so that the first real call is quick.

    Compiled code is kept in Numba's cache: the first `warmup` on a machine takes about a minute,
    later ones in other processes a second or two. The classifier's kernels are compiled, too.

    Parameters
    ----------
    dtypes : iterable of {"float32", "float64"}, default both
        The dtypes to compile for.

    Raises
    ------
    ValueError
        If `dtypes` names another dtype.

    Examples
    --------
    >>> import fastce
    >>> fastce.warmup(dtypes=["float64"])
    """
    for dtype in _check_dtypes(dtypes):
        _call_losses(dtype)
        _fit_classifiers(dtype)
