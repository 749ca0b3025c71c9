"""logsumexp, softmax and log_softmax in compiled code.

With the maximum m, rest and logs = log1p(rest) of a row (see `fastce._kernels.sums`)::

    logsumexp = m + logs    softmax = exp(x - m) / (1 + rest)    log_softmax = (x - m) - logs
"""

import numpy as np

from .._core.jit import elementwise, kernel
from .._kernels.intrinsics import BLOCK_ROWS, softmax_statistics, weighted_softmax
from . import arguments
from .arguments import constant, matrix, result_like
from .cached import of_these_sources


@kernel
def _softmax(x, out):
    n = x.shape[0] if x.shape[1] else 0
    work = np.empty((4, min(n, BLOCK_ROWS)), x.dtype)
    weight, row_max, rest, logs = work[0], work[1], work[2], work[3]
    for i in range(weight.size):
        weight[i] = 1
    for start in range(0, n, BLOCK_ROWS):
        rows = x[start : start + BLOCK_ROWS]
        weights = weight[: rows.shape[0]]
        weighted_softmax(rows, weights, out[start : start + BLOCK_ROWS], row_max, rest, logs)


@elementwise
def _maximum_and_logs(x, row_max, logs):
    # their sum is logsumexp; of a row whose maximum is infinite, or all NaN: its first NaN or that
    for i in range(x.shape[0]):
        if not np.isfinite(row_max[i]):
            logs[i] = 0
            for k in range(x.shape[1]):
                if np.isnan(x[i, k]) and not np.isnan(row_max[i]):
                    row_max[i] = x[i, k]


@elementwise
def _shifted(x, row_max, logs, out):
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[i, k] = (x[i, k] - row_max[i]) - logs[i]


@kernel
def _log_softmax(x, total, out):
    # total (n,) becomes logsumexp unless it is empty, out (n, K) log_softmax unless it has no rows
    n = x.shape[0] if x.shape[1] else 0
    work = np.empty((3, min(n, BLOCK_ROWS)), x.dtype)
    row_max, rest, logs = work[0], work[1], work[2]
    for i in range(total.size if n == 0 else 0):
        total[i] = -np.inf  # the logarithm of an empty sum
    for start in range(0, n, BLOCK_ROWS):
        rows = x[start : start + BLOCK_ROWS]
        softmax_statistics(rows, row_max, rest, logs)
        _maximum_and_logs(rows, row_max, logs)
        if out.shape[0]:
            _shifted(rows, row_max, logs, out[start : start + BLOCK_ROWS])
        for i in range(rows.shape[0] if total.size else 0):
            total[start + i] = row_max[i] + logs[i]


@kernel
def _softmax_of(x, out):
    rows, result = matrix(x), result_like(out, x)
    _softmax(rows, matrix(result))
    return result


@kernel
def _log_softmax_of(x, out):
    rows, result = matrix(x), result_like(out, x)
    _log_softmax(rows, np.empty(0, x.dtype), matrix(result))
    return result


@kernel
def _logsumexp_of(x):
    rows = matrix(x)
    total = np.empty(rows.shape[0], x.dtype)
    _log_softmax(rows, total, rows[:0])
    return total


def _check(x, axis, out):
    arguments.check_array(x, "x")
    arguments.check_axis(axis, x.ndim)
    arguments.check_out(out, x)


def softmax(x, axis=-1, out=None):
    """Build `fastce.softmax`."""
    _check(x, axis, out)

    def implementation(x, axis=-1, out=None):
        of_these_sources()
        return _softmax_of(x, out)

    return implementation


def log_softmax(x, axis=-1, out=None):
    """Build `fastce.log_softmax`."""
    _check(x, axis, out)

    def implementation(x, axis=-1, out=None):
        of_these_sources()
        return _log_softmax_of(x, out)

    return implementation


def logsumexp(x, axis=-1, keepdims=False):
    """Build `fastce.logsumexp`."""
    _check(x, axis, None)
    if constant(keepdims) not in (False, True):
        raise arguments.TypingError(
            f"keepdims must be written as True or False in compiled code; got {keepdims}"
        )
    if constant(keepdims) and x.ndim == 2:

        def implementation(x, axis=-1, keepdims=False):
            of_these_sources()
            return _logsumexp_of(x).reshape((x.shape[0], 1))
    elif constant(keepdims) or x.ndim == 2:

        def implementation(x, axis=-1, keepdims=False):
            of_these_sources()
            return _logsumexp_of(x)
    else:

        def implementation(x, axis=-1, keepdims=False):
            of_these_sources()
            return _logsumexp_of(x)[0]

    return implementation
