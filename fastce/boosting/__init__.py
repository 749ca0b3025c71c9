"""Losses as objectives and metrics of boosting libraries: `xgboost` and `lightgbm`."""

from ._libraries import lightgbm, xgboost

__all__ = ["lightgbm", "xgboost"]
