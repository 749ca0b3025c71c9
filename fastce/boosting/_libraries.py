"""The public functions, one for each library."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ._calls import Objective
from ._named_loss import make_loss


def _objective(library: str, loss: str, hessian: str, **options: Any) -> Objective:
    if hessian not in ("library", "exact"):
        raise ValueError(f"hessian must be 'library' or 'exact'; got {hessian!r}")
    return Objective(library, make_loss(loss, options), hessian)


def xgboost(
    loss: str = "softmax",
    *,
    gamma: float | None = None,
    alpha: float | None = None,
    epsilon: float | None = None,
    label_smoothing: float | None = None,
    weight: npt.ArrayLike | None = None,
    pos_weight: float | None = None,
    hessian: str = "library",
) -> Objective:
    """Objective for XGBoost, and its metric.

    It brings losses that XGBoost lacks: XGBoost's own "multi:softprob", which needs no Python,
    stays faster than "softmax" here.

    Parameters
    ----------
    loss : {"softmax", "focal", "poly", "sigmoid", "sigmoid_focal"}, default "softmax"
        `fastce.cross_entropy`, `fastce.focal_loss` or `fastce.poly_loss` of one score for each
        class; `fastce.binary_cross_entropy_with_logits` or `fastce.sigmoid_focal_loss` of one
        score, for two classes.
    gamma : float, optional
        Of "focal" and "sigmoid_focal"; by default 2.
    alpha : float, optional
        Of "sigmoid_focal": the weight of class 1, that of class 0 being 1 - alpha; by default 0.25.
    epsilon : float, optional
        Of "poly"; by default 1.
    label_smoothing : float, optional
        Of "softmax"; by default 0.
    weight : array_like of shape (K,), optional
        Of the losses with a score for each class: a weight for each class.
    pos_weight : float, optional
        Of "sigmoid": the weight of class 1.
    hessian : {"library", "exact"}, default "library"
        Whether the Hessian diagonal of losses with a score for each class is multiplied with 2, as
        XGBoost does with that of its own softmax (trees make smaller steps), or left as it is.

    Returns
    -------
    callable
        For ``obj`` of ``xgboost.train`` and ``objective`` of the scikit-learn classes. Its
        attribute ``metric`` is the weighted mean of the loss, for ``custom_metric`` and
        ``eval_metric``. Both pickle, and take the weights of rows.

    Raises
    ------
    TypeError, ValueError
        If the loss has no such name or option, or an option is out of its range.

    See Also
    --------
    lightgbm : For LightGBM.

    Notes
    -----
    A custom objective works on raw scores, so ``predict`` returns those; `fastce.softmax` or
    `fastce.sigmoid` makes probabilities of them. XGBoost does not look for a start score then: set
    ``base_score``. ``num_class`` must be set for losses with a score for each class. Curvatures
    below 1e-16, as of rows that a focal loss sees classified badly, become 1e-16. It computes on
    one thread.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce.boosting import xgboost
    >>> objective = xgboost("focal", gamma=1)
    >>> objective
    fastce.boosting.xgboost('focal', gamma=1.0)
    >>> grad, hess = objective(np.array([1.0]), np.zeros((1, 2)))  # labels, scores
    >>> grad, hess
    (array([[ 0.4232868, -0.4232868]]), array([[0.75, 0.75]]))
    """
    return _objective(
        "xgboost",
        loss,
        hessian,
        gamma=gamma,
        alpha=alpha,
        epsilon=epsilon,
        label_smoothing=label_smoothing,
        weight=weight,
        pos_weight=pos_weight,
    )


def lightgbm(
    loss: str = "softmax",
    *,
    gamma: float | None = None,
    alpha: float | None = None,
    epsilon: float | None = None,
    label_smoothing: float | None = None,
    weight: npt.ArrayLike | None = None,
    pos_weight: float | None = None,
    hessian: str = "library",
) -> Objective:
    """Objective for LightGBM, and its metric.

    It brings losses that LightGBM lacks: LightGBM's own "multiclass", which needs no Python, stays
    faster than "softmax" here.

    Parameters
    ----------
    loss, gamma, alpha, epsilon, label_smoothing, weight, pos_weight
        As in `xgboost`.
    hessian : {"library", "exact"}, default "library"
        Whether the Hessian diagonal of losses with a score for each class is multiplied with
        K / (K - 1), as LightGBM does with that of its own softmax, or left as it is.

    Returns
    -------
    callable
        For ``objective`` in the parameters of ``lightgbm.train`` and of the scikit-learn classes.
        Its attribute ``metric`` is the weighted mean of the loss, for ``feval`` and
        ``eval_metric``. Both pickle, and take the weights of rows.

    Raises
    ------
    TypeError, ValueError
        If the loss has no such name or option, or an option is out of its range.

    See Also
    --------
    xgboost : For XGBoost; its notes hold here, too.

    Notes
    -----
    LightGBM starts at a score of 0 with a custom objective: ``boost_from_average`` has no effect;
    ``init_score`` of the data set sets another start.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce.boosting import lightgbm
    >>> objective = lightgbm("softmax", label_smoothing=0.1)
    >>> objective.metric(np.array([1.0]), np.zeros((1, 2)))  # labels, scores
    ('fastce_softmax', 0.6931471805599453, False)
    """
    return _objective(
        "lightgbm",
        loss,
        hessian,
        gamma=gamma,
        alpha=alpha,
        epsilon=epsilon,
        label_smoothing=label_smoothing,
        weight=weight,
        pos_weight=pos_weight,
    )
