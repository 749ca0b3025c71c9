"""What the command line shows while it works: one line that says what is being done."""

import shutil
from typing import TextIO


class Progress:
    """One line about the work: rewritten in place on a terminal, a line for each text otherwise."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.in_place = stream.isatty()

    def say(self, text: str) -> None:
        """Show `text` instead of what was shown before."""
        if self.in_place:
            width = shutil.get_terminal_size().columns - 1
            text = "\r" + text[:width].ljust(width)
        print(text, end="" if self.in_place else "\n", file=self.stream, flush=True)

    def clear(self) -> None:
        """Leave an empty line for what comes next."""
        if self.in_place:
            self.say("")
            print(end="\r", file=self.stream, flush=True)
