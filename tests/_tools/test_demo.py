"""The command line, as its users type it."""

import re
import subprocess
import sys

import pytest

from fastce._tools import demo


def fastce(*arguments):
    """Run ``python -m fastce`` in a fresh process."""
    return subprocess.run(
        [sys.executable, "-m", "fastce", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_says_what_there_is():
    done = fastce("--help")
    assert done.returncode == 0
    for word in ("usage: python -m fastce", "info", "--plot FILE.png", "scikit-learn"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inof"], "invalid choice: 'inof'"),
        (["--plto=a.png"], "unrecognized arguments"),
        (["--plot"], "expected one argument"),
        (["info", "--plot", "a.png"], "--plot goes with 'run' only"),
        (["--plot", "a.doc"], "--plot "),
    ],
)
def test_wrong_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        demo.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_info_runs_from_the_shell():
    done = fastce("info")
    assert done.returncode == 0, done.stderr
    for word in ("fastce", "numba", "threads", "threading layer", "cpu features", "cache folder"):
        assert re.search(f"^{word}  ", done.stdout, re.MULTILINE), word


def test_main_job(capsys, monkeypatch):
    """Three data sets, both libraries; fastce's objective is the lower one, its fit converged."""
    monkeypatch.setattr(demo, "KERNEL_SHAPE", (64, 50))
    monkeypatch.setattr(demo, "KERNEL_ROUNDS", 2)
    monkeypatch.setattr(demo, "WARM_FITS", 1)
    assert demo.main([]) == 0
    shown = capsys.readouterr()
    assert "wine: first fit with fastce" in shown.err
    rows = [re.split(r"  +", line) for line in shown.out.splitlines() if "iterations" in line]
    assert len(rows) == 6
    for ours, theirs in zip(rows[::2], rows[1::2], strict=True):
        assert "fastce" in ours
        assert "scikit-learn" in theirs
        assert "yes" in ours[-1]
        our_objective, their_objective = float(ours[-4]), float(theirs[-4])
        assert our_objective <= their_objective + 1e-6
    assert re.search(
        r"64 x 50 float32: [\d.]+ ms on \d+ thread.* times faster than the plain NumPy formula",
        shown.out,
    )
    assert "ConvergenceWarning" not in shown.out + shown.err


def test_table_aligns_numbers_to_the_right():
    assert (
        demo.format_table(("name", "n"), [("a", "5"), ("", "12")])
        == "name   n\n----  --\na      5\n      12"
    )
