"""What is shown of work in progress: one line, which never ends the work."""

import shutil
from typing import TextIO


class LiveLine:
    """One line about the work: rewritten in place on a terminal, a line for each text otherwise.

    A stream that is missing, closed or broken shows nothing.

    Parameters
    ----------
    stream : file object or None

    Attributes
    ----------
    in_place : bool
        Whether the stream is a terminal.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._is_shown = False
        try:
            self.in_place = stream is not None and stream.isatty()
        except Exception:  # no file, a closed one, or what a notebook has put in its place
            self.in_place = False

    def say(self, text: str) -> None:
        """Show `text` instead of what was shown before."""
        self._write("\r" + self._filled(text[: self._width()]) if self.in_place else text + "\n")
        self._is_shown = True

    def end(self, text: str) -> None:
        """Show `text` instead of what was shown before, the whole of it, and leave it there."""
        self._write(("\r" + self._filled(text) if self.in_place else text) + "\n")
        self._is_shown = False

    def clear(self) -> None:
        """Leave an empty line for what comes next."""
        if self.in_place and self._is_shown:
            self._write("\r" + self._filled("") + "\r")
            self._is_shown = False

    @staticmethod
    def _width() -> int:
        return shutil.get_terminal_size().columns - 1

    def _filled(self, text: str) -> str:
        return text.ljust(self._width())

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except Exception:  # what shows progress never ends the work
            self._stream = None
