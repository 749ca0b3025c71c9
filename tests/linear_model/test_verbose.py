"""What a fit shows with ``verbose``."""

import io
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from linear_models import raw
from sklearn.exceptions import ConvergenceWarning
from terminals import Terminal

from fastce._optimize.monitor import Progress
from fastce.linear_model import LogisticRegression, SeparationWarning, _verbose


@pytest.fixture
def terminal(monkeypatch):
    """Give a terminal of 100 columns as the standard output, redrawn each time."""
    stream = Terminal()
    # pytest sets its own standard output after this
    monkeypatch.setattr(_verbose, "sys", SimpleNamespace(stdout=stream))
    monkeypatch.setattr(_verbose, "_REDRAW", 0.0)
    monkeypatch.setenv("COLUMNS", "101")
    return stream


def test_a_log_has_few_lines(capsys):
    model = LogisticRegression(verbose=1, solver="lbfgs").fit(*raw("iris"))
    lines = capsys.readouterr().out.splitlines()
    shown = [int(line.split()[1]) for line in lines]
    n_iter = model.n_iter_[0]
    powers = [0, 1, 2, 4, 8, 16, 32, 64, 128]
    assert shown == [*(n for n in powers if n <= n_iter), n_iter]
    assert f"objective {model.loss_history_[1]:.9g}" in lines[1]
    assert lines[-1].endswith("converged")
    assert not any("converged" in line for line in lines[:-1])


def test_a_log_of_a_slow_fit_goes_on(capsys, monkeypatch):
    now = iter([100.0, 101.0, 102.0, 109.0, 111.9, 112.1, 113.0])
    monkeypatch.setattr(_verbose, "monotonic", lambda: next(now))
    line = _verbose.FitLine()
    for n in (0, 1, 2, 3, 5, 6, 7):
        line(Progress(n, n, 1.0, 1.0, 1.0, np.zeros(1)))
    shown = [int(text.split()[1]) for text in capsys.readouterr().out.splitlines()]
    assert shown == [0, 1, 2, 6]


def test_a_terminal_has_one_line(terminal):
    model = LogisticRegression(verbose=1).fit(*raw("iris"))
    text = terminal.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    frames = text.rstrip().split("\r")
    # each iteration and the start, an empty line, the end
    assert len(frames) == 1 + model.n_iter_[0] + 1 + 2 + 1
    assert frames[-1].endswith("converged")


def test_a_terminal_is_not_redrawn_all_the_time(terminal, monkeypatch):
    monkeypatch.setattr(_verbose, "_REDRAW", 1e9)
    LogisticRegression(verbose=1).fit(*raw("iris"))
    assert terminal.getvalue().count("iteration") == 2


def test_an_error_finds_an_empty_line(terminal):
    with pytest.raises(ValueError, match="must be finite"):
        fit_and_fail()
    assert terminal.getvalue().endswith("\r" + " " * 100 + "\r")


def fit_and_fail():
    with _verbose.FitLine() as line:
        line(Progress(0, 0, 1.0, 1.0, 1.0, np.zeros(1)))
        raise ValueError("y must be finite")


def test_a_fit_that_is_interrupted_clears_its_line(terminal, monkeypatch):
    def interrupt(self, progress):
        self._line.say("working")
        raise KeyboardInterrupt

    monkeypatch.setattr(_verbose.FitLine, "__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        LogisticRegression(verbose=1).fit(*raw("iris"))
    assert terminal.getvalue().endswith("\r" + " " * 100 + "\r")


def test_the_end_is_named(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        LogisticRegression(verbose=1, max_iter=2).fit(*raw("iris"))
    assert capsys.readouterr().out.endswith("max_iter reached\n")


@pytest.mark.parametrize("max_iter", [0, 1, 2, 3, 4, 5, 8])
def test_a_log_does_not_say_a_line_twice(max_iter, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        LogisticRegression(verbose=1, max_iter=max_iter, solver="lbfgs").fit(*raw("iris"))
    lines = capsys.readouterr().out.splitlines()
    *shown, end = lines
    figures = [line for line in lines if line.startswith("iteration")]
    assert [int(line.split()[1]) for line in figures] == sorted(
        {n for n in (0, 1, 2, 4, 8) if n <= max_iter} | {max_iter}
    )
    if shown == figures:
        assert end == "max_iter reached"
    else:
        assert end == f"{figures[-1].removesuffix('  max_iter reached')}  max_iter reached"


@pytest.mark.parametrize("close", [True, False])
def test_without_a_standard_output_the_fit_is_the_same(close, monkeypatch):
    stream = io.StringIO() if close else None
    if close:
        stream.close()
    X, y = raw("iris")
    expected = LogisticRegression().fit(X, y)
    monkeypatch.setattr(sys, "stdout", stream)
    model = LogisticRegression(verbose=1).fit(X, y)
    np.testing.assert_array_equal(model.coef_, expected.coef_)


def test_without_a_minimum_it_does_not_say_that_it_converged(capsys):
    with pytest.warns(SeparationWarning):
        LogisticRegression(C=np.inf, verbose=1).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    assert capsys.readouterr().out.endswith("the classes come apart: no minimum\n")
