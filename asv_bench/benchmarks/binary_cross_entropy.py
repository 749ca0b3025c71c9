"""Sigmoid cross-entropy: every form."""

import numpy as np

from . import libraries
from .common import (
    DTYPES,
    HAS_LONG_DOUBLE,
    THREADS,
    Beside,
    forms,
    peak_bytes,
    public,
    random_logits,
    ratio,
    set_threads,
    sizes,
    worst_ulp,
)

FORMS = forms("binary_cross_entropy_with_logits")


class WithLogits:
    """Logits and targets in [0, 1]."""

    params = (FORMS, sizes("1000", "1000000", small="8"), DTYPES, THREADS)
    param_names = ("form", "shape", "dtype", "threads")

    def setup(self, form, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        self.target = np.random.default_rng(1).integers(2, size=self.logits.shape).astype(dtype)
        self.time_plain()
        self.time_pos_weight()

    def time_plain(self, *_):
        """No option."""
        self.function(self.logits, self.target)

    def time_pos_weight(self, *_):
        """Positive examples count three times."""
        self.function(self.logits, self.target, pos_weight=3.0)


class _Beside(Beside):
    def prepare(self, library, shape, dtype, threads):
        """Make the data."""
        value_and_grad = public("binary_cross_entropy_with_logits_value_and_grad")
        logits = random_logits(shape, dtype)
        target = np.random.default_rng(1).integers(2, size=logits.shape).astype(dtype)
        return (
            lambda: value_and_grad(logits, target),
            logits,
            lambda: libraries.binary_cross_entropy_with_logits(library, logits, target, threads),
        )


class Libraries(_Beside):
    """Value and gradient by fastce and by others, and the scaled copy, the least for memory."""

    params = (
        ["fastce", "scaled copy", "scikit-learn", "torch", "jax"],
        sizes("100000", small="8"),
        DTYPES,
        THREADS,
    )

    def time_value_and_grad(self, *_):
        """One call."""
        self.call()


class Ratios(_Beside):
    """Fastce's time as a multiple of the others', called in turns: it varies less than times."""

    params = (
        ["scaled copy", "scikit-learn", "torch", "jax"],
        sizes("100000", small="8"),
        DTYPES,
        THREADS,
    )

    def track_ratio(self, *_):
        """Fastce's time over theirs; below 1 it is the faster one."""
        return ratio(self.ours, self.call)

    track_ratio.unit = "times"


class Exact:
    """Figures that are the same on every machine: memory, and errors beside long doubles."""

    params = (FORMS, sizes("3000", small="8"), DTYPES)
    param_names = ("form", "shape", "dtype")

    def setup(self, form, shape, dtype):
        """Make the data, and compile."""
        set_threads(1)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        self.target = np.random.default_rng(1).integers(2, size=self.logits.shape).astype(dtype)
        self.function(self.logits, self.target)
        self.function(self.logits, self.target, reduction="none")

    def track_bytes_an_element(self, *_):
        """Return the peak of what a call allocates, over the number of logits, of a large array."""
        logits, target = np.resize(self.logits, 1 << 18), np.resize(self.target, 1 << 18)
        return round(peak_bytes(lambda: self.function(logits, target)) / logits.size, 1)

    track_bytes_an_element.unit = "bytes/element"

    def track_ulp(self, form, *_):
        """Largest error of whatever the form returns, in units of the last place."""
        if not HAS_LONG_DOUBLE:
            return float("nan")
        x = self.logits.astype(np.longdouble)
        x = np.where(self.target == 1, -x, x)  # the loss is log(1 + exp(x))
        small = np.exp(-np.abs(x))
        p = np.where(x > 0, 1, small) / (1 + small)
        grad = np.where(self.target == 1, -p, p)
        loss, hess = np.maximum(x, 0) + np.log1p(small), small / (1 + small) ** 2
        name = "binary_cross_entropy_with_logits"
        exact = {
            name: [loss],
            f"{name}_value_and_grad": [loss, grad],
            f"{name}_grad_and_hess": [grad, hess],
        }
        found = self.function(self.logits, self.target, reduction="none")
        found = found if isinstance(found, tuple) else (found,)
        return round(max(worst_ulp(a, b) for a, b in zip(found, exact[form], strict=True)), 2)

    track_ulp.unit = "ulp"
