"""Logits beyond float64: what they say of the classes is kept, their size is not."""

import numpy as np

from .._core.design import Design
from .._core.flags import silent

# Products of numbers of X that are divided by two to this power cannot overflow, unless
# coefficients are beyond 1e150 themselves.
_EXPONENT = 600
# What the largest logit of such a row becomes: differences of two of this size do not overflow.
_LARGEST = float(np.finfo(np.float64).max) / 4.0


def mend(
    X: Design, first: int, table: np.ndarray, intercept: np.ndarray, logits: np.ndarray
) -> None:
    """Replace logits that overflowed by finite ones with the same signs, order and ratios.

    Parameters
    ----------
    X : Design (n, p)
    first : int
        The row of X that the first row of logits belongs to.
    table : ndarray (p, K)
    intercept : ndarray (K,)
    logits : ndarray (rows, K)
        Overwritten where a row has one that is infinite or NaN.
    """
    is_finite = np.isfinite(logits)
    if is_finite.all():
        return
    with silent():
        for i in np.flatnonzero(~is_finite.all(axis=1)).tolist():
            row = X.rows(first + i, first + i + 1).columns(0, X.shape[1])
            small = np.ldexp(row, -_EXPONENT) @ table + np.ldexp(intercept, -_EXPONENT)
            largest = float(np.abs(small).max())
            if 0.0 < largest < np.inf:
                logits[i] = small[0] / largest * _LARGEST
