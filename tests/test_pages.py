"""The pages cannot drift: names, floors, figures and commands stand once, or are held together.

`.ci/docs` runs their code as doctests, and their examples.
"""

import ast
import csv
import re
from pathlib import Path

import pytest
import test_house
from sources import PYTHON, public_things

import fastce

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

if not (ROOT / ".ci").is_dir():  # an sdist's tests
    pytest.skip("not a clone", allow_module_level=True)

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = [*DOCS.glob("*.rst"), *DOCS.glob("guide/*.rst")]
EXAMPLES = sorted(DOCS.glob("examples/plot_*.py"))
PACKAGES = {"fastce", "matplotlib", "numpy", "scipy", "sklearn"}


def test_the_page_of_the_api_has_the_public_names():
    """Each below the module that users import it from, and no other."""
    found, module = set(), None
    for line in (DOCS / "api.rst").read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.split()[-1]
        elif re.fullmatch(r"   \w+", line):
            found.add((module, line.strip()))
    assert found == set(public_things())


def test_every_loss_is_in_the_guide():
    text = (DOCS / "guide" / "losses.rst").read_text(encoding="utf-8")
    forms = ("_value_and_grad", "_grad_and_hess")
    others = ("_num_threads", "_sklearn", "show_versions", "warmup")
    names = [name for name in fastce.__all__ if not name.endswith(forms + others)]
    assert "cross_entropy" in names
    assert not [name for name in names if f"`{name}`" not in text]


def test_the_picture_is_the_house():
    """Each floor that is drawn is a folder with the number that the house test holds it to."""
    drawn = re.findall(r"^    (\d)  (\w+)/ +(.+?)   ", CONTRIBUTING, re.MULTILINE)
    floors = {"" if folder == "fastce" else folder: int(floor) for floor, folder, _ in drawn}
    assert floors == test_house.FLOORS
    assert list(floors.values()) == sorted(floors.values(), reverse=True)


def measured_fits():
    with (DOCS / "measured" / "fits.csv").open(encoding="utf-8") as file:
        return [tuple(row) for row in csv.reader(file)]


def test_the_readme_shows_rows_that_were_measured():
    tables = re.findall(r"^\| (.+) \|$", README, re.MULTILINE)
    head, *rows = [tuple(line.split(" | ")) for line in tables]
    measured = measured_fits()
    assert head == measured[0]
    assert len(rows) >= 3
    assert set(rows) <= set(measured[1:])


def test_the_readme_shows_the_smallest_and_the_largest_gain():
    gains = {row[0]: float(row[3]) / float(row[2]) for row in measured_fits()[1:]}
    ordered = sorted(gains, key=gains.get)
    first, second = re.findall(r"^\| ([\w ,]+) \|", README, re.MULTILINE)[1:3]
    assert (first, second) == (ordered[0], ordered[-1])


def test_the_start_page_has_the_commands_of_the_readme():
    start = (DOCS / "index.rst").read_text(encoding="utf-8")
    first, second = re.search(
        r"^   (python -m pip .+)\n   (python -m fastce)$", start, re.MULTILINE
    ).groups()
    assert f"{first} && {second}\n" in README


def sentences(text):
    """Return the sentences of a text that have ten words and more, without marks."""
    words = re.sub(r"[^\w.]+", " ", re.sub(r"`[^`]*`|<[^>]*>", " ", text))
    found = (" ".join(sentence.split()) for sentence in re.split(r"[.] ", words))
    return {sentence for sentence in found if len(sentence.split()) >= 10}


def test_no_sentence_stands_twice():
    seen = {}
    for path in [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for sentence in sentences(path.read_text(encoding="utf-8")):
            assert sentence not in seen, f"{path.name} and {seen[sentence]}: {sentence}"
            seen[sentence] = path.name
    assert len(seen) > 100


def test_links_of_markdown_lead_somewhere():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README + CONTRIBUTING)
    assert len(targets) >= 8
    assert not [target for target in targets if not (ROOT / target).exists()]


# Extras for those who work on fastce; the others belong to features.
WORK = {"bench", "docs", "peers", "test"}


def extras():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = re.search(
        r"^\[project.optional-dependencies\]\n(.*?)^\[", text, re.MULTILINE | re.DOTALL
    )
    return set(re.findall(r"^(\w+) = \[", section[1], re.MULTILINE))


def test_every_extra_that_is_named_exists():
    """In error messages, on pages, in what CI installs."""
    texts = [*PYTHON, *PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    texts += [path for path in (ROOT / ".ci").iterdir() if path.is_file()]
    named = {
        (path.name, extra)
        for path in texts
        for names in re.findall(r"(?:fastce|'\.)\[([\w,]+)\]", path.read_text(encoding="utf-8"))
        for extra in names.split(",")
    }
    assert {extra for _, extra in named} >= {"onnx", "pandas", "plot", "test"}
    assert not [(name, extra) for name, extra in named if extra not in extras()]


def test_every_extra_of_a_feature_is_in_the_guide():
    text = (DOCS / "guide" / "index.rst").read_text(encoding="utf-8")
    assert set(re.findall(r"^``(\w+)``$", text, re.MULTILINE)) == extras() - WORK


def test_a_package_that_is_missing_is_named_with_its_extra():
    """Where the package raises ImportError itself."""
    raised = [
        ast.unparse(node)
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and "ImportError(" in ast.unparse(node)
    ]
    assert len(raised) >= 2
    assert not [text for text in raised if "fastce[" not in text]


def test_there_is_a_gallery():
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_draws_and_needs_nothing_else(path):
    """An example has a title, uses fastce, draws, and imports what the extra docs installs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    title, underline = ast.get_docstring(tree).splitlines()[:2]
    assert underline == "=" * len(title)
    assert "plt.subplots" in path.read_text(encoding="utf-8")
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or node.names[0].name]
    }
    assert "fastce" in imported
    assert not {
        name
        for name in imported
        if name not in PACKAGES | {"itertools", "numba", "time", "warnings"}
    }


def test_the_version_is_the_same_wherever_it_stands():
    version = re.escape(fastce.__version__)
    for file, line in (
        ("pyproject.toml", f'^version = "{version}"$'),
        ("CITATION.cff", f"^version: {version}$"),
        ("CHANGELOG.md", rf"^## (Unreleased$|{version}( |$))"),
    ):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(line, text, re.MULTILINE), file
