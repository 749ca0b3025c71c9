"""Types of the extension module, for type checkers; gather.pyx has the code."""

import numpy as np

BLOCK_ROWS: int

def scatter_rows(
    grad: np.ndarray,
    target: np.ndarray,
    target_weight: np.ndarray,
    values: np.ndarray,
    first: int,
    last: int,
) -> None: ...
def sum_rows(
    x: np.ndarray,
    target: np.ndarray,
    target_weight: np.ndarray,
    values: np.ndarray | None,
    sums: np.ndarray,
    first: int,
    last: int,
) -> None: ...
