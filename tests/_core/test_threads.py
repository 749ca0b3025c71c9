"""Threads: any number gives the same bits; callers at once and forked children get it right."""

import functools
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce

# Big enough for a parallel region, with a last block that is not full.
PROBLEM = """
import hashlib, sys
import numpy as np
import fastce
from fastce._core import threads

def problems():
    rng = np.random.default_rng(0)
    shapes = [(20001, 3), (9003, 10), (403, 301), (3, 50257), (33001, 2), (70001, 1), (40001, 7)]
    for n, k in shapes:
        for dtype in (np.float32, np.float64):
            x = rng.standard_normal((n, k)).astype(dtype)
            y, q = rng.integers(0, k, n), rng.uniform(0, 1, (n, k)).astype(dtype)
            yield x, y, q, rng.uniform(0.5, 2, n)

def large_problem():
    *_, problem = problems()
    assert problem[0].size >= threads.MIN_PARALLEL_WORK
    return problem

def results(x, y, q, s):
    yield from fastce.cross_entropy_value_and_grad(x, y, sample_weight=s)
    yield from fastce.cross_entropy_value_and_grad(x, y, label_smoothing=0.1, reduction="none")
    yield fastce.cross_entropy(x, y, sample_weight=s)
    yield from fastce.cross_entropy_grad_and_hess(x, y, sample_weight=s)
    yield from fastce.cross_entropy_value_and_grad(x, q)
    yield from fastce.cross_entropy_grad_and_hess(x, q)
    yield from fastce.binary_cross_entropy_with_logits_value_and_grad(x, q)
    yield from fastce.binary_cross_entropy_with_logits_grad_and_hess(x, q)
    yield fastce.binary_cross_entropy_with_logits(x, q)
    yield from fastce.nll_loss_value_and_grad(x, y, sample_weight=s)
    yield from fastce.binary_cross_entropy_value_and_grad(q, q)

def digest(problem):
    data = b"".join(np.ascontiguousarray(a).tobytes() for a in results(*problem))
    return hashlib.sha256(data).hexdigest()
"""


def run(body, **environment):
    """Run PROBLEM and then `body` in a fresh interpreter; a deadlock is a failure."""
    code = PROBLEM + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr}"
    return done.stdout.split()


@pytest.fixture
def _threads_restored():
    before = fastce.get_num_threads()
    yield
    fastce.set_num_threads(before)


def test_same_bits_for_every_number_of_threads():
    lines = run(
        """
        for problem in problems():
            row = []
            for n in (1, 2, 3):
                fastce.set_num_threads(n)
                row.append(digest(problem))
            print(*row)
        """,
        NUMBA_NUM_THREADS="3",
    )
    rows = np.reshape(lines, (14, 3))
    assert_array_equal(rows, np.repeat(rows[:, :1], 3, axis=1))
    assert len(set(rows[:, 0])) == 14


@pytest.mark.usefixtures("_threads_restored")
def test_setting_the_number_of_threads():
    fastce.set_num_threads(1)
    assert fastce.get_num_threads() == 1
    for bad in (0, -1, 10**6):
        with pytest.raises(ValueError, match=rf"^n must .*; got {bad}$"):
            fastce.set_num_threads(bad)
    for bad in (1.0, "1", None, True):
        with pytest.raises(TypeError, match=r"^n must .*; got "):
            fastce.set_num_threads(bad)
    assert fastce.get_num_threads() == 1
    fastce.set_num_threads(np.int32(1))
    assert type(fastce.get_num_threads()) is int


def test_environment_sets_the_number_of_threads():
    assert run("print(fastce.get_num_threads())", NUMBA_NUM_THREADS="3") == ["3"]


def test_numba_keeps_its_own_setting():
    body = """
        import numba
        numba.set_num_threads(2)
        digest(next(problems()))
        print(numba.get_num_threads())
    """
    assert run(body, NUMBA_NUM_THREADS="3") == ["2"]


def test_eight_python_threads_at_once(rng):
    x, target = rng.standard_normal((5000, 20)), rng.integers(0, 20, 5000)
    expected, expected_grad = fastce.cross_entropy_value_and_grad(x, target)

    def call(_):
        return [fastce.cross_entropy_value_and_grad(x, target) for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        found = [pair for pairs in pool.map(call, range(16)) for pair in pairs]
    assert len(found) == 80
    for value, grad in found:
        assert value == expected
        assert_array_equal(grad, expected_grad)


@functools.cache
def has_layer(layer):
    """Whether Numba has this threading layer here; a process of its own asks, which starts them."""
    code = f"import numba; numba.config.THREADING_LAYER = {layer!r}; numba.get_num_threads()"
    return (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=300, check=False
        ).returncode
        == 0
    )


@pytest.fixture(params=["default", "workqueue", "omp", "tbb"])
def layer(request):
    if not has_layer(request.param):
        pytest.skip(f"Numba has no {request.param} layer here")
    return request.param


@pytest.fixture
def layer_that_forks(layer):
    one_core = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) == 1
    if one_core and layer in {"tbb", "default"} and has_layer("tbb"):
        pytest.skip(
            "on one core TBB waits for ever at the end of a process that has forked, "
            "with Numba alone as well"
        )
    return layer


def test_threads_meeting_in_every_layer(layer):
    """The workqueue layer aborts the process when two threads enter it, so only one may."""
    body = """
        from concurrent.futures import ThreadPoolExecutor
        problem = large_problem()
        expected = digest(problem)
        with ThreadPoolExecutor(8) as pool:
            print(set(pool.map(digest, [problem] * 16)) == {expected})
    """
    assert run(body, NUMBA_NUM_THREADS="3", NUMBA_THREADING_LAYER=layer) == ["True"]


BEFORE_FORK = {
    "fastce": "digest(problem)",
    "numba": "__import__('numba').get_num_threads()",
    "nothing": "pass",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("before", list(BEFORE_FORK))
def test_a_forked_child_computes_the_same(layer_that_forks, before):
    """GNU OpenMP ends a child that enters a parallel region after its parent did.

    It does not matter who started the threads.
    """
    body = f"""
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        problem = large_problem()
        {BEFORE_FORK[before]}
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, digest(problem).encode())
            os._exit(0)
        os.close(write)
        answer = b""
        while chunk := os.read(read, 100):
            answer += chunk
        print(os.waitpid(child, 0)[1], answer.decode() == digest(problem))
    """
    assert run(body, NUMBA_NUM_THREADS="3", NUMBA_THREADING_LAYER=layer_that_forks) == ["0", "True"]


MODEL = """
from fastce.linear_model import LogisticRegression
x, y = np.random.default_rng(1).standard_normal((30000, 7)), np.arange(30000) % 3

def model_digest(_=None):
    model = LogisticRegression(max_iter=5, tol=1e-30).fit(x, y)
    return hashlib.sha256(model.coef_.tobytes() + model.predict_proba(x).tobytes()).hexdigest()
"""


def test_kernels_fits_and_predictions_of_eight_threads_at_once(layer):
    """While another thread sets the number of threads up and down."""
    body = """
        import warnings
        warnings.simplefilter("ignore")
        from concurrent.futures import ThreadPoolExecutor
        problem = large_problem()
        expected = [digest(problem), model_digest()]
        ended = False

        def change():
            n = 0
            while not ended:
                fastce.set_num_threads(1 + n % 3)
                n += 1
            return n

        with ThreadPoolExecutor(9) as pool:
            changes = pool.submit(change)
            found = list(pool.map(lambda i: (digest(problem), model_digest())[i % 2], range(16)))
            ended = True
        print(found == expected * 8, changes.result() > 100)
    """
    assert run(
        MODEL + textwrap.dedent(body), NUMBA_NUM_THREADS="3", NUMBA_THREADING_LAYER=layer
    ) == ["True", "True"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_fits_the_same(layer_that_forks):
    body = """
        import os, warnings
        warnings.simplefilter("ignore")
        expected = model_digest()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, model_digest().encode())
            os._exit(0)
        os.close(write)
        answer = b""
        while chunk := os.read(read, 100):
            answer += chunk
        print(os.waitpid(child, 0)[1], answer.decode() == expected)
    """
    assert run(
        MODEL + textwrap.dedent(body), NUMBA_NUM_THREADS="3", NUMBA_THREADING_LAYER=layer_that_forks
    ) == ["0", "True"]


def test_where_no_openmp_runtime_is_installed():
    """As in a container without libgomp: the import of the layer that needs it fails."""
    body = """
        import sys
        sys.modules["numba.np.ufunc.omppool"] = sys.modules["numba.np.ufunc.tbbpool"] = None
        import numba
        from concurrent.futures import ThreadPoolExecutor
        problem = large_problem()
        expected = digest(problem)
        with ThreadPoolExecutor(8) as pool:
            print(set(pool.map(digest, [problem] * 16)) == {expected}, numba.threading_layer())
    """
    assert run(body, NUMBA_NUM_THREADS="3") == ["True", "workqueue"]


@pytest.mark.parametrize("layer", ["omp", "tbb"])
def test_beside_a_prange_of_the_users(layer):
    """In another Python thread; Numba's workqueue layer cannot do this, and the README says so."""
    if not has_layer(layer):
        pytest.skip(f"Numba has no {layer} layer here")
    body = """
        from concurrent.futures import ThreadPoolExecutor
        import numba

        @numba.njit(parallel=True, nogil=True)
        def half_square(n):
            total = 0.0
            for i in numba.prange(n):
                total += i  # exact, whatever the order
            return total

        problem = large_problem()
        expected = digest(problem), half_square(10**6)
        with ThreadPoolExecutor(4) as pool:
            tasks = (lambda i: half_square(10**6) if i % 2 else digest(problem)), range(40)
            found = list(pool.map(*tasks))
        print(set(found[::2]) == {expected[0]}, set(found[1::2]) == {expected[1]})
    """
    assert run(body, NUMBA_NUM_THREADS="3", NUMBA_THREADING_LAYER=layer) == ["True", "True"]
