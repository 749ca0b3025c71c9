"""What the command line shows while it works."""

import io

from fastce._tools.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_progress_rewrites_one_line_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    progress = Progress(stream)
    progress.say("a text that is wider than the terminal")
    progress.say("short")
    progress.clear()
    assert "\n" not in stream.getvalue()
    lines = stream.getvalue().split("\r")
    assert lines[1:] == ["a text that is wide", "short".ljust(19), " " * 19, ""]


def test_progress_is_plain_lines_elsewhere():
    stream = io.StringIO()
    progress = Progress(stream)
    progress.say("one")
    progress.say("two")
    progress.clear()
    assert stream.getvalue() == "one\ntwo\n"
