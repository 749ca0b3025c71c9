"""The statuses of minimisations are written once."""

import ast

import pytest
from sources import PYTHON, name_of

from fastce._optimize import status

STATUSES = {value for name, value in vars(status).items() if name.isupper()}


def is_of_status(node):
    name = getattr(node, "attr", getattr(node, "id", getattr(node, "arg", "")))
    return name == "status"


def literals(tree):
    """Return the texts that code compares a status with, or sets it to."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Assign):
            parts = [*node.targets, node.value]
        elif isinstance(node, ast.keyword):
            parts = [node, node.value]
        else:
            continue
        if any(is_of_status(part) for part in parts):
            inside = (each for part in parts[1:] for each in ast.walk(part))
            found |= {n.value for n in inside if isinstance(n, ast.Constant)} & STATUSES
    return found


def test_they_differ():
    assert len(STATUSES) == 5


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_no_other_file_spells_them_out(path):
    assert not literals(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.status == 'stopped'", {"stopped"}),
        ("a.status in ('max_iter', B)", {"max_iter"}),
        ("self.status = 'converged'", {"converged"}),
        ("status = 'precision' if a else b.status", {"precision"}),
        ("a._replace(status='precision' if b else c)", {"precision"}),
        ("self.status = ''", {""}),
        ("self.status = status.STOPPED", set()),
        ("minimise(max_iter=3, names=['max_iter'])", set()),
    ],
)
def test_the_search_finds_them(text, expected):
    assert literals(ast.parse(text)) == expected
