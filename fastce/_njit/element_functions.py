"""sigmoid and log_sigmoid in compiled code, of arrays and of single numbers.

With e = exp(-|x|)::

    sigmoid = (e where x < 0, 1 elsewhere) / (1 + e)        log_sigmoid = min(x, 0) - log1p(e)
"""

import numpy as np
from numba import types

from .._core.jit import elementwise, kernel
from .._kernels.intrinsics import exp_nonpositive, logistic
from .._kernels.sigmoid import CHUNK
from .arguments import check_array, check_out, constant, matrix, result_like
from .cached import of_these_sources


@elementwise
def _minus_magnitude(x, out):
    for k in range(x.size):
        out[k] = -abs(x[k])


@elementwise
def _ratio(x, e, out):
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for k in range(x.size):
        out[k] = (e[k] if x[k] < zero else one) / (e[k] + one)


@elementwise
def _minimum_minus(x, tail, out):
    zero = x.dtype.type(0)
    for k in range(x.size):
        out[k] = (x[k] if x[k] < zero else zero) - tail[k]


@kernel
def sigmoid_flat(x, out):
    """Write sigmoid(x) of x (n,) to out (n,), which may be x."""
    e = np.empty(min(CHUNK, x.size), x.dtype)
    for i in range(0, x.size, CHUNK):
        part = x[i : i + CHUNK]
        terms = e[: part.size]
        _minus_magnitude(part, terms)
        exp_nonpositive(terms, terms)
        _ratio(part, terms, out[i : i + CHUNK])


@kernel
def log_sigmoid_flat(x, out):
    """Write log(sigmoid(x)) of x (n,) to out (n,), which may be x."""
    work = np.empty((3, min(CHUNK, x.size)), x.dtype)
    small, large, tail = work[0], work[1], work[2]
    for i in range(0, x.size, CHUNK):
        part = x[i : i + CHUNK]
        logistic(part, small, large, tail)
        _minimum_minus(part, tail, out[i : i + CHUNK])


@kernel
def _sigmoid_of(x, out):
    result = result_like(out, x)
    sigmoid_flat(matrix(x).reshape(-1), result.reshape(-1))
    return result


@kernel
def _log_sigmoid_of(x, out):
    result = result_like(out, x)
    log_sigmoid_flat(matrix(x).reshape(-1), result.reshape(-1))
    return result


@kernel
def _sigmoid_of_number(x):
    one = np.full(1, x)
    sigmoid_flat(one, one)
    return one[0]


@kernel
def _log_sigmoid_of_number(x):
    one = np.full(1, x)
    log_sigmoid_flat(one, one)
    return one[0]


def _build(of_number, of_array, x, out):
    if isinstance(x, types.Float) and constant(out) is None:

        def implementation(x, out=None):
            of_these_sources()
            return of_number(x)
    else:
        check_array(x, "x")
        check_out(out, x)

        def implementation(x, out=None):
            of_these_sources()
            return of_array(x, out)

    return implementation


def sigmoid(x, out=None):
    """Build `fastce.sigmoid`."""
    return _build(_sigmoid_of_number, _sigmoid_of, x, out)


def log_sigmoid(x, out=None):
    """Build `fastce.log_sigmoid`."""
    return _build(_log_sigmoid_of_number, _log_sigmoid_of, x, out)
