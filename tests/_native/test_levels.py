"""The tests of the native floor at every instruction set below the one in use.

`test_rowwise.py` compares the sets' results with each other; here each is held to the contract.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastce._native import cpu

HERE = Path(__file__).parent
SUITES = [str(HERE / f"test_{name}.py") for name in ("products", "rowwise", "scans")]
SUITES.append(str(HERE.parent / "_kernels" / "test_intrinsics.py"))


@pytest.mark.parametrize("level", cpu.names()[: cpu.level()])
def test_the_leaf_suites_pass_at_this_level(level):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *SUITES),
            *("-k", "not instruction_set"),
        ],
        env=os.environ | {"FASTCE_CPU": level},
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parents[1],
    )
    assert done.returncode == 0, done.stdout + done.stderr
