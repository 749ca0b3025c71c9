"""Types of the extension module, for type checkers; products.pyx has the code."""

import numpy as np

def addresses() -> dict[str, int]: ...
def dense_forward(
    X: np.ndarray, coef_pK: np.ndarray, intercept: np.ndarray | None, Z: np.ndarray
) -> None: ...
def check_csr(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, n_columns: int
) -> None: ...
def csr_forward(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef_pK: np.ndarray,
    intercept: np.ndarray | None,
    Z: np.ndarray,
) -> None: ...
