"""Losses called from functions that users compile with Numba."""

import numpy as np

from .common import DTYPES, SMALL, public, random_logits, sizes

N_CALLS = 10 if SMALL else 10_000


def _functions():
    # Compiled when a benchmark is set up: commits before this was possible have none of them.
    import numba

    public("cross_entropy")
    try:
        from fastce._njit.extension import register
    except ImportError:
        raise NotImplementedError("this commit has no functions for compiled code") from None
    import fastce

    register()

    @numba.njit
    def softmax(x, y, out):
        fastce.softmax(x, out=out)

    @numba.njit
    def cross_entropy(x, y, out):
        return fastce.cross_entropy_value_and_grad(x, y, out=out)[0]

    return {"softmax": softmax, "cross_entropy_value_and_grad": cross_entropy}


class Compiled:
    """One call on all rows, and one call for each row: what a call costs inside."""

    params = (
        ["softmax", "cross_entropy_value_and_grad"],
        sizes("64x10", "4096x100", small="8x3"),
        DTYPES,
    )
    param_names = ("function", "shape", "dtype")

    def setup(self, function, shape, dtype):
        """Make the data, and compile."""
        import numba

        call = _functions()[function]

        @numba.njit
        def each_row(x, y, out, n_calls):
            for i in range(n_calls):
                k = i % x.shape[0]
                call(x[k : k + 1], y[k : k + 1], out[k : k + 1])

        self.call, self.each_row = call, each_row
        self.x = random_logits(shape, dtype)
        self.y = np.arange(self.x.shape[0]) % self.x.shape[1]
        self.out = np.empty_like(self.x)
        self.call(self.x, self.y, self.out)
        self.each_row(self.x, self.y, self.out, 1)

    def time_all_rows(self, *_):
        """One call."""
        self.call(self.x, self.y, self.out)

    def time_each_row(self, *_):
        """10,000 calls of one row each."""
        self.each_row(self.x, self.y, self.out, N_CALLS)
