"""The version, and which of two is newer."""

import pytest

import fastce
from fastce._core import version


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("0.0.9", False),
        (version.__version__, False),
        (version.__version__ + "+local", False),
        ("0.10.0", True),
        ("1000.0.0", True),
        ("nothing", False),
    ],
)
def test_newer(other, expected):
    assert version.is_newer(other) == expected


def test_the_package_has_this_version():
    assert fastce.__version__ == version.__version__
