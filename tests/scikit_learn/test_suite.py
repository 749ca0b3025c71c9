"""scikit-learn's own tests, with our classes in the place of its own: see `suite`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn
from exclusions import EXCLUSIONS, MOST_LASTING

HERE = Path(__file__).parent


def test_few_exclusions_last():
    lasting = {exclusion.test for exclusion in EXCLUSIONS if not exclusion.waits}
    assert 0 < len(lasting) <= MOST_LASTING


@pytest.mark.scikit_learn
@pytest.mark.parametrize(
    "part", ["test_logistic.py", pytest.param("elsewhere", marks=pytest.mark.full)]
)
@pytest.mark.skipif(
    not sklearn.__version__.startswith("1.9."),
    reason=f"the list of exclusions is for scikit-learn 1.9; here is {sklearn.__version__}",
)
def test_scikit_learns_tests_pass_with_ours(part, tmp_path):
    """In a process of their own, without this project's settings of pytest and of warnings."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    sys.path.insert(0, str(HERE))
    try:
        import suite
    finally:
        sys.path.remove(str(HERE))
    command = [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-p", "suite"]
    command += ["-q", "--tb=short", "-W", "ignore", "-p", "no:cacheprovider", "-n", "2"]
    files = [
        file for file in suite.files() if (file.name == "test_logistic.py") != (part == "elsewhere")
    ]
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    done = subprocess.run(
        [*command, *map(str, files)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout[-20_000:])
    assert done.returncode == 0, done.stdout[-20_000:]
