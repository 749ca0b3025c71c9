"""Few rows with many columns: the row space holds the same problem."""

import numpy as np
import pytest
from problems import raw_columns
from scipy import sparse
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from fastce._core.design import as_design
from fastce._linear.row_space import RowSpace, pays
from fastce._optimize import minimise as _solvers
from fastce.linear_model import LogisticRegression, _solve


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize(
    "kind", [np.ascontiguousarray, np.asfortranarray, np.float32, sparse.csr_matrix]
)
def test_logits_and_penalty_are_the_same(rng, centre, kind):
    X = kind(raw_columns(rng, 25, 90, offset=10.0))
    space = RowSpace(as_design(X), centre=centre)
    assert space.Y.shape[1] <= 25
    own, own_intercept = rng.normal(size=(3, space.Y.shape[1])), rng.normal(size=3)
    coef, intercept = space.expand(own, own_intercept)
    logits = space.Y @ own.T + own_intercept
    np.testing.assert_allclose(
        X @ coef.T + intercept, logits, rtol=1e-6, atol=1e-6 * np.abs(logits).max()
    )
    np.testing.assert_allclose((coef**2).sum(), (own**2).sum(), rtol=1e-6)
    back, back_intercept = space.reduce(coef, intercept)
    np.testing.assert_allclose(back, own, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        back_intercept, own_intercept, rtol=1e-6, atol=1e-6 * np.abs(logits).max()
    )


def test_rows_that_repeat_have_a_smaller_space(rng):
    X = np.repeat(raw_columns(rng, 10, 90, offset=10.0), 3, axis=0)
    space = RowSpace(as_design(X), centre=True)
    assert space.Y.shape == (30, 9)
    assert RowSpace(as_design(np.ones((4, 20))), centre=True).Y.shape == (4, 0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((20, 41), True), ((20, 40), False), ((2048, 4097), True), ((2049, 10_000), False)],
    ids=str,
)
def test_the_border(shape, expected):
    assert pays(as_design(np.broadcast_to(0.0, shape))) is expected
    assert not pays(as_design(sparse.csr_matrix((20, 1000))))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.filterwarnings("ignore::fastce.linear_model.SeparationWarning")
def test_the_fit_is_that_of_all_columns(rng, n_classes, fit_intercept, C, monkeypatch):
    X, y = raw_columns(rng, 25, 90, offset=10.0), rng.permutation(np.arange(25) % n_classes)
    options = {"C": C, "fit_intercept": fit_intercept, "tol": 1e-7 if C == 1.0 else 1e-4}
    ours = LogisticRegression(**options).fit(X, y)
    monkeypatch.setattr("fastce._linear.row_space.pays", lambda X: False)
    theirs = LogisticRegression(**options).fit(X, y)
    assert ours.coef_.shape == theirs.coef_.shape
    if C == 1.0:
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3 * np.abs(theirs.coef_).max())
        np.testing.assert_allclose(ours.loss_history_[-1], theirs.loss_history_[-1], rtol=1e-6)
    assert ours.score(X, y) == theirs.score(X, y) == 1.0
    again = LogisticRegression(warm_start=True, **options).fit(X, y)
    assert again.fit(X, y).n_iter_[0] <= 3


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_gradient_norm_is_that_of_the_columns(rng, fit_intercept, smoothing, monkeypatch):
    monkeypatch.setattr(
        _solve, "_NO_GAIN", 0.0
    )  # the row space's fit passes by the gradient's size, and no other follows
    fits, minimise = [], _solvers.minimise
    monkeypatch.setattr(
        _solvers, "minimise", lambda *args, **options: fits.append(1) or minimise(*args, **options)
    )
    X, y = 3.0 + 10.0 * rng.normal(size=(20, 60)), np.arange(20) % 3
    assert pays(as_design(X))
    with pytest.warns(ConvergenceWarning):
        model = LogisticRegression(
            max_iter=2, fit_intercept=fit_intercept, label_smoothing=smoothing
        ).fit(X, y)
    logits = X @ model.coef_.T + model.intercept_
    residuals = (
        softmax(logits, axis=1) - (1.0 - smoothing) * np.eye(3)[y] - smoothing / 3.0
    ) / len(y)
    grad = residuals.T @ X + model.coef_ / len(y)
    expected = max(
        np.abs(grad).max(), np.abs(residuals.sum(axis=0)).max() if fit_intercept else 0.0
    )
    np.testing.assert_allclose(model.grad_norm_, expected, rtol=1e-8)
    assert len(fits) == 1


@pytest.mark.parametrize("power", [-10, -20, -30, -40])
@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("unit", [1.0, 2.0**40])
def test_rows_that_all_but_repeat_are_told_apart(rng, power, centre, unit):
    rows = rng.integers(-8, 9, (20, 90)).astype(float)
    X = unit * np.vstack([rows[:10], rows[:10] + 2.0**power * rows[10:]])
    space = RowSpace(as_design(X), centre=centre)
    assert space.has_close_rows == (power < -10)
    assert space.Y.shape[1] == 20 - centre
    # logits that differ between rows that all but repeat
    asked = rng.normal(size=(20, 2))
    asked -= asked.mean(axis=0) * centre
    own = np.linalg.lstsq(space.Y, asked, rcond=None)[0].T
    coef, intercept = space.expand(own, np.zeros(2))
    found = space.logits(coef, intercept)
    # rounding of coefficients that are 2^-power times as large as with rows of their own
    atol = 1e-14 * 2.0**-power
    np.testing.assert_allclose(found, asked, rtol=1e-5, atol=atol)
    np.testing.assert_allclose((coef**2).sum(), (own**2).sum(), rtol=1e-3)
