"""The objective of a linear classifier: the textbook's, scikit-learn's, in any layout, its bits."""

import os
import subprocess
import sys

import numpy as np
import pytest
import reference
from layouts import CSR, VIEWS
from problems import labelled, objective_of
from scipy import sparse
from scipy.special import xlogy

from fastce._core import threads
from fastce._linear import shard


def check(objective, X, y, rng, rtol=1e-12, penalty=0.3, weights=None, label_smoothing=0.0):
    theta = 0.1 * rng.normal(size=objective.size)
    value, grad = objective.value_and_grad(theta)
    coef, intercept = objective.parts(theta)
    sums = reference.linear_cross_entropy(
        X, y, coef, intercept, weights=weights, label_smoothing=label_smoothing
    )
    total = len(y) if weights is None else weights.sum()
    expected, grad_coef, grad_intercept = (part / total for part in sums)
    expected += penalty * (coef**2).sum() / 2
    grad_coef = grad_coef + penalty * coef
    own_coef, own_intercept = objective.parts(grad)
    np.testing.assert_allclose(value, expected, rtol=rtol)
    np.testing.assert_allclose(own_coef, grad_coef, rtol=1e-9, atol=rtol * np.abs(grad_coef).max())
    if intercept.size:
        np.testing.assert_allclose(own_intercept, grad_intercept, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3, 4, 12, 40])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_value_and_gradient_are_the_formula(rng, n_classes, kind, fit_intercept, label_smoothing):
    X, y = labelled(rng, n_classes=n_classes, density=0.4)
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    weights = rng.random(len(y)) * (rng.random(len(y)) > 0.2)
    for w in (None, weights):
        objective = objective_of(
            X, y, n_classes, w, fit_intercept=fit_intercept, label_smoothing=label_smoothing
        )
        check(objective, X, y, rng, weights=w, label_smoothing=label_smoothing)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_gradient_by_finite_differences(rng, n_classes):
    X, y = labelled(rng, n_classes=n_classes)
    objective = objective_of(X, y, n_classes, label_smoothing=0.1)
    theta = 0.1 * rng.normal(size=objective.size)
    _, grad = objective.value_and_grad(theta)
    for j in range(objective.size):
        step = 1e-6 * np.eye(objective.size)[j]
        slope = (
            objective.value_and_grad(theta + step)[0] - objective.value_and_grad(theta - step)[0]
        ) / 2e-6
        np.testing.assert_allclose(grad[j], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 3, 12])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_hessian_product_by_finite_differences(
    rng, n_classes, kind, fit_intercept, label_smoothing
):
    X, y = labelled(rng, n_classes=n_classes, density=0.4)
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    weights = rng.random(len(y)) * (rng.random(len(y)) > 0.2)
    for w in (None, weights):
        objective = objective_of(
            X, y, n_classes, w, fit_intercept=fit_intercept, label_smoothing=label_smoothing
        )
        theta, vector = 0.01 * rng.normal(size=(2, objective.size))
        step = 1e-4
        change = (
            objective.value_and_grad(theta + step * vector)[1]
            - objective.value_and_grad(theta - step * vector)[1]
        ) / (2 * step)
        np.testing.assert_allclose(
            objective.hessian_product(theta, vector),
            change,
            rtol=1e-5,
            atol=1e-7 * np.abs(change).max(),
        )


def test_hessian_product_of_logits_that_overflow_exponentials(rng):
    for n_classes in (2, 3):
        X, y = labelled(rng, n_classes=n_classes)
        objective = objective_of(X, y, n_classes)
        theta, vector = 1e4 * rng.normal(size=objective.size), rng.normal(size=objective.size)
        product = objective.hessian_product(theta, vector)
        assert np.all(np.isfinite(product))
        assert vector @ product > 0.0


@pytest.mark.parametrize("n_classes", [2, 4])
def test_value_and_gradient_are_those_of_scikit_learn(rng, n_classes):
    loss = pytest.importorskip("sklearn._loss")
    model_loss = pytest.importorskip("sklearn.linear_model._linear_loss")
    X, y = labelled(rng, n_classes=n_classes)
    weights = rng.random(len(y))
    objective = objective_of(X, y, n_classes, weights, penalty=0.2)
    theta = 0.1 * rng.normal(size=objective.size)
    base = (
        loss.HalfBinomialLoss() if n_classes == 2 else loss.HalfMultinomialLoss(n_classes=n_classes)
    )
    theirs = model_loss.LinearModelLoss(base_loss=base, fit_intercept=True)
    coef = theta if n_classes == 2 else theta.reshape(-1, n_classes).T
    value, grad = theirs.loss_gradient(
        coef, X, y.astype(float), sample_weight=weights, l2_reg_strength=0.2
    )
    own_value, own_grad = objective.value_and_grad(theta)
    np.testing.assert_allclose(own_value, value, rtol=1e-12)
    np.testing.assert_allclose(own_grad, np.ravel(np.transpose(grad)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C", "Fortran", "strided", "reversed", *CSR])
@pytest.mark.parametrize("n_classes", [2, 6])
def test_any_layout(rng, layout, n_classes, dtype):
    X, y = labelled(rng, n=300, n_classes=n_classes, density=0.5)
    X = (VIEWS | CSR)[layout](X.astype(dtype))
    check(objective_of(X, y, n_classes), X, y, rng, rtol=1e-11)


def test_read_only_and_memory_mapped(rng, tmp_path):
    X, y = labelled(rng)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    X.flags.writeable = False
    for data in (X, mapped):
        check(objective_of(data, y, 4), X, y, rng)


def test_columns_and_rows_few_and_many(rng):
    for n, p, n_classes in [(2, 1, 2), (5, 700, 3), (5000, 1, 2), (3000, 3, 3), (40, 3, 300)]:
        X, y = labelled(rng, n, p, n_classes)
        check(objective_of(X, y, n_classes), X, y, rng)


def test_sparse_rows_of_very_different_length(rng):
    X = sparse.random(2000, 500, density=0.01, random_state=0, format="lil")
    X[7] = 1.0
    X[8:500] = 0.0
    X, y = X.tocsr(), rng.integers(0, 3, 2000)
    objective = objective_of(X, y, 3)
    assert objective.shard._starts[0] == 0
    assert objective.shard._starts[-1] == 2000
    assert np.all(np.diff(objective.shard._starts) > 0)
    check(objective, X, y, rng, rtol=1e-11)


def test_a_sparse_index_out_of_range_is_refused(rng):
    X, y = labelled(rng, density=0.3)
    X = sparse.csr_matrix(X)
    X.indices[5] = 7
    with pytest.raises(ValueError, match="indices"):
        objective_of(X, y, 4)


def test_a_row_without_weight_is_skipped(rng):
    X, y = labelled(rng)
    weights = np.ones(len(y))
    weights[3] = 0.0
    theta = None
    values = []
    for fill in (1.0, 1e300):
        X[3] = fill
        objective = objective_of(X, y, 4, weights)
        theta = 0.1 * rng.normal(size=objective.size) if theta is None else theta
        values.append(objective.value_and_grad(theta))
    assert values[0][0] == values[1][0]
    np.testing.assert_array_equal(values[0][1][0], values[1][1][0])


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_equal_bits_for_one_and_two_threads(rng, n_classes, kind, monkeypatch):
    monkeypatch.setattr(threads, "MIN_PARALLEL_WORK", 0)
    X, y = labelled(rng, n=20_000, n_classes=n_classes, density=0.5)
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    results = []
    for n_threads in (1, min(2, threads.get_num_threads())):
        with threads.at_most(n_threads):
            objective = objective_of(X, y, n_classes)
            theta = np.linspace(-1, 1, objective.size)
            value, grad = objective.value_and_grad(theta)
            product, step = objective.hessian_product(theta, grad), objective.precondition(grad)
        results.append((value, grad, product, step))
    assert results[0][0] == results[1][0]
    for one, two in zip(results[0][1:], results[1][1:], strict=True):
        np.testing.assert_array_equal(one, two)


PROGRAM = """
import sys, numpy as np
from fastce._core import threads as _threads
from fastce._linear.loss import LinearLoss
_threads.MIN_PARALLEL_WORK = 0
X = np.sin(np.arange(60000.0)).reshape(-1, 6)
y = (np.arange(10000) * 7919 // 13 % 3)
objective = LinearLoss(X, y, 3, weights=np.full(1, 1e-4), penalty=0.1)
value, grad = objective.value_and_grad(np.linspace(-1, 1, objective.size))
print(value.hex(), grad.tobytes().hex())
"""


def test_equal_bits_for_three_threads():
    outputs = set()
    for n_threads in ("1", "3"):
        environment = os.environ | {"NUMBA_NUM_THREADS": n_threads}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_accumulators_are_bounded_and_two_at_least(rng):
    X = sparse.random(600, 30_000, density=0.01, random_state=0, format="csr")
    objective = objective_of(X, rng.integers(0, 90, 600), 90)
    assert objective.shard._values.size == 2
    X, y = labelled(rng, n=100_000, p=2)
    assert objective_of(X, y, 4).shard._values.size == shard._MAX_ACCUMULATORS


def test_pack_and_parts_are_inverse(rng):
    for X in (rng.normal(size=(20, 3)), sparse.csr_matrix(rng.normal(size=(20, 3)))):
        objective = objective_of(X, np.arange(20) % 4, 4)
        coef, intercept = rng.normal(size=(4, 3)), rng.normal(size=4)
        coef -= coef.mean(axis=0)
        intercept -= intercept.mean()
        own_coef, own_intercept = objective.parts(objective.pack(coef, intercept))
        np.testing.assert_allclose(own_coef, coef)
        np.testing.assert_allclose(own_intercept, intercept)


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_start_is_the_minimum_over_the_intercept(rng, n_classes, kind):
    X, y = labelled(rng, n_classes=n_classes)
    y = np.minimum(y, rng.integers(0, n_classes, len(y)))
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    objective = objective_of(X, y, n_classes, rng.random(len(y)), label_smoothing=0.1)
    _, grad = objective.value_and_grad(objective.start())
    np.testing.assert_allclose(objective.parts(grad)[1], 0.0, atol=1e-14)


def test_the_floor_is_a_millionth_of_the_null_model(rng):
    X, y = labelled(rng)
    priors = np.bincount(y) / len(y)
    for penalty in (0.0, 0.3):
        objective = objective_of(X, y, 4, penalty=penalty)
        assert objective.has_minimum == (penalty > 0.0)
        np.testing.assert_allclose(objective.floor, -1e-6 * xlogy(priors, priors).sum())
        value, _ = objective.value_and_grad(objective.start())
        np.testing.assert_allclose(objective.null_value, value)
        np.testing.assert_allclose(objective.curvature, (priors * (1.0 - priors)).mean())
    objective = objective_of(X, y, 4, fit_intercept=False)
    np.testing.assert_allclose(objective.null_value, np.log(4.0))
    lone = objective_of(X, y, 4, (y == 1).astype(float))
    assert not lone.has_minimum
    assert lone.curvature > 0.0


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_parameters_of_many_blocks_are_penalised_but_for_the_intercept(rng, kind, penalty):
    # blocks of the sum end within a class's coefficients
    X, y = labelled(rng, n=20, p=3001, n_classes=5, density=0.1)
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    objective = objective_of(X, y, 5, penalty=penalty)
    check(objective, X, y, rng, penalty=penalty)
