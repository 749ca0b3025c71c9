"""What a fit shows with ``verbose``: where it stands, in one line."""

import sys
from time import monotonic
from typing import Any

from .._core.live_line import LiveLine
from .._optimize.status import CONVERGED, MAX_ITER, PRECISION, STOPPED

# Seconds between two texts in the same line of a terminal, ...
_REDRAW = 0.1
# ... and most seconds between two lines elsewhere, which come at iterations 0, 1, 2, 4, 8 and so on
# besides: a log has a line for each order of magnitude, and sees that a long fit lives.
_SILENCE = 10.0

_ENDS = {
    CONVERGED: "converged",
    PRECISION: "at the precision of float64",
    MAX_ITER: "max_iter reached",
    STOPPED: "stopped by a callback",
}


class FitLine:
    """The line of a fit, on the standard output: called with the minimiser's progress."""

    def __init__(self) -> None:
        self._line = LiveLine(sys.stdout)
        self._interval = _REDRAW if self._line.in_place else _SILENCE
        self._next = 0.0
        self._shown = ""

    def __call__(self, progress: Any) -> None:
        """Show where the fit stands, if it is time."""
        n, now = progress.n_iter, monotonic()
        is_power_of_two = n & (n - 1) == 0
        if now >= self._next or (is_power_of_two and not self._line.in_place):
            self._shown = _text(progress)
            self._line.say(self._shown)
            self._next = now + self._interval

    def end(self, result: Any, is_optimal: bool, is_separated: bool) -> None:
        """Show how the fit has ended."""
        status = CONVERGED if is_optimal else result.status
        end = "the classes come apart: no minimum" if is_separated else _ENDS[status]
        text = _text(result)
        is_there = text == self._shown and not self._line.in_place
        self._line.end(end if is_there else f"{text}  {end}")

    def __enter__(self) -> "FitLine":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave an empty line on a terminal, for an error or the line of the end."""
        self._line.clear()


def _text(progress: Any) -> str:
    return (
        f"iteration {progress.n_iter:4d}  objective {progress.value:.9g}  "
        f"max |gradient| {progress.grad_norm:.1e}  gap {progress.gap:.1e}"
    )
