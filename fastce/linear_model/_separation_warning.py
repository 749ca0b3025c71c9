"""What a fit without a penalty says where there is no minimum."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ._warnings import warn


class SeparationWarning(ConvergenceWarning):
    """Columns take classes apart, and no penalty holds the coefficients: there is no minimum.

    Given by `LogisticRegression` with ``C=np.inf``. The coefficients grow without bound, so that
    neither they nor their standard errors mean anything; predictions do.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from fastce.linear_model import LogisticRegression, SeparationWarning
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", SeparationWarning)
    ...     model = LogisticRegression(C=np.inf).fit(X, y)
    >>> model.predict(X)
    array([0, 0, 1, 1])
    """


# Classes that a message names.
_MAX_NAMES = 10


def warn_of_separation(classes: np.ndarray) -> None:
    """Give the `SeparationWarning` of a fit, for labels of classes that come apart."""
    names = ", ".join(map(repr, classes[:_MAX_NAMES].tolist()))
    more = classes.size - _MAX_NAMES
    names += f" and {more} more" if more > 0 else ""
    rows = "rows of classes" if classes.size > 1 else "rows of class"
    message = (
        f"Perfect separation: {rows} {names} are told from the others by a "
        "linear combination of the columns of X, so without a penalty there is no minimum, and the "
        "coefficients grow without bound: their size means nothing. Set C to a number."
    )
    warn(message, SeparationWarning)
