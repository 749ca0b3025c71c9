"""Ctrl-C, a lack of memory, errors of others: a fit ends at once and restores everything."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from problems import learnable
from threadpoolctl import threadpool_info

import fastce
from fastce._core import threads as _threads
from fastce._core.interrupts import interrupts_wait
from fastce._linear import loss as _linear_loss
from fastce._optimize import minimise as _solvers
from fastce.linear_model import LogisticRegression


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


# Fits of many seconds, by models that have been fitted before, with an interrupt in the middle of
# each.
CODE = """
import os, signal, threading, time
import numpy as np
from fastce.linear_model import LogisticRegression
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
rng = np.random.default_rng(0)
X = np.tile(rng.normal(size=(6000, 400)), (10, 1))
y = (X @ rng.normal(size=(400, 20)) + rng.gumbel(size=(60000, 20))).argmax(axis=1)
for solver in ("auto", "newton-cg"):
    model = LogisticRegression(solver=solver).fit(X[:500], y[:500])
    before = dict(vars(model))
    print("ready", flush=True)
    try:
        model.set_params(tol=1e-14, max_iter=10**6).fit(X, y)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    after = dict(vars(model))
    assert after.pop("tol") == 1e-14 and after.pop("max_iter") == 10**6
    assert all(after[name] is before[name] for name in after), "something changed"
    assert after.keys() == before.keys() - {"tol", "max_iter"}
    model.set_params(tol=1e-4, max_iter=100).fit(X[:500], y[:500])
    print("fitted again", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="a child cannot be sent Ctrl-C alone")
def test_ctrl_c_ends_a_fit_within_a_second():
    """The longest that Python waits for is one pass over the rows, or one Gram matrix."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in ("auto", "newton-cg"):
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        time.sleep(1.0)
        assert process.poll() is None, "the fit was over too soon"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n", process.communicate()[1]
        waited = time.monotonic() - start
        assert process.stdout.readline() == "fitted again\n", process.communicate()[1]
        # A second on a machine that has nothing else to do; a fit that is not interrupted takes
        # minutes.
        assert waited < 10
    err = process.communicate(timeout=300)[1]
    assert process.returncode == 0, err


# Numba compiles an inner function, then the one that calls it: an interrupt comes in the middle of
# both.
COMPILING = """
import os, signal, sys
import numpy as np
from numba.core import event
import fastce

signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupts(event.Listener):
    n = 0
    def on_start(self, what):
        self.n += 1
        if self.n in {2, 6}:
            os.kill(os.getpid(), signal.SIGINT)
    def on_end(self, what):
        pass

listener = Interrupts()
event.register("numba:compile", listener)
z, y, n_interrupts = np.zeros((4, 2)), [0, 1, 1, 0], 0
for _ in range(5):
    try:
        value = fastce.cross_entropy(z, y)
        break
    except KeyboardInterrupt:
        n_interrupts += 1
assert value == np.log(2), value
print(n_interrupts, listener.n > 6)
"""


def test_ctrl_c_while_a_kernel_is_compiled_is_neither_lost_nor_harmful(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COMPILING],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "True"]
    assert "ignored" not in done.stderr


@interrupts_wait()
def interrupted(reached, error=None):
    """Meet an interrupt, go on to the end, and raise an error there if one is given."""
    signal.raise_signal(signal.SIGINT)
    reached.append("end")
    if error is not None:
        raise error


@pytest.fixture
def usual_handler():
    """Raise KeyboardInterrupt at SIGINT, which a shell's background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_handler")
def test_an_interrupt_waits_for_the_end_of_a_block():
    reached = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(reached)
    assert reached == ["end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    error = Broken()
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted(reached, error)
    assert caught.value.__context__ is error


@pytest.mark.usefixtures("usual_handler")
def test_a_handler_that_is_set_meanwhile_stays():
    came = []
    with interrupts_wait():
        signal.signal(signal.SIGINT, lambda *_: came.append("its own"))
    signal.raise_signal(signal.SIGINT)
    assert came == ["its own"]


def test_whoever_ignores_interrupts_goes_on_ignoring_them():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupted([])
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


class Broken(Exception):
    """What somebody else's code raises."""


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, Broken])
@pytest.mark.parametrize("where", ["value_and_grad", "refresh", "__init__"])
def test_an_error_in_the_middle_leaves_everything_as_it_was(rng, monkeypatch, error, where):
    X, y = learnable(rng)
    fitted, fresh, threads, blas = (
        LogisticRegression().fit(X, y),
        LogisticRegression(),
        fastce.get_num_threads(),
        blas_threads(),
    )
    before = dict(vars(fitted))
    original, calls = getattr(_linear_loss.LinearLoss, where), []

    def fails(self, *args, **kwargs):
        calls.append(where)
        if len(calls) == (3 if where == "value_and_grad" else 1):
            raise error("in the middle")
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(_linear_loss.LinearLoss, where, fails)
        for model in (fitted, fresh):
            calls.clear()
            with pytest.raises(error, match="in the middle"):
                model.fit(2.0 * X, y)
    assert vars(fitted).keys() == before.keys()
    assert all(vars(fitted)[name] is value for name, value in before.items())
    assert not hasattr(fresh, "coef_")
    assert not hasattr(fresh, "n_features_in_")
    assert (fastce.get_num_threads(), blas_threads()) == (threads, blas)
    assert _threads.region.acquire(blocking=False), "a region was left locked"
    _threads.region.release()
    np.testing.assert_array_equal(fresh.fit(X, y).coef_, before["coef_"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, Broken])
def test_a_callback_that_raises_ends_the_minimiser(error):
    class Parabola:
        floor, refresh_cost, exact_cost, is_diagonal = 0.0, 0.0, np.inf, False

        def value_and_grad(self, theta):
            return 1.0 + float(theta @ theta), 2.0 * theta

        def precondition(self, vector, out):
            out[:] = 0.1 * vector
            return out

        def refresh(self, theta, near):
            return False

        def hessian_product(self, theta, vector):
            return 2.0 * vector

    def callback(progress):
        if progress.n_iter == 1:
            raise error("in the middle")

    theta = np.full(3, 1e3)
    for solver in ("lbfgs", "newton-cg"):
        with pytest.raises(error, match="in the middle"):
            _solvers.minimise(
                Parabola(),
                theta,
                solver=solver,
                tol=0.0,
                gap_tol=0.0,
                max_iter=100,
                callback=callback,
            )
    np.testing.assert_array_equal(theta, np.full(3, 1e3))


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_error_in_a_prediction_leaves_no_writer_and_no_lock(rng, monkeypatch, error):
    X, y = learnable(rng, n=40_000)
    model = LogisticRegression().fit(X[:300], y[:300])
    expected = model.predict_proba(X)
    from fastce.linear_model import _predict

    def fails(*_):
        raise error("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(_predict.rowwise, "softmax_rows", fails)
        with pytest.raises(error, match="in the middle"):
            model.predict_proba(X)
    assert _threads.region.acquire(blocking=False), "a region was left locked"
    _threads.region.release()
    np.testing.assert_array_equal(model.predict_proba(X), expected)
