"""Sizes, threads and data that the benchmarks share."""

import gc
import importlib
import os
import runpy
import time
import tracemalloc
from pathlib import Path

import numpy as np

import fastce

from . import libraries

# The table of losses of this checkout.
TABLE = runpy.run_path(str(Path(__file__).parents[2] / "fastce" / "_losses" / "table.py"))

# The least that a function runs before it is another's turn, in seconds.
TURN = 0.005
# Smallest sizes: to see that every benchmark runs, not how fast.
SMALL = os.environ.get("FASTCE_BENCH_SMALL", "0") not in ("", "0")

# Exact references need digits that not every platform has.
HAS_LONG_DOUBLE = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant

DTYPES = ["float32"] if SMALL else ["float32", "float64"]
THREADS = [1] if SMALL else [1, 2]


def forms(name):
    """Return the public functions of a loss."""
    return list(TABLE["loss_named"](name).functions)


def sizes(*names, small):
    """Return the shapes to measure, written "4096x1000": the names asv shows."""
    return [small] if SMALL else list(names)


def parse(shape):
    """Return "4096x1000" as (4096, 1000)."""
    return tuple(int(length) for length in shape.split("x"))


def public(name):
    """Return a function of fastce; asv skips the benchmark at commits that do not have it."""
    if not hasattr(fastce, name):
        raise NotImplementedError(f"this commit has no {name}")
    return getattr(fastce, name)


def set_threads(n):
    """Use `n` threads; asv skips the benchmark on machines with fewer cores."""
    try:
        fastce.set_num_threads(n)
    except ValueError as error:
        raise NotImplementedError(str(error)) from error


def random_logits(shape, dtype):
    """Return logits of a model that is fairly sure."""
    return (4 * np.random.default_rng(0).standard_normal(parse(shape))).astype(dtype)


def random_labels(n, n_classes):
    """Return class indices."""
    return np.random.default_rng(1).integers(n_classes, size=n)


def random_rows(n, p, n_classes, dtype, density=None):
    """Return rows, dense and correlated or CSR, and labels that depend on them, with noise."""
    import scipy.sparse

    rng = np.random.default_rng(2)
    if density is None:
        X = rng.standard_normal((n, p)) + rng.standard_normal((n, 5)) @ rng.standard_normal((5, p))
    else:
        X = scipy.sparse.random(
            n, p, density, "csr", random_state=rng, data_rvs=lambda size: 1 + rng.random(size)
        )
    logits = X @ rng.standard_normal((p, n_classes)) + rng.gumbel(size=(n, n_classes))
    return X.astype(dtype), np.asarray(logits).argmax(axis=1)


def interleaved(functions, seconds):
    """Return the shortest time of each function, called in turns for about `seconds` seconds.

    So whatever else the machine does meets all alike.

    A turn is many calls of a short function: threads of OpenMP keep a core busy for some
    milliseconds after their work is done.
    """
    best = [np.inf] * len(functions)
    end = time.perf_counter() + (0.0 if SMALL else seconds)
    while True:
        for i, function in enumerate(functions):
            start = now = time.perf_counter()
            while now == start or now < start + TURN * (not SMALL):
                before = now
                function()
                now = time.perf_counter()
                best[i] = min(best[i], now - before)
        if time.perf_counter() >= end:
            return best


def ratio(ours, other, seconds=0.6):
    """Return how many times as long ours takes as the other, best of many calls in turns."""
    ours_best, other_best = interleaved([ours, other], seconds)
    return ours_best / other_best


def peak_bytes(function):
    """Return the peak of the bytes that a call allocates."""
    function()
    gc.collect()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def worst_ulp(found, exact):
    """Return the largest error of an array in units of its last place.

    The exact array is one of long doubles; the result is infinity if NaNs differ.
    """
    if not np.array_equal(np.isnan(found), np.isnan(exact)):
        return float("inf")
    spacing = np.spacing(np.abs(exact).astype(found.dtype)).astype(np.longdouble)
    return float(np.nanmax(np.abs(found.astype(np.longdouble) - exact) / spacing))


class Beside:
    """One call by fastce and one by another library, on the same data; `prepare` makes both."""

    param_names = ("library", "shape", "dtype", "threads")

    def setup(self, library, *rest):
        """Make the data, and compile."""
        set_threads(rest[-1])
        self.ours, logits, theirs = self.prepare(library, *rest)
        if library == "fastce":
            self.call = self.ours
        elif library == "scaled copy":
            self.call = libraries.scaled_copy(logits)
        else:
            self.call = theirs()
        self.ours()
        self.call()

    def prepare(self, library, *rest):
        """Return our call, its array, and what makes the library's call."""
        raise NotImplementedError


def private(name, *modules):
    """Return something private of the library from the first of these modules that this commit has.

    Old commits are measured, too, and had other files.
    """
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except ModuleNotFoundError:
            continue
    raise NotImplementedError(f"this commit has no {name}")


def linear_loss():
    """Return the class of the linear model's objective."""
    return private("LinearLoss", "fastce._linear.loss", "fastce._linear_loss")


def minimise():
    """Return the function that all fits go through."""
    return private("minimise", "fastce._optimize.minimise", "fastce._solvers")


def count_passes(function):
    """Return how often a call goes through all rows of a linear model's X.

    Evaluations and products with the Hessian count alike.
    """
    LinearLoss = linear_loss()
    n, names = 0, ("value_and_grad", "hessian_product")
    originals = {name: getattr(LinearLoss, name) for name in names}

    def counted(original):
        def method(*args, **kwargs):
            nonlocal n
            n += 1
            return original(*args, **kwargs)

        return method

    for name, original in originals.items():
        setattr(LinearLoss, name, counted(original))
    try:
        function()
    finally:
        for name, original in originals.items():
            setattr(LinearLoss, name, original)
    return n
