"""Softmax cross-entropy: every form, few and many classes."""

import numpy as np

from . import libraries
from .common import (
    DTYPES,
    HAS_LONG_DOUBLE,
    THREADS,
    Beside,
    forms,
    parse,
    peak_bytes,
    public,
    random_labels,
    random_logits,
    ratio,
    set_threads,
    sizes,
    worst_ulp,
)

FORMS = forms("cross_entropy")
HESS_VECTOR_FUNCTIONS = ["cross_entropy_hess_vector"]
SHAPES = sizes("200000x3", "65536x10", "4096x1000", "64x50257", small="8x3")


class CrossEntropy:
    """Class indices as targets."""

    params = (FORMS, SHAPES, DTYPES, THREADS)
    param_names = ("form", "shape", "dtype", "threads")

    def setup(self, form, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        n, n_classes = parse(shape)
        self.labels = random_labels(n, n_classes)
        self.options = {
            "weight": np.linspace(0.5, 2, n_classes),
            "label_smoothing": 0.1,
            "ignore_index": 0,
        }
        self.time_plain()
        self.time_options()

    def time_plain(self, *_):
        """No option."""
        self.function(self.logits, self.labels)

    def time_options(self, *_):
        """Class weights, smoothing and ignored rows: the normal form makes them cheap."""
        self.function(self.logits, self.labels, **self.options)


class Probabilities:
    """Probabilities as targets."""

    params = (FORMS, sizes("65536x10", "4096x1000", small="8x3"), DTYPES, THREADS)
    param_names = ("form", "shape", "dtype", "threads")

    def setup(self, form, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        self.target = public("softmax")(self.logits[::-1])
        self.function(self.logits, self.target)

    def time_plain(self, *_):
        """No option."""
        self.function(self.logits, self.target)


class HessVector:
    """The product of the rows' Hessians with a vector."""

    params = (HESS_VECTOR_FUNCTIONS, SHAPES, DTYPES, THREADS)
    param_names = ("function", "shape", "dtype", "threads")

    def setup(self, function, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(function)
        self.logits, self.labels = random_logits(shape, dtype), random_labels(*parse(shape))
        self.v = self.logits[::-1].copy()
        self.time_product()

    def time_product(self, *_):
        """No option."""
        self.function(self.logits, self.labels, self.v)


class _Beside(Beside):
    def prepare(self, library, shape, dtype, threads):
        """Make the data."""
        value_and_grad = public("cross_entropy_value_and_grad")
        logits, labels = random_logits(shape, dtype), random_labels(*parse(shape))
        return (
            lambda: value_and_grad(logits, labels),
            logits,
            lambda: libraries.cross_entropy(library, logits, labels, threads),
        )


class Libraries(_Beside):
    """Value and gradient by fastce and by others, and the scaled copy, the least for memory."""

    params = (
        ["fastce", "scaled copy", "scikit-learn", "torch", "jax"],
        sizes("1024x100", "65536x10", small="8x3"),
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
        sizes("1024x100", "65536x10", small="8x3"),
        DTYPES,
        THREADS,
    )

    def track_ratio(self, *_):
        """Fastce's time over theirs; below 1 it is the faster one."""
        return ratio(self.ours, self.call)

    track_ratio.unit = "times"


class Exact:
    """Figures that are the same on every machine: memory, and errors beside long doubles."""

    params = (FORMS, sizes("300x7", "20x1000", small="8x3"), DTYPES)
    param_names = ("form", "shape", "dtype")

    def setup(self, form, shape, dtype):
        """Make the data, and compile."""
        set_threads(1)
        self.function = public(form)
        self.logits, self.labels = random_logits(shape, dtype), random_labels(*parse(shape))
        self.function(self.logits, self.labels)
        self.function(self.logits, self.labels, reduction="none")

    def track_bytes_an_element(self, *_):
        """Return the peak of what a call allocates, over the number of logits, of a large array."""
        rows = -(-(1 << 18) // self.logits.shape[1])
        logits, labels = (
            np.resize(self.logits, (rows, self.logits.shape[1])),
            np.resize(self.labels, rows),
        )
        return round(peak_bytes(lambda: self.function(logits, labels)) / logits.size, 1)

    track_bytes_an_element.unit = "bytes/element"

    def track_ulp(self, form, *_):
        """Largest error of whatever the form returns, in units of the last place."""
        if not HAS_LONG_DOUBLE:
            return float("nan")
        x = self.logits.astype(np.longdouble)
        rows, z = np.arange(len(x)), np.exp(x - x.max(axis=1, keepdims=True))
        p, others = z / z.sum(axis=1, keepdims=True), z.copy()
        # a target's gradient is minus the sum of the others: p - 1 would cancel
        others[rows, self.labels] = 0
        rest = others.sum(axis=1) / z.sum(axis=1)
        grad = p.copy()
        grad[rows, self.labels] = -rest
        complement = np.array([[np.delete(row, k).sum() for k in range(row.size)] for row in p])
        loss = np.where(rest < 0.5, -np.log1p(-rest), -np.log(p[rows, self.labels]))
        exact = {
            "cross_entropy": [loss],
            "cross_entropy_value_and_grad": [loss, grad],
            "cross_entropy_grad_and_hess": [grad, p * complement],
        }
        found = self.function(self.logits, self.labels, reduction="none")
        found = found if isinstance(found, tuple) else (found,)
        return round(max(worst_ulp(a, b) for a, b in zip(found, exact[form], strict=True)), 2)

    track_ulp.unit = "ulp"
