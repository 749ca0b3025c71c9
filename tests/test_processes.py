"""Inside the workers of others all give the same bits: joblib, Dask, pools of processes."""

import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import fastce


def fit_and_predict(seed):
    """Return bytes that a fit and a loss give; in whichever process."""
    from fastce.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((20000, 8)), rng.integers(0, 3, 20000)
    value, grad = fastce.cross_entropy_value_and_grad(x, y)
    model = LogisticRegression().fit(x, y)
    return value, grad.tobytes(), model.coef_.tobytes(), model.predict_proba(x).tobytes()


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_inside_joblib(backend):
    joblib = pytest.importorskip("joblib")
    expected = [fit_and_predict(seed) for seed in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of any fork beside threads
        found = joblib.Parallel(n_jobs=2, backend=backend)(
            joblib.delayed(fit_and_predict)(seed) for seed in range(4)
        )
    assert found == expected


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_inside_a_pool_of_processes(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    expected = [fit_and_predict(seed) for seed in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # One process, whose imports take seconds; joblib starts two at once.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            assert list(pool.map(fit_and_predict, range(4))) == expected


def test_inside_dask():
    dask = pytest.importorskip("dask")
    expected = [fit_and_predict(seed) for seed in range(4)]
    for scheduler in ("threads", "processes"):
        assert (
            list(
                dask.compute(
                    *(dask.delayed(fit_and_predict)(seed) for seed in range(4)), scheduler=scheduler
                )
            )
            == expected
        )
