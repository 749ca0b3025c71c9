"""What `summary` returns: coefficients with their errors, as arrays, as text, as a DataFrame."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

_HEADINGS = ("coef", "std err", "z", "P>|z|")
_WIDTH = 11


@dataclass(frozen=True, eq=False, repr=False)
class CoefficientTable:
    """Coefficients of a logistic regression and how well the data tell them.

    There is a row for each class but the reference, K - 1 of them: its coefficients less those of
    the reference. Inside a row the intercept comes first, if there is one, then the columns of X:
    P in all.

    Attributes
    ----------
    names : ndarray (P,)
        "intercept", and the names of the columns, or x0, x1 ...
    classes : ndarray (K - 1,)
        The classes of the rows.
    reference : object
        The class that they are compared with.
    coef : ndarray (K - 1, P)
        At the optimum, to the last digits: `summary` takes the last steps there.
    covariance : ndarray ((K - 1) P, (K - 1) P)
        Of ``coef.ravel()``.
    std_err, z, p_value : ndarray (K - 1, P)
        Square roots of its diagonal; coef divided by them; the probability of a standard normal
        number at least as far from 0.
    conf_int : ndarray (K - 1, P, 2)
        Lower and upper end of the intervals that leave `alpha` outside.
    cov_type : {"nonrobust", "HC0"}
    alpha : float
    C : float
        What the model was fitted with; where it is finite, the errors are those of a penalised fit.
    n_obs : float
        The number of rows, or the sum of their `sample_weight`.
    log_likelihood : float
        Of the data at `coef`, without the penalty.

    Examples
    --------
    >>> import numpy as np
    >>> from fastce.inference import summary
    >>> from fastce.linear_model import LogisticRegression
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], [0, 0, 1, 0, 1, 1]
    >>> table = summary(LogisticRegression(C=np.inf).fit(X, y), X, y)
    >>> table.names
    array(['intercept', 'x0'], dtype=object)
    >>> table.coef.round(3), table.std_err.round(3)
    (array([[-3.035,  1.214]]), array([[2.546, 0.913]]))
    """

    names: np.ndarray
    classes: np.ndarray
    reference: Any
    coef: np.ndarray
    covariance: np.ndarray
    cov_type: str
    alpha: float
    C: float
    n_obs: float
    log_likelihood: float

    @property
    def std_err(self) -> np.ndarray:
        """Standard errors, (K - 1, P)."""
        return np.sqrt(self.covariance.diagonal()).reshape(self.coef.shape)

    @property
    def z(self) -> np.ndarray:
        """Coefficients divided by their standard errors, (K - 1, P)."""
        return self.coef / self.std_err

    @property
    def p_value(self) -> np.ndarray:
        """Two-sided p-values of Wald's test that a coefficient is 0, (K - 1, P)."""
        return np.asarray(2.0 * ndtr(-np.abs(self.z)))

    @property
    def conf_int(self) -> np.ndarray:
        """Confidence intervals, (K - 1, P, 2)."""
        half = -float(ndtri(0.5 * self.alpha)) * self.std_err
        return np.stack([self.coef - half, self.coef + half], axis=-1)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row for each coefficient.

        Returns
        -------
        DataFrame
            Columns coef, std_err, z, p_value, ci_lower and ci_upper. Rows are indexed by the name
            of the coefficient; with three or more classes by class and name.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "to_frame needs pandas: python -m pip install 'fastce[pandas]' (or just pandas)"
            ) from error
        index = pd.Index(self.names, name="name")
        if len(self.classes) > 1:
            index = pd.MultiIndex.from_product([self.classes, self.names], names=["class", "name"])
        columns = self._columns()
        names = ["coef", "std_err", "z", "p_value", "ci_lower", "ci_upper"]
        return pd.DataFrame(dict(zip(names, columns, strict=True)), index=index)

    def _columns(self) -> list[np.ndarray]:
        """Return the columns of the table, ((K - 1) P,) each."""
        tables = [self.coef, self.std_err, self.z, self.p_value, *np.moveaxis(self.conf_int, -1, 0)]
        return [table.ravel() for table in tables]

    def __str__(self) -> str:
        """Return the table as text."""
        errors = {"nonrobust": "from the Hessian", "HC0": "robust (HC0)"}[self.cov_type]
        penalty = "no penalty" if self.C == np.inf else f"penalised, C={self.C:g}"
        lines = [
            f"Logistic regression, {self.n_obs:.12g} rows, {penalty}",
            f"log-likelihood {self.log_likelihood:.6g}, standard errors {errors}",
        ]
        tail = [f"[{0.5 * self.alpha:.4g}", f"{1.0 - 0.5 * self.alpha:.4g}]"]
        width = max(9, *(len(name) for name in self.names))
        head = "".join(f"{text:>{_WIDTH}}" for text in (*_HEADINGS, *tail))
        rows = np.stack(self._columns(), axis=-1).reshape(*self.coef.shape, -1)
        for label, of_class in zip(self.classes, rows, strict=True):
            lines += ["", f"class {label} against {self.reference}", " " * width + head]
            for name, row in zip(self.names, of_class, strict=True):
                cells = [f"{number:.4g}" for number in row]
                cells[2], cells[3] = f"{row[2]:.2f}", f"{row[3]:.3f}"
                lines.append(f"{name:<{width}}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells))
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Return the table as text, as a session shows it."""
        return str(self)
