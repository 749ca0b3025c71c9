"""Users' functions with cache=True: loaded in other processes, and stale with other sources."""

import os
import subprocess
import sys

import pytest

from fastce._core.jit import STAMP
from fastce._njit.cached import same_sources

USER = """
import numba
import numpy as np
import fastce

@numba.njit(cache=True, parallel=True)
def losses(x, y):
    out = np.empty(x.shape[0])
    for i in numba.prange(x.shape[0]):
        out[i] = fastce.cross_entropy(x[i], y[i])
    return out
"""
CALL = """
from numba.core import event
compiles = event.RecordingListener()
event.register("numba:compile", compiles)
import user
x, y = np.random.default_rng(0).standard_normal((50, 4)), np.arange(50) % 4
assert (user.losses(x, y) == fastce.cross_entropy(x, y, reduction="none")).all()
compiled = [e.data["dispatcher"].__name__ for _, e in compiles.buffer if e.is_start]
print(sum(user.losses.stats.cache_hits.values()), compiled)
"""


def run(folder, before=""):
    code = "import numpy as np, fastce\n" + before + CALL
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ
        | {
            "NUMBA_CACHE_DIR": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)]),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    ).stdout.strip()


def test_a_second_process_compiles_nothing_and_other_sources_compile_anew(tmp_path):
    (tmp_path / "user.py").write_text(USER)
    assert run(tmp_path).startswith("0 ['losses'")
    assert run(tmp_path) == "1 []"
    other = "import fastce._njit.cached\nfastce._njit.cached.STAMP = 'other'\n"
    assert run(tmp_path, other).startswith("0 ['losses'")
    assert run(tmp_path, other) == "1 []"


def test_other_sources_are_to_numba_a_file_that_is_gone():
    assert same_sources(STAMP)() is None
    with pytest.raises(OSError, match="other sources"):
        same_sources("other")
