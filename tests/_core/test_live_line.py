"""One line of work in progress: in place on a terminal, plain elsewhere, nowhere if need be."""

import io

import pytest
from terminals import Terminal

from fastce._core.live_line import LiveLine


def test_one_line_is_rewritten_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    line = LiveLine(stream)
    line.say("a text that is wider than the terminal")
    line.say("short")
    line.clear()
    assert "\n" not in stream.getvalue()
    lines = stream.getvalue().split("\r")
    assert lines[1:] == ["a text that is wide", "short".ljust(19), " " * 19, ""]
    line.clear()  # nothing is left to clear
    assert stream.getvalue().split("\r") == lines


def test_the_last_text_stays_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    line = LiveLine(stream)
    line.say("working")
    line.end("done")
    line.clear()
    assert stream.getvalue() == "\r" + "working".ljust(19) + "\r" + "done".ljust(19) + "\n"
    line.end("a text that is wider than the terminal")
    assert stream.getvalue().endswith("\ra text that is wider than the terminal\n")


def test_plain_lines_elsewhere():
    stream = io.StringIO()
    line = LiveLine(stream)
    line.say("one")
    line.say("two")
    line.clear()
    line.end("three")
    assert stream.getvalue() == "one\ntwo\nthree\n"


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


class Broken(Terminal):
    """A terminal that has gone."""

    def write(self, text):
        raise BrokenPipeError


@pytest.mark.parametrize(
    "stream", [None, closed(), Broken(), object()], ids=["none", "closed", "broken", "no file"]
)
def test_a_stream_that_cannot_be_written_is_no_error(stream):
    line = LiveLine(stream)
    line.say("one")
    line.clear()
    line.end("two")
    assert line._stream is None


def test_a_stream_may_be_closed_while_it_works():
    stream = Terminal()
    line = LiveLine(stream)
    line.say("one")
    stream.close()
    line.say("two")
    line.clear()
    assert line._stream is None


def test_a_stream_that_fails_in_any_way_is_left_alone():
    class Odd:
        def isatty(self):
            raise OSError("no answer")

        def write(self, text):
            raise RuntimeError("not from this thread")

    line = LiveLine(Odd())
    assert not line.in_place
    line.say("one")
    line.end("two")
