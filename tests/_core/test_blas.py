"""BLAS has one thread during fits, and what it had before afterwards, also in a forked child."""

import os
import subprocess
import sys

import pytest

from fastce._core import blas

HEAD = """
import os, signal, threading, time, warnings
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from threadpoolctl import threadpool_info, threadpool_limits
from fastce._linear import loss
from fastce.linear_model import LogisticRegression

warnings.simplefilter("ignore")

def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

"""

FORKS_DURING_FITS = """
rng = np.random.default_rng(0)
X, y = rng.standard_normal((300, 5)), rng.integers(0, 3, 300)
expected, before, is_over = LogisticRegression().fit(X, y).coef_, blas_threads(), threading.Event()

def fits():
    while not is_over.is_set():
        LogisticRegression().fit(X, y)

thread = threading.Thread(target=fits)
thread.start()
ends = []
for i in range(20):
    time.sleep(0.0005 * (i % 7))
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        coef = LogisticRegression().fit(X, y).coef_
        right = np.array_equal(coef, expected) and blas_threads() == before
        os._exit(0 if right else 1)
    ends.append(os.waitpid(child, 0)[1])
is_over.set()
thread.join()
print("forks", set(ends))
"""

FITS_AT_ONCE = """
X, y = np.random.default_rng(1).standard_normal((30000, 7)), np.arange(30000) % 3

def fit():
    LogisticRegression(max_iter=5, tol=1e-30).fit(X, y)

fit()
before, during = blas_threads(), []
original = loss.LinearLoss.value_and_grad

def looks(self, theta):
    during.append(blas_threads())
    return original(self, theta)

loss.LinearLoss.value_and_grad = looks
fit()
print("fits", all(set(n) <= {1} for n in during), len(during) > 4)
with threadpool_limits(2):
    during.clear()
    inside = blas_threads()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: fit(), range(8)))
    print("fits", all(set(n) <= {1} for n in during), len(during) > 4, blas_threads() == inside)
print("fits", blas_threads() == before)
# Others may set a limit from a thread of theirs afterwards.
with ThreadPoolExecutor(1) as pool:
    pool.submit(threadpool_limits, 1).result()
print("fits", set(blas_threads()) <= {1})
"""


@pytest.fixture(scope="module")
def said():
    """Give what one process says: of forks, where there are any, and then of fits at once."""
    program = HEAD + (FORKS_DURING_FITS if hasattr(os, "fork") else "") + FITS_AT_ONCE
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_forked_during_another_threads_fit_neither_hangs_nor_keeps_its_limit_of_blas(said):
    assert said[0] == ["forks", "{0}"]


def test_blas_has_one_thread_during_a_fit_and_its_own_after_fits_at_once(said):
    """BLAS's threads beside ours would share the cores."""
    right = [word for line in said if line[0] == "fits" for word in line[1:]]
    assert right == ["True"] * 7


def test_limits_within_limits_end_with_the_outer_one():
    with blas.one_blas_thread():
        shared, before = blas._libraries[0], list(blas._before)
        with blas.one_blas_thread():
            assert blas._n_users == 2
        assert all(library.num_threads == 1 for library in shared)
    assert blas._n_users == 0
    assert [library.num_threads for library in shared] == before
