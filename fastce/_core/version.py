"""The version of the package, and which of two is newer."""

import re

__version__ = "0.2.0"


def is_newer(version: str) -> bool:
    """Tell whether a version is newer than this one, by the numbers at its start."""
    return _numbers(version) > _numbers(__version__)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version.split("+")[0])[:3]]
