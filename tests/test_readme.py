"""The README cannot drift: its examples are doctests, its commands are held."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"

if not (ROOT / ".ci").is_dir():  # an sdist's tests
    pytest.skip("not a clone", allow_module_level=True)

TEXT = README.read_text(encoding="utf-8")


def python_blocks():
    """Yield the code blocks marked python, with the line each begins on."""
    for match in re.finditer(r"^```(?:python|pycon)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL):
        line = TEXT.count("\n", 0, match.start(1))
        yield pytest.param(match[1], line, id=f"line {line + 1}")


@pytest.mark.parametrize(("block", "line"), list(python_blocks()))
def test_example(block, line):
    """Each block stands alone: a reader may paste any of them into a new session."""
    example = doctest.DocTestParser().get_doctest(block, {}, README.name, str(README), line)
    assert example.examples, "a python block without >>> prompts is not tested"
    report = []
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False
    )
    runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_there_are_examples():
    assert len(list(python_blocks())) >= 3


def test_two_commands():
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "readme_commands")],
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert first.endswith("&& python -m fastce")
    assert second.endswith("&& python -m pytest -n auto --dist loadfile")
    assert f"{first}\n" in TEXT
    assert f"{second}\n" in TEXT
