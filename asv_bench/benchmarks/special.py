"""Functions of rows and elements that stand on their own: log-sum-exp, softmax, sigmoid."""

import numpy as np

from . import libraries
from .common import (
    DTYPES,
    HAS_LONG_DOUBLE,
    TABLE,
    THREADS,
    Beside,
    peak_bytes,
    public,
    random_logits,
    ratio,
    sizes,
    worst_ulp,
)

FUNCTIONS = [special.name for special in TABLE["SPECIAL"]]


class Special:
    """One call with a fresh result, along each axis."""

    params = (FUNCTIONS, sizes("65536x10", "4096x1000", small="8x3"), DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, function, shape, dtype):
        """Make the data."""
        self.function = public(function)
        self.rows = random_logits(shape, dtype)
        self.columns = self.rows.T.copy().T

    def time_c_order(self, *_):
        """Rows contiguous."""
        self.function(self.rows)

    def time_fortran_order(self, *_):
        """Columns contiguous."""
        self.function(self.columns)


class _Beside(Beside):
    param_names = ("library", "function", "shape", "dtype", "threads")

    def prepare(self, library, function, shape, dtype, threads):
        """Make the data."""
        ours, x = public(function), random_logits(shape, dtype)
        return lambda: ours(x), x, lambda: libraries.of_rows(library, function, x, threads)


ROWS = FUNCTIONS[:2]


class Libraries(_Beside):
    """Functions of rows by fastce and by others, and the scaled copy, the least for memory."""

    params = (
        ["fastce", "scaled copy", "SciPy", "torch", "jax"],
        ROWS,
        sizes("1024x100", small="8x3"),
        DTYPES,
        THREADS,
    )

    def time_call(self, *_):
        """One call."""
        self.call()


class Ratios(_Beside):
    """Fastce's time as a multiple of the others', called in turns: it varies less than times."""

    params = (
        ["scaled copy", "SciPy", "torch", "jax"],
        ROWS,
        sizes("1024x100", small="8x3"),
        DTYPES,
        THREADS,
    )

    def track_ratio(self, *_):
        """Fastce's time over theirs; below 1 it is the faster one."""
        return ratio(self.ours, self.call)

    track_ratio.unit = "times"


class Exact:
    """Figures that are the same on every machine: memory, and errors beside long doubles."""

    params = (FUNCTIONS, sizes("300x7", "20x1000", small="8x3"), DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, function, shape, dtype):
        """Make the data."""
        self.function = public(function)
        self.x = random_logits(shape, dtype)
        self.function(self.x)

    def track_bytes_an_element(self, *_):
        """Return the peak of what a call allocates over the number of elements: a large array."""
        x = np.resize(self.x, (-(-(1 << 18) // self.x.shape[1]), self.x.shape[1]))
        return round(peak_bytes(lambda: self.function(x)) / x.size, 1)

    track_bytes_an_element.unit = "bytes/element"

    def track_ulp(self, function, *_):
        """Largest error in units of the last place."""
        if not HAS_LONG_DOUBLE:
            return float("nan")
        x = self.x.astype(np.longdouble)
        small = np.exp(-np.abs(x))
        largest = x.max(axis=1, keepdims=True)
        z = np.exp(x - largest)
        others = z.copy()
        others[np.arange(len(x)), x.argmax(axis=1)] = 0
        log_sum = np.log1p(others.sum(axis=1, keepdims=True))
        exact = {
            "logsumexp": (largest + log_sum)[:, 0],
            "softmax": z / z.sum(axis=1, keepdims=True),
            "log_softmax": (x - largest) - log_sum,
            "sigmoid": np.where(x > 0, 1, small) / (1 + small),
            "log_sigmoid": np.minimum(x, 0) - np.log1p(small),
        }
        return round(worst_ulp(self.function(self.x), exact[function]), 2)

    track_ulp.unit = "ulp"
