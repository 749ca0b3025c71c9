"""Sizes, threads and data that the benchmarks share."""

import os

import numpy as np

import fastce

# Smallest sizes: to see that every benchmark runs, not how fast.
SMALL = os.environ.get("FASTCE_BENCH_SMALL", "0") not in ("", "0")

DTYPES = ["float32"] if SMALL else ["float32", "float64"]
THREADS = [1] if SMALL else [1, 2]


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
        X = scipy.sparse.random(n, p, density, "csr", random_state=rng, data_rvs=lambda size: 1 + rng.random(size))
    logits = X @ rng.standard_normal((p, n_classes)) + rng.gumbel(size=(n, n_classes))
    return X.astype(dtype), np.asarray(logits).argmax(axis=1)
