"""Triangular systems of equations."""

from typing import Any

import numpy as np
import scipy.linalg


def solve_triangular(a: Any, b: Any, *, trans: int = 0, lower: bool = False) -> np.ndarray:
    """Solve as `scipy.linalg.solve_triangular` does, and no equations as well.

    SciPy 1.11 has an error for these.
    """
    if b.shape[0] == 0:
        return np.zeros(b.shape)
    return np.asarray(scipy.linalg.solve_triangular(a, b, trans=trans, lower=lower))
