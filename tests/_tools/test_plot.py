"""The figure of ``python -m fastce --plot``."""

import importlib.util
import io

import pytest

from fastce._core.live_line import LiveLine
from fastce._tools import plot, referee


def test_png_is_drawn(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(plot, "STEPS", (1, 2, 4))
    monkeypatch.setattr(plot, "FITS_PER_STEP", 1)
    path = tmp_path / "figure.png"
    progress = io.StringIO()
    plot.draw(
        path,
        [referee.load("wine"), referee.load("breast_cancer")],
        referee.makers(),
        LiveLine(progress),
    )
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "wine with scikit-learn" in progress.getvalue()


@pytest.mark.parametrize("library", ["fastce", "scikit-learn"])
def test_curve_falls(library, monkeypatch):
    monkeypatch.setattr(plot, "STEPS", (1, 10))
    monkeypatch.setattr(plot, "FITS_PER_STEP", 1)
    seconds, objectives = plot.trace(referee.makers()[library], referee.load("wine"))
    assert len(seconds) == 2
    assert objectives[1] < objectives[0]


def test_slow_curve_is_cut_off(monkeypatch):
    monkeypatch.setattr(plot, "SECONDS_PER_CURVE", 0.0)
    seconds, _ = plot.trace(referee.makers()["scikit-learn"], referee.load("wine"))
    assert len(seconds) == 1


def test_bad_file_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert plot.why_not(tmp_path / "figure.png") is None
    assert ".png" in plot.why_not(tmp_path / "figure.doc")
    assert "folder that exists" in plot.why_not(tmp_path / "none" / "figure.png")


def test_missing_matplotlib_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "fastce[plot]" in plot.why_not(tmp_path / "figure.png")
