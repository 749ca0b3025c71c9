"""Calls from compiled code beside the same calls from Python: the same bits."""

import numba
import numpy as np
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

DTYPES = (np.float32, np.float64)
# Few classes, many, and more rows than a block has.
SHAPES = st.sampled_from([(0, 3), (1, 1), (5, 3), (65, 10), (7, 61), (3, 1000), (900, 100)])


def compiled(function):
    """Compile a function; what it was stays there as py_func."""
    return numba.njit(function)


def check_same(function, *arguments):
    """Check that a compiled function gives what it gives uncompiled, in types as well."""
    got, want = function(*arguments), function.py_func(*arguments)
    got, want = ((x,) if not isinstance(x, tuple) else x for x in (got, want))
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        assert np.shape(one) == np.shape(other)
        if np.ndim(other):
            assert one.dtype == other.dtype
        assert_array_equal(one, other)


@st.composite
def logits(draw, special=True, shapes=SHAPES):
    """Draw logits (n, K), some of them infinite or NaN.

    They are C-contiguous: each layout is another type, for which everything is compiled.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, n_classes = draw(shapes)
    x = (draw(st.sampled_from([1, 30])) * rng.standard_normal((n, n_classes))).astype(
        draw(st.sampled_from(DTYPES))
    )
    if special and x.size:
        for value in (np.inf, -np.inf, np.nan):
            x[rng.integers(n), rng.integers(n_classes)] = value
        x[rng.integers(n)] = -np.inf
    return x
