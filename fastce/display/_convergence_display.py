"""`ConvergenceDisplay`: how the objective or the gradient of fits falls."""

import sys
import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

QUANTITIES = {"objective": "suboptimality", "gradient": "max |gradient|"}
AGAINST = ("iterations", "seconds")
_HISTORIES = ("loss_history_", "grad_norm_history_", "seconds_history_")
# How far a minimum that is given may be above a curve, as a part of it: two fits with a small `tol`
# differ by rounding errors.
_MAX_ABOVE = 1e-9


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
    minimum : float or None, default=None
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
        minimum: float | None = None,
    ) -> None:
        self.losses, self.grad_norms, self.seconds = losses, grad_norms, seconds
        self.names = names
        self.minimum = minimum

    def plot(
        self,
        ax: Any = None,
        *,
        quantity: str = "objective",
        against: str = "iterations",
        curve_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> "ConvergenceDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; by default the axes of a new figure.
        quantity : {"objective", "gradient"}, default="objective"
            What to draw, on a logarithmic scale: the suboptimality, which is the mean objective
            less its minimum, or the largest absolute entry of the gradient. A value of 0, as of the
            minimum itself, has no place on this scale and is left out.
        against : {"iterations", "seconds"}, default="iterations"
            What to draw it against. The first fit in a process loads or compiles what it needs,
            which its seconds contain.
        curve_kwargs : dict, list of dict or None, default=None
            Properties of matplotlib's ``Line2D``, also by their short names: for all curves, or one
            dict for each.

        Returns
        -------
        ConvergenceDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `ax` is no Axes, or `curve_kwargs` are no dicts.
        ValueError
            If an option is unknown, a minimum is not a finite number, or the number of dicts is not
            the number of curves.

        Warns
        -----
        UserWarning
            If there is nothing to draw of a fit, or the minimum that was given is above the
            objective of one.
        """
        plt = _pyplot()
        _check_choice("quantity", quantity, tuple(QUANTITIES))
        _check_choice("against", against, AGAINST)
        _check_minimum(self.minimum)
        _check_axes(ax)
        options = _options(curve_kwargs, len(self.losses))
        is_own = ax is None
        if is_own:
            _, ax = plt.subplots()
        lines: list[Any] = []
        try:
            for curve, seconds, name, own in zip(
                self._curves(quantity), self.seconds, self.names, options, strict=True
            ):
                x = seconds if against == "seconds" else np.arange(len(curve))
                lines += ax.plot(x, curve, **{"marker": "o", "markersize": 4, "label": name} | own)
            ax.set(yscale="log", xlabel=against, ylabel=QUANTITIES[quantity])
            ax.legend()
        except BaseException:  # what was drawn of a picture that failed does not stay
            for line in lines:
                line.remove()
            if is_own:
                plt.close(ax.figure)
            raise
        self.lines_, self.ax_, self.figure_ = lines, ax, ax.figure
        return self

    def _curves(self, quantity: str) -> list[np.ndarray]:
        """Return what is drawn; NaN is what has no place on a logarithmic scale."""
        if quantity == "gradient":
            values, remedy = [np.asarray(grad_norms) for grad_norms in self.grad_norms], ""
        else:
            values, remedy = self._suboptimalities(), ": set minimum to a value below its objective"
        curves = [np.where(value > 0.0, value, np.nan) for value in values]
        for name, curve in zip(self.names, curves, strict=True):
            if np.isnan(curve).all():
                _warn(
                    f"nothing is drawn of {name!r}, whose {QUANTITIES[quantity]} is nowhere above 0"
                    f"{remedy}"
                )
        return curves

    def _suboptimalities(self) -> list[np.ndarray]:
        lowest = [float(np.min(losses)) for losses in self.losses]
        minimum = min(lowest) if self.minimum is None else float(self.minimum)
        for name, value in zip(self.names, lowest, strict=True):
            if minimum - value > _MAX_ABOVE * abs(value):
                _warn(
                    "minimum must not be above the objective of a fit, whose values below it are "
                    f"left out; got {minimum!r}, and {name!r} falls to {value!r}"
                )
        return [np.asarray(losses) - minimum for losses in self.losses]

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        minimum: float | None = None,
        ax: Any = None,
        quantity: str = "objective",
        against: str = "iterations",
        curve_kwargs: Mapping[str, Any] | None = None,
    ) -> "ConvergenceDisplay":
        """Draw how the fit of one estimator converged.

        Parameters
        ----------
        estimator : LogisticRegression
            Fitted, or a fitted pipeline or search with one at its end.
        name : str or None, default=None
            What the legend calls it; by default the name of its class.
        minimum : float or None, default=None
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
            If the estimator keeps no history of its fit; and see `plot`.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ImportError, ValueError
            See `plot`.
        """
        return cls.from_estimators(
            {name or type(_model_of(estimator)).__name__: estimator},
            minimum=minimum,
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
        minimum: float | None = None,
        ax: Any = None,
        quantity: str = "objective",
        against: str = "iterations",
        curve_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> "ConvergenceDisplay":
        """Draw how the fits of several estimators converged.

        Objectives are comparable where the data and the penalty are the same: a fit with another
        objective belongs into axes of its own.

        Parameters
        ----------
        estimators : dict or list of LogisticRegression
            Fitted, as for `from_estimator`; the keys of a dict are their names in the legend, which
            are otherwise what they print as.
        minimum : float or None, default=None
            The minimum of the mean objective; by default the lowest value of all fits.
        ax, quantity, against, curve_kwargs
            See `plot`.

        Returns
        -------
        ConvergenceDisplay

        Raises
        ------
        TypeError
            If an estimator keeps no history of its fit; and see `plot`.
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
        losses, grad_norms, seconds = (
            [getattr(model, history) for model in models] for history in _HISTORIES
        )
        display = cls(losses, grad_norms, seconds, names, minimum=minimum)
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
    if isinstance(model, BaseEstimator):
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


def _check_minimum(minimum: Any) -> None:
    if minimum is not None and not (isinstance(minimum, Real) and np.isfinite(float(minimum))):
        raise ValueError(f"minimum must be a finite number or None; got {minimum!r}")


def _check_axes(ax: Any) -> None:
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax must be one Axes of matplotlib or None; got {type(ax).__name__}")


def _options(curve_kwargs: Any, n_curves: int) -> list[dict[str, Any]]:
    """Return the properties of each curve, by their long names."""
    if curve_kwargs is None or isinstance(curve_kwargs, Mapping):
        return [_properties(curve_kwargs or {})] * n_curves
    if not isinstance(curve_kwargs, Sequence) or isinstance(curve_kwargs, str):
        raise TypeError(
            f"curve_kwargs must be a dict, or a list of {n_curves}, one for each curve; "
            f"got {curve_kwargs!r}"
        )
    if len(curve_kwargs) != n_curves:
        raise ValueError(
            f"curve_kwargs must be a dict, or a list of {n_curves}, one for each curve; "
            f"got {len(curve_kwargs)}"
        )
    return [_properties(each) for each in curve_kwargs]


def _properties(kwargs: Any) -> dict[str, Any]:
    """Return properties of a line by their long names, of which matplotlib knows each."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    if not isinstance(kwargs, Mapping):
        raise TypeError(f"curve_kwargs must hold a dict for each curve; got {kwargs!r}")
    try:
        properties: dict[str, Any] = normalize_kwargs(dict(kwargs), Line2D)
        Line2D([], [], **properties)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"curve_kwargs must hold properties of matplotlib's Line2D; got {kwargs!r}: {error}"
        ) from error
    return properties


def _warn(message: str) -> None:
    """Warn, and point at the first caller outside this file."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals is globals():
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)
