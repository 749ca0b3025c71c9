"""Types of the extension module, for type checkers; products.pyx has the code."""

import numpy as np

class CheckedCsr:
    def __init__(
        self, data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, n_columns: int
    ) -> None: ...
    def forward(
        self,
        first: int,
        last: int,
        coef_pK: np.ndarray,
        intercept: np.ndarray | None,
        Z: np.ndarray,
    ) -> None: ...

def addresses() -> dict[str, int]: ...
def dense_forward(
    X: np.ndarray, coef_pK: np.ndarray, intercept: np.ndarray | None, Z: np.ndarray
) -> None: ...
def csr_forward(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef_pK: np.ndarray,
    intercept: np.ndarray | None,
    Z: np.ndarray,
) -> None: ...
