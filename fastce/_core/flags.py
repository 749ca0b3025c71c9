"""Floating-point flags: none leaves a call, whatever `numpy.seterr` says.

NumPy's functions clear the flags before they compute and look at them afterwards, so what compiled
code of ours leaves is never read. What is left are NumPy's own operations on floats: conversions
to a narrower dtype, products of weights, sums of values that may be infinite. They stand in this
context, each where it is, since entering it takes as long as a small loss.
"""

from typing import Any

import numpy as np


def silent() -> Any:
    """Return a context in which no operation of NumPy warns or raises.

    NaN, infinity, numbers that become 0, and sums beyond the largest number go into the results.
    """
    return np.errstate(all="ignore")
