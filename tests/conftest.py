"""Settings of the whole test run; compiled kernels of two versions of the source never mix."""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # where helpers are: `import reference`

settings.register_profile(
    "fastce",
    deadline=None,  # the first example of a dtype may compile a kernel
    derandomize=True,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search", parent=settings.get_profile("fastce"), derandomize=False, max_examples=2000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fastce"))


def _package_folder():
    """Where `import fastce` will look, found without importing it."""
    return Path(importlib.util.find_spec("fastce").origin).parent


def _digest_of_sources(folder):
    """Return a hash of every source file.

    Numba's own stamp sees one file at a time and misses an edited callee.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".py", ".pyx", ".pxd"}):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def pytest_configure(config):
    """Point Numba at a cache folder keyed by the sources, before anything imports Numba."""
    assert "numba" not in sys.modules, "Numba was imported before its cache folder was chosen"
    folder = (
        config.rootpath / ".pytest_cache" / "d" / ("numba-" + _digest_of_sources(_package_folder()))
    )
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


@pytest.fixture
def rng():
    """Give a generator with a fixed seed."""
    return np.random.default_rng(20240607)
