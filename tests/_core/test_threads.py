"""Threads: any number gives the same bits; callers at once and forked children get it right."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce
from fastce._core import threads
from fastce._core.limits import limits

# Several blocks each, the last one not full; the last shape is big enough for a parallel region.
PROBLEM = """
import hashlib, sys
import numpy as np
import fastce
from fastce._core import threads

SHAPES = [(20001, 3), (9003, 10), (403, 301), (3, 50257), (33001, 2), (70001, 1), (40001, 7)]

def make(n, k, dtype):
    rng = np.random.default_rng(n)
    x = rng.standard_normal((n, k)).astype(dtype)
    y, q = rng.integers(0, k, n), rng.uniform(0, 1, (n, k)).astype(dtype)
    return x, y, q, rng.uniform(0.5, 2, n)

def large_problem():
    problem = make(*SHAPES[-1], np.float64)
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

print("default", *threads.decision())
fastce.set_num_threads(3)  # more than the default, where there are fewer cores

def digest(problem):
    data = b"".join(np.ascontiguousarray(a).tobytes() for a in results(*problem))
    return hashlib.sha256(data).hexdigest()
"""


# What each process of three threads does first.
ALONE = """
import numba
numba.set_num_threads(2)
digest(large_problem())
assert numba.np.ufunc.parallel._is_initialized, "no threads were started"
print("numba", numba.get_num_threads())
for shape in SHAPES:
    for dtype in (np.float32, np.float64):
        problem, digests = make(*shape, dtype), []
        for n in (1, 2, 3):
            fastce.set_num_threads(n)
            with threads.parallel_from(0):
                digests.append(digest(problem))
        print("bits", *digests)
"""

MODEL = """
import numba
from fastce.linear_model import LogisticRegression
x, y = np.random.default_rng(1).standard_normal((30000, 7)), np.arange(30000) % 3

def model_digest():
    model = LogisticRegression(max_iter=5, tol=1e-30).fit(x, y)
    return hashlib.sha256(model.coef_.tobytes() + model.predict_proba(x).tobytes()).hexdigest()
"""

# First without threads, then with Numba's, then with ours: whatever a child inherits.
FORKS = """
import os

def in_forked_child(function):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, function().encode())
        os._exit(0)
    os.close(write)
    answer = b""
    while chunk := os.read(read, 100):
        answer += chunk
    os.close(read)
    return os.waitpid(child, 0)[1], answer.decode()

children = {"nothing": in_forked_child(lambda: digest(problem))}
import numba
assert not numba.np.ufunc.parallel._is_initialized, "something has started threads"
numba.get_num_threads()
children["numba"] = in_forked_child(lambda: digest(problem))
digest(problem)
children["fastce"] = in_forked_child(lambda: digest(problem))
for before, child in children.items():
    print("fork", before, child == (0, digest(problem)), flush=True)
"""

FORK_OF_FIT = """
fitted = model_digest()
print("fork fit", in_forked_child(model_digest) == (0, fitted), flush=True)
"""

# Eight at once, then beside a thread that sets the number of threads up and down.
AT_ONCE = """
import time
from concurrent.futures import ThreadPoolExecutor
expected = {digest: digest(problem), model_digest: model_digest()}
with ThreadPoolExecutor(8) as pool:
    print("calls", set(pool.map(digest, [problem] * 8)) == {expected[digest]}, flush=True)
ended = False

def change():
    n = 0
    while not ended:
        fastce.set_num_threads(1 + n % 3)
        n += 1
        time.sleep(1e-4)  # whoever spins keeps the lock of the interpreter from the others
    return n

def both(i):
    if i % 2:
        return {digest: digest(problem), model_digest: model_digest()}
    return {model_digest: model_digest(), digest: digest(problem)}

with ThreadPoolExecutor(9) as pool:
    changes = pool.submit(change)
    found = list(pool.map(both, range(8)))
    ended = True
print("fits", found == [expected] * 8, changes.result() > 100, flush=True)
"""

PRANGE = """
@numba.njit(parallel=True, nogil=True)
def half_square(n):
    total = 0.0
    for i in numba.prange(n):
        total += i  # exact, whatever the order
    return total

fastce.set_num_threads(3)
exactly = half_square(10**6)
with ThreadPoolExecutor(4) as pool:
    tasks = (lambda i: half_square(10**6) if i % 2 else digest(problem)), range(16)
    found = list(pool.map(*tasks))
right = set(found[::2]) == {expected[digest]}, set(found[1::2]) == {exactly}
print("prange", *right, flush=True)
"""

# As in a container without libgomp: the imports of the layers that need a library fail.
NO_OPENMP = 'sys.modules["numba.np.ufunc.omppool"] = sys.modules["numba.np.ufunc.tbbpool"] = None'


def run(*parts, **environment):
    """Run PROBLEM and then parts in a fresh interpreter of three threads; return what it says.

    That is a dict: the first word of lines -> the rest of them. A deadlock is a failure.
    """
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([PROBLEM, *parts])],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "NUMBA_NUM_THREADS": "3", **environment},
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    said = {}
    for line in done.stdout.splitlines():
        name, *rest = line.split()
        said.setdefault(name, []).append(rest)
    return said


@pytest.fixture(scope="module")
def alone():
    return run(ALONE)


def test_the_environment_of_openmp_decides_and_more_may_be_set():
    assert run("", OMP_NUM_THREADS="1")["default"] == [["1", "OMP_NUM_THREADS"]]


@pytest.fixture
def _no_number_set(monkeypatch):
    monkeypatch.setattr(threads, "_n_threads", None)


@pytest.mark.usefixtures("_no_number_set")
@pytest.mark.parametrize("name", ["cores", "affinity", "cgroup quota", "NUMBA_NUM_THREADS"])
def test_what_has_decided(monkeypatch, name):
    n = threads._max_threads()
    found = {"cores": n + 3, "affinity": n + 2, "cgroup quota": n + 1} | {name: n}
    monkeypatch.setattr(threads, "_limits", lambda: found)
    assert threads.decision() == (n, name)
    assert fastce.get_num_threads() == n
    monkeypatch.setattr(threads, "_limits", lambda: {"cores": n + 1})
    assert threads.decision() == (n, "Numba")
    fastce.set_num_threads(n)
    assert threads.decision() == (n, "set_num_threads")


def test_more_than_the_default_may_be_set(alone):
    """Asked for in NUMBA_NUM_THREADS: on fewer cores it is not the default, but allowed."""
    ((n, *_),) = alone["default"]
    assert int(n) == min(3, *limits().values())


def test_numba_keeps_its_own_setting(alone):
    assert alone["numba"] == [["2"]]


def test_same_bits_for_every_number_of_threads(alone):
    rows = np.reshape(alone["bits"], (14, 3))
    assert_array_equal(rows, np.repeat(rows[:, :1], 3, axis=1))
    assert len(set(rows[:, 0])) == 14


@pytest.fixture
def _threads_restored():
    before = fastce.get_num_threads()
    yield
    fastce.set_num_threads(before)


def test_numbas_configuration_says_how_many_threads_would_be_started_anew(monkeypatch):
    """Asked for more than there are, the workqueue layer waits for them for ever."""
    import numba

    n = threads._max_threads()
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", n + 5)
    monkeypatch.setattr(threads, "_max_started", None)
    assert threads._start_threads() == threads._max_threads() == n
    with pytest.raises(ValueError, match=rf"^n must be from 1 to {n} "):
        fastce.set_num_threads(n + 5)


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


def has_layer(layer):
    """Whether Numba has this threading layer here; a process of its own asks, which starts them."""
    code = f"import numba; numba.config.THREADING_LAYER = {layer!r}; numba.get_num_threads()"
    return (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=300, check=False
        ).returncode
        == 0
    )


@pytest.fixture(scope="module", params=["workqueue", "omp", "tbb"])
def layer(request):
    """Give what one process says of a layer, where everything is tried in turn.

    Numba always has workqueue: it takes it where it finds neither of the others.
    """
    name = request.param
    if name != "workqueue" and not has_layer(name):
        pytest.skip(f"Numba has no {name} layer here")
    one_core = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) == 1
    # On one core TBB waits for ever at the end of a process that has forked, with Numba alone, too.
    forks = hasattr(os, "fork") and not (one_core and name == "tbb")
    said = run(
        NO_OPENMP if name == "workqueue" else "",
        'import warnings\nwarnings.simplefilter("ignore")\nproblem = large_problem()',
        *([FORKS] if forks else []),
        MODEL,
        *([FORK_OF_FIT] if forks else []),
        AT_ONCE,
        # Numba's workqueue layer cannot do this, and the README says so.
        PRANGE if name != "workqueue" else "",
        'print("layer", numba.threading_layer())',
        NUMBA_THREADING_LAYER="default" if name == "workqueue" else name,
    )
    assert said["layer"] == [[name]]
    return said


def test_threads_meeting_in_every_layer(layer):
    """The workqueue layer aborts the process when two threads enter it, so only one may."""
    assert layer["calls"] == [["True"]]


def test_kernels_fits_and_predictions_of_eight_threads_at_once(layer):
    """While another thread sets the number of threads up and down."""
    assert layer["fits"] == [["True", "True"]]


@pytest.mark.parametrize("before", ["nothing", "numba", "fastce"])
def test_a_forked_child_computes_the_same(layer, before):
    """GNU OpenMP ends a child that enters a parallel region after its parent did.

    It does not matter who started the threads.
    """
    if "fork" not in layer:
        pytest.skip("no fork here")
    assert [before, "True"] in layer["fork"]


def test_a_forked_child_fits_the_same(layer):
    if "fork" not in layer:
        pytest.skip("no fork here")
    assert ["fit", "True"] in layer["fork"]


def test_beside_a_prange_of_the_users(layer):
    """In another Python thread."""
    if layer["layer"] == [["workqueue"]]:
        pytest.skip("Numba's workqueue layer cannot do this")
    assert layer["prange"] == [["True", "True"]]
