"""`ConvergenceDisplay`: how the objective or the gradient of fits falls."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

QUANTITIES = {"objective": "objective above the least", "gradient": "max |gradient|"}
AGAINST = ("iterations", "seconds")
_HISTORIES = ("loss_history_", "grad_norm_history_", "seconds_history_")


class ConvergenceDisplay:
    """How fits converge: objective or gradient, against iterations or seconds.

    Make one with `from_estimator`, or `from_estimators` for several fits in one picture. Parameters
    become attributes.

    Parameters
    ----------
    losses : list of ndarray (n_iter + 1,)
        The mean objective at the start and after each iteration, of each fit.
    grad_norms : list of ndarray (n_iter + 1,)
        Largest absolute entry of its gradient.
    seconds : list of ndarray (n_iter + 1,)
        Seconds since the call of ``fit``.
    names : list of str
        What the legend calls the fits.
    least : float or None, default=None
        The minimum of the objective; by default the lowest value of all fits.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the curves.
    figure_ : matplotlib Figure
        The figure that holds them.
    lines_ : list of matplotlib Line2D
        The curves.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from fastce.display import ConvergenceDisplay
    >>> from fastce.linear_model import LogisticRegression
    >>> X, y = load_wine(return_X_y=True)
    >>> model = LogisticRegression().fit(X, y)
    >>> display = ConvergenceDisplay.from_estimator(model)  # doctest: +SKIP
    >>> display.figure_.savefig("convergence.png")  # doctest: +SKIP
    """

    def __init__(
        self,
        losses: Sequence[np.ndarray],
        grad_norms: Sequence[np.ndarray],
        seconds: Sequence[np.ndarray],
        names: Sequence[str],
        *,
        least: float | None = None,
    ) -> None:
        self.losses, self.grad_norms, self.seconds = losses, grad_norms, seconds
        self.names = names
        self.least = least

    def plot(
        self,
        ax: Any = None,
        *,
        quantity: str = "objective",
        against: str = "iterations",
        curve_kwargs: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    ) -> "ConvergenceDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; by default the axes of a new figure.
        quantity : {"objective", "gradient"}, default="objective"
            What to draw, on a logarithmic scale: the mean objective less the least one, or the
            largest absolute entry of its gradient. A value of 0, as of the least objective itself,
            has no place on this scale and is left out.
        against : {"iterations", "seconds"}, default="iterations"
            What to draw it against. The first fit in a process loads or compiles what it needs,
            which its seconds contain.
        curve_kwargs : dict, list of dict or None, default=None
            Options of matplotlib's ``plot``: for all curves, or one dict for each.

        Returns
        -------
        ConvergenceDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an option is unknown, or the number of dicts is not the number of curves.
        """
        plt = _pyplot()
        _check_choice("quantity", quantity, tuple(QUANTITIES))
        _check_choice("against", against, AGAINST)
        options = _options(curve_kwargs, len(self.losses))
        if ax is None:
            _, ax = plt.subplots()
        self.lines_ = []
        curves = self.grad_norms if quantity == "gradient" else self._above_least()
        for curve, seconds, name, own in zip(
            curves, self.seconds, self.names, options, strict=True
        ):
            x = seconds if against == "seconds" else np.arange(len(curve))
            above_zero = np.where(np.asarray(curve) > 0.0, curve, np.nan)
            self.lines_ += ax.plot(x, above_zero, **{"marker": "o", "ms": 4, "label": name} | own)
        ax.set(yscale="log", xlabel=against, ylabel=QUANTITIES[quantity])
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _above_least(self) -> list[np.ndarray]:
        least = self.least
        if least is None:
            least = min(float(np.min(losses)) for losses in self.losses)
        return [np.asarray(losses) - least for losses in self.losses]

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        least: float | None = None,
        ax: Any = None,
        quantity: str = "objective",
        against: str = "iterations",
        curve_kwargs: dict[str, Any] | None = None,
    ) -> "ConvergenceDisplay":
        """Draw how the fit of one estimator converged.

        Parameters
        ----------
        estimator : LogisticRegression
            Fitted, or a fitted pipeline or search with one at its end.
        name : str or None, default=None
            What the legend calls it; by default the name of its class.
        least : float or None, default=None
            The minimum of the mean objective, from a fit with a small `tol` for example; by default
            the lowest value of this fit.
        ax, quantity, against, curve_kwargs
            See `plot`.

        Returns
        -------
        ConvergenceDisplay

        Raises
        ------
        TypeError
            If the estimator keeps no history of its fit.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ImportError, ValueError
            See `plot`.
        """
        return cls.from_estimators(
            {name or type(_model_of(estimator)).__name__: estimator},
            least=least,
            ax=ax,
            quantity=quantity,
            against=against,
            curve_kwargs=curve_kwargs,
        )

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any] | Sequence[Any],
        *,
        least: float | None = None,
        ax: Any = None,
        quantity: str = "objective",
        against: str = "iterations",
        curve_kwargs: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    ) -> "ConvergenceDisplay":
        """Draw how the fits of several estimators converged.

        Objectives are comparable where the data and the penalty are the same: a fit with another
        objective belongs into axes of its own.

        Parameters
        ----------
        estimators : dict or list of LogisticRegression
            Fitted, as for `from_estimator`; the keys of a dict are their names in the legend, which
            are otherwise what they print as.
        least : float or None, default=None
            The minimum of the mean objective; by default the lowest value of all fits.
        ax, quantity, against, curve_kwargs
            See `plot`.

        Returns
        -------
        ConvergenceDisplay

        Raises
        ------
        TypeError
            If an estimator keeps no history of its fit.
        sklearn.exceptions.NotFittedError
            If one is not fitted.
        ImportError, ValueError
            See `plot`.
        """
        _pyplot()  # a missing matplotlib is said before anything else
        if isinstance(estimators, Mapping):
            names, models = list(estimators), [_model_of(e) for e in estimators.values()]
        else:
            models = [_model_of(e) for e in estimators]
            names = [" ".join(repr(model).split()) for model in models]
        if not models:
            raise ValueError("estimators must hold at least one estimator; got none")
        if least is not None and not (isinstance(least, Real) and np.isfinite(float(least))):
            raise ValueError(f"least must be a finite number or None; got {least!r}")
        losses, grad_norms, seconds = (
            [getattr(model, history) for model in models] for history in _HISTORIES
        )
        least = None if least is None else float(least)
        display = cls(losses, grad_norms, seconds, names, least=least)
        return display.plot(ax, quantity=quantity, against=against, curve_kwargs=curve_kwargs)


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "ConvergenceDisplay needs matplotlib, which is not installed: "
            "python -m pip install 'fastce[plot]' (or just matplotlib)"
        ) from error
    return plt


def _model_of(estimator: Any) -> Any:
    """Return the estimator that keeps a history: itself, or the last one inside."""
    model, inside = estimator, estimator
    while inside is not None:
        model = inside
        inside = getattr(model, "best_estimator_", None)
        if inside is None and hasattr(model, "steps"):
            inside = model.steps[-1][1]
    if type(model).__module__.partition(".")[0] == __name__.partition(".")[0]:
        check_is_fitted(model)
    missing = [name for name in _HISTORIES if not hasattr(model, name)]
    if missing:
        why = "was it fitted by an older version?" if len(missing) < len(_HISTORIES) else ""
        raise TypeError(
            "estimator must keep the history of its fit, as fastce's do; "
            f"got {type(model).__module__}.{type(model).__qualname__} without "
            f"{', '.join(missing)} {why}".rstrip()
        )
    return model


def _check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}; got {value!r}")


def _options(
    curve_kwargs: dict[str, Any] | Sequence[dict[str, Any]] | None, n_curves: int
) -> list[dict[str, Any]]:
    """Return the options of each curve."""
    if curve_kwargs is None or isinstance(curve_kwargs, dict):
        return [curve_kwargs or {}] * n_curves
    if len(curve_kwargs) != n_curves:
        raise ValueError(
            f"curve_kwargs must be a dict, or a list of {n_curves}, one for each curve; "
            f"got {len(curve_kwargs)}"
        )
    return list(curve_kwargs)
