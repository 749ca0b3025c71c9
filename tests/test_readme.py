"""The README cannot drift: its examples are doctests, its commands and its picture are held."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest
import test_house

import fastce
from fastce._losses import table

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


def test_the_picture_is_the_house():
    """Each floor of the README is a folder with the number that the house test holds it to."""
    drawn = re.findall(r"^    (\d)  (\w+)/ +(.+?)   ", TEXT, re.MULTILINE)
    floors = {"" if folder == "fastce" else folder: int(floor) for floor, folder, _ in drawn}
    assert floors == test_house.FLOORS
    assert list(floors.values()) == sorted(floors.values(), reverse=True)


def test_every_loss_is_in_the_table_of_functions():
    section = TEXT[TEXT.index("## What there is") : TEXT.index("## What is promised")]
    missing = [loss.name for loss in table.LOSSES if f"`{loss.name}`" not in section]
    missing += [
        name for name in fastce.__all__ if name not in table.MODULES and name not in section
    ]
    assert not missing
    for special in table.SPECIAL:
        assert f"`{special.name}`" in section
