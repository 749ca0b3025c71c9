"""The figure of ``python -m fastce --plot FILE.png``: how the objective falls with time.

fastce beside scikit-learn, a panel for each data set.
"""

import functools
import importlib.util
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._core.live_line import LiveLine
from .referee import Split, fit_once, objective_and_gradient

COLOURS = {"fastce": "#c2410c", "scikit-learn": "#475569"}
# The values of max_iter along a curve, about a factor of the square root of 2 apart.
STEPS = (1, 2, 3, 5, 7, *(k * 2**n for n in range(8) for k in (10, 14)), 2560)
# The best of these counts: other work on the machine only makes a fit slower.
FITS_PER_STEP = 3
# A curve ends when its fits have taken this long.
SECONDS_PER_CURVE = 3.0
# Smaller gaps are rounding errors of the objective, and 0 has no place on a logarithmic axis.
SMALLEST_GAP = 1e-12
CAPTION = (
    "Raw, unscaled data; C = 1; 1 is the objective with all coefficients zero, the optimum is the "
    "lowest value either library reached. Both curves are made the same way: a point is a complete "
    "fit from zero, stopped by max_iter (tol = 1e-12), best of "
    f"{FITS_PER_STEP} and no slower than a longer fit, after first fits that compiled; a curve "
    f"ends at convergence or after {SECONDS_PER_CURVE:.0f} s of fits. The objective of every point "
    "is evaluated by the same float64 code."
)


def why_not(path: Path) -> str | None:
    """Return why the figure cannot be written to `path`, None if it can, before the long work."""
    if importlib.util.find_spec("matplotlib") is None:
        return (
            "needs matplotlib, which is not installed: "
            "python -m pip install 'fastce[plot]' (or just matplotlib)"
        )
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        return f"must name a .png, .pdf or .svg file; got {path}"
    if not path.absolute().parent.is_dir():
        return f"must name a file in a folder that exists; got {path}"
    return None


def trace(make: Callable[..., Any], split: Split) -> tuple[list[float], list[float]]:
    """Fit with a growing max_iter; return the seconds and the objective of each fit."""
    seconds, objectives, spent = [], [], 0.0
    for max_iter in STEPS:
        make_short = functools.partial(make, max_iter=max_iter, tol=1e-12)
        fits = [fit_once(make_short, split.X, split.y) for _ in range(FITS_PER_STEP)]
        seconds.append(min(fit.seconds for fit in fits))
        objectives.append(objective_and_gradient(fits[0].model, split.X, split.y)[0])
        spent += sum(fit.seconds for fit in fits)
        if fits[0].converged or spent > SECONDS_PER_CURVE:
            break
    # A longer fit repeats a shorter one's work first, so its time is an upper bound of the
    # shorter's: that removes some of the noise.
    return np.minimum.accumulate(seconds[::-1])[::-1].tolist(), objectives


def draw(
    path: Path, splits: Sequence[Split], makers: dict[str, Callable[..., Any]], progress: LiveLine
) -> None:
    """Draw one panel a data set and write the figure to `path`."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(4.2 * len(splits), 4.6), dpi=150)
    panels = figure.subplots(1, len(splits), sharey=True)
    for panel, split in zip(panels, splits, strict=True):
        curves = {}
        for library, make in makers.items():
            progress.say(
                f"--plot: {split.name} with {library}, "
                f"max_iter from {STEPS[0]} to at most {STEPS[-1]}"
            )
            curves[library] = trace(make, split)
        lowest = min(min(objectives) for _, objectives in curves.values())
        # From zero coefficients every class is equally likely: the objective there is log K.
        start = np.log(len(np.unique(split.y)))
        for library, (seconds, objectives) in curves.items():
            gaps = np.maximum((np.array(objectives) - lowest) / (start - lowest), SMALLEST_GAP)
            panel.plot(
                np.array(seconds) * 1e3,
                gaps,
                "o-",
                color=COLOURS[library],
                markersize=3,
                linewidth=1.6,
                label=library,
            )
        panel.set(
            xscale="log",
            yscale="log",
            xlabel="milliseconds",
            title=f"{split.name}, {split.X.shape[0]} x {split.X.shape[1]}",
        )
        # Within one decade minor labels would overprint.
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("(objective - optimum) / (start - optimum)")
    panels[0].legend(frameon=False)
    figure.text(0.01, 0.01, textwrap.fill(CAPTION, 220), fontsize=7, color="#444444", va="bottom")
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(path)
