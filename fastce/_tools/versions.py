"""What runs here (`show_versions`), and compiling ahead of the first real call (`warmup`)."""

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable

import numpy as np

_PACKAGES = ("fastce", "numpy", "scipy", "scikit-learn", "numba", "llvmlite")
_FEATURES = (
    "sse4.2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512dq",
    "avx512vl",
    "avx512bw",
    "avx512bf16",
    "neon",
    "sve",
    "sve2",
)

_SHAPE = (64, 3)  # rows x classes of the arrays that warmup uses


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _facts() -> dict[str, str]:
    """Return what `show_versions` prints, name -> value."""
    import llvmlite.binding
    import numba

    from .._core.jit import cache_folder
    from .._core.threads import get_num_threads
    from .._native import cpu as _cpu

    facts = {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
    }
    facts.update((package, _version(package)) for package in _PACKAGES)

    numba.get_num_threads()  # starts Numba's threads: before that the layer is not chosen
    facts["threads"] = f"{get_num_threads()} of {os.cpu_count()} cores"
    facts["threading layer"] = numba.threading_layer()

    features = llvmlite.binding.get_host_cpu_features()
    facts["cpu"] = llvmlite.binding.get_host_cpu_name()
    facts["cpu features"] = (
        " ".join(name for name in _FEATURES if features.get(name)) or "none of those known here"
    )
    facts["compiled variant"] = _cpu.variant()
    facts["cache folder"] = cache_folder() or "none: compiled anew in each process"
    return facts


def show_versions() -> None:
    """Print versions, threads, processor and cache folder: what a bug report needs.

    Starts Numba's threads, so that the threading layer printed is the one in use.

    Raises
    ------
    Nothing.

    See Also
    --------
    warmup : compile everything now.

    Examples
    --------
    >>> import fastce
    >>> fastce.show_versions()  # doctest: +ELLIPSIS
    python            3...
    cache folder      ...
    """
    facts = _facts()
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        print(f"{name:<{width}}{value}")


def _check_dtypes(dtypes: Iterable[str]) -> list[np.dtype]:
    """Return the dtypes as NumPy's, after checking that kernels exist for them."""
    names = (dtypes,) if isinstance(dtypes, (str, type, np.dtype)) else tuple(dtypes)
    checked = []
    for name in names:
        try:
            dtype = np.dtype(name)
        except TypeError:
            dtype = np.dtype(object)
        if name is None or dtype not in (np.float32, np.float64):  # for NumPy, None means float64
            raise ValueError(f"dtypes must be 'float32' or 'float64' or both; got {name!r}")
        checked.append(dtype)
    return checked


def _call_functions(dtype: np.dtype, shape: tuple[int, int]) -> None:
    """Call every public function that has a Numba kernel, with plain and with full options."""
    from .._losses import (
        binary_cross_entropy as _binary_cross_entropy,
    )
    from .._losses import (
        cross_entropy as _cross_entropy,
    )
    from .._losses import (
        focal as _focal_loss,
    )

    n, n_classes = shape
    logits = np.zeros(shape, dtype)
    labels = np.zeros(n, np.intp)
    uniform = np.full(shape, 1 / n_classes, dtype)
    softmax_options = {
        "weight": np.ones(n_classes),
        "sample_weight": np.ones(n),
        "label_smoothing": 0.1,
    }
    sigmoid_options = {"weight": np.ones(n_classes)}
    for module, name, args, options in (
        (_cross_entropy, "cross_entropy", (logits, labels), softmax_options),
        (_cross_entropy, "cross_entropy", (logits, uniform), softmax_options),
        (
            _binary_cross_entropy,
            "binary_cross_entropy_with_logits",
            (logits, uniform),
            sigmoid_options,
        ),
        (_focal_loss, "focal_loss", (logits, labels), {"sample_weight": np.ones(n)}),
        (_focal_loss, "sigmoid_focal_loss", (logits, uniform), sigmoid_options),
    ):
        for form in ("", "_value_and_grad", "_grad_and_hess"):
            function = getattr(module, name + form)
            function(*args)
            function(*args, **options)
            if "hess" not in form:
                function(*args, reduction="none")


def _fit_classifiers(dtype: np.dtype, n: int) -> None:
    """Fit two and three classes, dense and sparse: a few iterations on `n` rows."""
    import warnings

    import scipy.sparse
    from sklearn.exceptions import ConvergenceWarning

    from ..linear_model import LogisticRegression

    X = np.random.default_rng(0).normal(size=(n, 4)).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for n_classes in (2, 3):
            y = np.arange(n) % n_classes
            for features in (X, np.asfortranarray(X), scipy.sparse.csr_matrix(X)):
                LogisticRegression(max_iter=2).fit(features, y)
            LogisticRegression(max_iter=2, label_smoothing=0.1).fit(X, y)
            for solver in ("newton-cg", "newton-cholesky"):
                LogisticRegression(max_iter=1, solver=solver).fit(X, y)


def warmup(dtypes: Iterable[str] = ("float32", "float64")) -> None:
    """Compile every kernel now, so that the first real call is quick.

    Compiled code is kept in Numba's cache: the first `warmup` on a machine takes about a minute,
    later ones in other processes a second or two. Both the serial and the parallel variant of each
    kernel are compiled, and the classifier's.

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
    from .._core import threads as _threads

    for dtype in _check_dtypes(dtypes):
        for least_work in (
            sys.maxsize,
            0,
        ):  # the serial variant of each kernel, and its parallel one
            with _threads.parallel_from(least_work):
                _call_functions(dtype, _SHAPE)
                _fit_classifiers(dtype, _SHAPE[0])
