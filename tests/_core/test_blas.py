"""BLAS has one thread during fits, and what it had before afterwards, also in a forked child."""

import os
import subprocess
import sys

import pytest

from fastce._core import blas

FORKS_DURING_FITS = """
import os, signal, threading, time
import numpy as np
from threadpoolctl import threadpool_info
from fastce.linear_model import LogisticRegression

def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

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
print(set(ends))
"""

FITS_AT_ONCE = """
import warnings
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from threadpoolctl import threadpool_info, threadpool_limits
from fastce._linear import loss
from fastce.linear_model import LogisticRegression

warnings.simplefilter("ignore")
X, y = np.random.default_rng(1).standard_normal((30000, 7)), np.arange(30000) % 3

def fit():
    LogisticRegression(max_iter=5, tol=1e-30).fit(X, y)

def blas():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

fit()
before, during = blas(), []
original = loss.LinearLoss.value_and_grad

def looks(self, theta):
    during.append(blas())
    return original(self, theta)

loss.LinearLoss.value_and_grad = looks
fit()
print(all(set(n) <= {1} for n in during), len(during) > 4)
with threadpool_limits(2):
    during.clear()
    inside = blas()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: fit(), range(8)))
    print(all(set(n) <= {1} for n in during), len(during) > 4, blas() == inside)
print(blas() == before)
# Others may set a limit from a thread of theirs afterwards.
with ThreadPoolExecutor(1) as pool:
    pool.submit(threadpool_limits, 1).result()
print(set(blas()) <= {1})
"""


def run(program, n_threads):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=os.environ | {"OPENBLAS_NUM_THREADS": n_threads, "NUMBA_NUM_THREADS": n_threads},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_forked_during_another_threads_fit_neither_hangs_nor_keeps_its_limit_of_blas():
    assert run(FORKS_DURING_FITS, "2") == ["{0}"]


def test_blas_has_one_thread_during_a_fit_and_its_own_after_fits_at_once():
    """BLAS's threads beside ours would share the cores."""
    assert run(FITS_AT_ONCE, "3") == ["True"] * 7


def test_limits_within_limits_end_with_the_outer_one():
    with blas.one_blas_thread():
        shared, before = blas._libraries[0], list(blas._before)
        with blas.one_blas_thread():
            assert blas._n_users == 2
        assert all(library.num_threads == 1 for library in shared)
    assert blas._n_users == 0
    assert [library.num_threads for library in shared] == before
