"""Pictures of fits, in the style of scikit-learn's displays."""

from ._convergence_display import ConvergenceDisplay

__all__ = ["ConvergenceDisplay"]
