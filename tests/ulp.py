"""How far a result is from the exact number: in units of the last place, and in units of eps.

The exact number comes in a format with more digits than the result (float64 for float32, long
double or two float64 for float64). Both measures give an array; NaN where a number was expected is
an infinite error, an infinity that is right is none.
"""

import numpy as np


def in_ulps(got, exact):
    """Return |got - exact| in steps of got's format at the exact number.

    Below the smallest normal number the step is the smallest subnormal number.
    """
    info = np.finfo(got.dtype)
    _, exponent = np.frexp(exact)
    exponent = np.maximum(exponent, info.minexp + 1)
    with np.errstate(invalid="ignore"):  # inf - inf
        difference = got.astype(exact.dtype) - exact
    errors = np.abs(np.ldexp(difference, info.nmant + 1 - exponent)).astype(np.float64)
    return np.where(np.isnan(errors), np.where(got == exact, 0, np.inf), errors)


def in_eps(got, exact, scale=None, low=0.0):
    """Return |got - (exact + low)| / (eps scale), eps that of got's dtype.

    `scale` is |exact| where None, and never less than the smallest normal number: eps times that is
    the step between subnormal numbers.
    """
    info = np.finfo(got.dtype)
    scale = np.maximum(np.abs(exact) if scale is None else scale, info.tiny)
    with np.errstate(invalid="ignore"):
        difference = np.abs((got.astype(np.result_type(got, exact)) - exact) - low)
        errors = (difference / scale / info.eps).astype(np.float64)
    return np.where(np.isnan(errors), np.where(got == exact, 0, np.inf), errors)
