"""The judge of a fit: what it says of models whose distance from the minimum is known."""

import numpy as np
import pytest
from problems import learnable, objective_of

from fastce._linear import formed_hessian
from fastce._linear.judge import ABOVE, MINIMUM, UNKNOWN, judge
from fastce._linear.orthonormal import OrthonormalColumns
from fastce._optimize import minimise


def case(X, y, n_classes, penalty=0.01, weights=None, **options):
    """Return the objective, its columns, and the minimum."""
    loss = objective_of(X, y, n_classes, weights, penalty=penalty, **options)
    columns = OrthonormalColumns(
        loss.shard.design, loss.shard.weights, 4.0 * penalty, centre=loss.fit_intercept
    )
    tolerances = {"tol": 1e-10, "gap_tol": 1e-15, "max_iter": 200}
    result = minimise.minimise(loss, loss.start(), solver="newton-cg", **tolerances)
    coef, intercept = loss.parts(result.theta)
    return loss, columns, coef, intercept if loss.fit_intercept else np.zeros(len(coef)), result


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"label_smoothing": 0.1}])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("formed", [True, False])
def test_the_distance_of_a_model(rng, n_classes, options, weighted, formed, monkeypatch):
    if not formed:
        monkeypatch.setattr(formed_hessian, "_MAX_PARAMETERS", 0)
    X, y = learnable(rng, n_classes=n_classes)
    weights = rng.random(len(y)) * (rng.random(len(y)) < 0.8) if weighted else None
    loss, columns, coef, intercept, result = case(X, y, n_classes, weights=weights, **options)
    verdict = judge(loss, columns, coef, intercept)
    assert verdict.answer == MINIMUM
    assert verdict.gap < 1e-12
    np.testing.assert_allclose(verdict.value, result.value, rtol=1e-13)
    for size in (1e-1, 1e-2, 1e-4):
        away = coef + size * rng.normal(size=coef.shape)
        verdict = judge(loss, columns, away, intercept)
        value = loss.value_and_grad(loss.pack(away, intercept))[0]
        # what all classes have in common costs a penalty only in `coef` itself
        if n_classes > 2:
            value += 0.5 * loss.penalty * 3 * (away.mean(axis=0) ** 2).sum()
        np.testing.assert_allclose(verdict.value, value, rtol=1e-12)
        gap = loss.value_and_grad(loss.pack(away, intercept))[0] / result.value - 1.0
        if size <= 1e-2:
            np.testing.assert_allclose(verdict.gap, gap, rtol=0.1, atol=1e-13)
        assert verdict.answer == (MINIMUM if verdict.gap <= 1e-6 else ABOVE)
        assert (verdict.answer == MINIMUM) == (gap <= 1e-6)


@pytest.mark.parametrize("unit", [2.0**-60, 1.0, 2.0**60])
def test_units_change_nothing(rng, unit):
    X, y = learnable(rng, n_classes=2)
    units = unit ** np.array([1, 0, -1, 1, 0])
    loss, columns, coef, intercept, _ = case(X, y, 2, penalty=0.0)
    scaled = objective_of(X * units, y, 2, penalty=0.0)
    own = OrthonormalColumns(scaled.shard.design, scaled.shard.weights, 0.0, centre=True)
    for size in (0.0, 1e-4, 1e-2):
        away = coef + size
        one, other = (
            judge(loss, columns, away, intercept),
            judge(scaled, own, away / units, intercept),
        )
        assert one.answer == other.answer
        np.testing.assert_allclose(one.gap, other.gap, rtol=1e-6, atol=1e-18)


def test_a_direction_that_second_moments_lose_is_seen(rng):
    X, y = learnable(rng, n_classes=2, p=2)
    X[:, 1] = X[:, 0] + 2.0**-32 * np.round(8 * X[:, 1])
    loss = objective_of(X, y, 2, penalty=0.0)
    columns = OrthonormalColumns(loss.shard.design, loss.shard.weights, 0.0, centre=True)
    # the best model of the first column alone
    alone = case(X[:, :1], y, 2, penalty=0.0)
    coef = np.append(alone[2], [[0.0]], axis=1)
    assert judge(loss, columns, coef, alone[3]).answer == ABOVE


@pytest.mark.parametrize("is_exact", [True, False])
def test_what_float64_cannot_tell(rng, is_exact):
    X, y = learnable(rng, n_classes=2, p=2)
    X[:, 1] = 2.0 * X[:, 0]
    if not is_exact:
        X[::2, 1] = np.nextafter(X[::2, 1], np.inf)
    loss = objective_of(X, y, 2, penalty=0.0)
    columns = OrthonormalColumns(loss.shard.design, loss.shard.weights, 0.0, centre=True)
    alone = case(X[:, :1], y, 2, penalty=0.0)
    coef = np.append(alone[2], [[0.0]], axis=1)
    assert judge(loss, columns, coef, alone[3]).answer == (MINIMUM if is_exact else UNKNOWN)


def test_below_a_millionth_of_the_null_model_nothing_is_left(rng):
    X = np.linspace(-1.0, 1.0, 20)[:, np.newaxis]
    y = (X[:, 0] > 0.0).astype(int)
    loss = objective_of(X, y, 2, penalty=0.0)
    columns = OrthonormalColumns(loss.shard.design, loss.shard.weights, 0.0, centre=True)
    for coef, answer in ((1e3, MINIMUM), (1e2, ABOVE)):
        verdict = judge(loss, columns, np.array([[coef]]), np.zeros(1))
        assert verdict.answer == answer
        assert (verdict.value <= 1e-6 * np.log(2.0)) == (answer == MINIMUM)


@pytest.mark.parametrize("coef", [np.nan, np.inf, 1e300])
def test_numbers_that_are_none_are_no_minimum(rng, coef):
    X, y = learnable(rng, n_classes=2)
    loss, columns, _, intercept, _ = case(X, y, 2)
    with np.errstate(all="ignore"):
        assert judge(loss, columns, np.full((1, 5), coef), intercept).answer == ABOVE
