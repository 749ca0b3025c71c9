"""Powers of numbers from 0 to 1, as the focal losses take them."""

import math

from .._core.jit import kernel
from .intrinsics import exp_nonpositive, log_nonnegative

# Up to this whole number a power is a product of its factors, which is quicker than
# exp(exponent log(base)), and loses fewer digits.
MAX_PRODUCTS = 4.0


@kernel
def powers(base, exponent, out):
    """Write base^exponent to out (n,), for 0 <= base <= 1; 0^0 = 1."""
    if exponent == 0.0:
        for k in range(base.size):
            out[k] = 1
    elif exponent <= MAX_PRODUCTS and exponent == math.floor(exponent):
        for k in range(base.size):
            out[k] = base[k]
        for _ in range(1, int(exponent)):
            for k in range(base.size):
                out[k] *= base[k]
    else:
        zero, factor = base.dtype.type(0), base.dtype.type(exponent)
        log_nonnegative(base, out)
        for k in range(base.size):
            product = out[k] * factor
            out[k] = zero if product > zero else product
        exp_nonpositive(out, out)
