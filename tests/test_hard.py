"""Hard problems with known minima: none is missed in silence, and few warnings are needless.

``python -m tests.hard --problems 2000`` judges more of them.
"""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hard import large
from hard.__main__ import fit, judge
from hard.problems import exact_objective, least_objective, make, of

from fastce.linear_model import LogisticRegression


@pytest.mark.parametrize("first", [0, 100])
def test_hard_problems(first):
    outcomes = [judge(seed) for seed in range(first, first + 100)]
    assert not [str(outcome) for outcome in outcomes if outcome.is_silent_failure]
    assert sum(outcome.is_needless_warning for outcome in outcomes) <= 1  # 1%


@pytest.mark.parametrize("seed", [0, 2, 3, 5, 9, 11, 13, 14, 15, 17, 20, 23, 25, 26])
def test_hard_problems_of_other_shapes(seed):
    outcome = judge(seed, lambda seed: large.make(seed, 0.1))
    assert not outcome.is_silent_failure, outcome
    assert not outcome.is_needless_warning, outcome


@pytest.mark.parametrize("seed", [1, 3, 6])
def test_a_penalty_on_what_rounding_puts_outside_of_the_row_space(seed):
    # 1.4e-6 to 1.6e-6 above the minimum, which the gradient in the row space does not tell
    rng = np.random.default_rng(seed)
    base = rng.integers(-8, 9, (20, 5)) @ rng.integers(-3, 4, (5, 150))
    X = (base + rng.integers(-8, 9, (20, 150)) * 2.0**-41) * 2.0**37
    y = rng.integers(0, 2, 20)
    easy = large.factor([[Fraction(x) for x in column] for column in X.T.tolist()], 20)
    problem = large.Large(X, y, 1e4, False, "auto", easy, "given")
    _, value, messages = fit(problem)
    assert value <= (1.0 + 1e-6) * large.least_objective(problem) or messages


@pytest.mark.parametrize("seed", [3, 8, 25, 27])
def test_the_least_objective_by_easy_columns_is_that_of_the_data(seed):
    problem = large.make(seed, 0.1)
    problem = problem._replace(X=problem.easy)
    model = LogisticRegression(C=problem.C, fit_intercept=problem.fit_intercept, tol=1e-7)
    model.fit(problem.X, problem.y)
    value = large.exact_objective(problem, model.coef_, model.intercept_)
    np.testing.assert_allclose(value, large.least_objective(problem), rtol=1e-7)


@pytest.mark.parametrize("seed", [0, 3, 17, 25, 690, 14, 19])
def test_the_least_objective_is_that_of_the_data_themselves(seed):
    problem = make(seed)
    own = of(problem.X, problem.y)
    expected = least_objective(problem._replace(base=own.base, gram=own.gram))
    np.testing.assert_allclose(least_objective(problem), expected, rtol=1e-8, atol=1e-10)


def test_the_least_objective_by_a_closed_form():
    # one binary column: the shares of its two groups
    X, y = np.repeat([[0.0], [1.0]], 10, axis=0), np.r_[np.arange(10) < 3, np.arange(10) < 8]
    least = least_objective(of(X, y.astype(int), np.inf))
    shares = mpmath.mpf(3) / 10, mpmath.mpf(8) / 10
    entropy = sum(-p * mpmath.log(p) - (1 - p) * mpmath.log(1 - p) for p in shares) / 2
    np.testing.assert_allclose(least, float(entropy), rtol=1e-12)


def test_the_exact_objective_at_the_null_model():
    problem = make(1)
    n_classes = problem.y.max() + 1
    K = 1 if n_classes == 2 else n_classes
    value = exact_objective(problem, np.zeros((K, problem.X.shape[1])), np.zeros(K))
    np.testing.assert_allclose(value, np.log(n_classes), rtol=1e-14)


def test_weights_and_soft_labels_are_rows_that_are_repeated(rng):
    X, y = rng.integers(-8, 9, (12, 2)).astype(float), rng.integers(0, 2, 12)
    weights, part = rng.integers(1, 5, 12), rng.integers(0, 9, 12) / 8
    soft = of(X, y)._replace(
        soft=np.column_stack([1.0 - part, part]), sample_weight=8.0 * weights, class_weight=None
    )
    counts = np.concatenate([8 * weights * (1.0 - part), 8 * weights * part]).astype(int)
    rows = np.repeat(np.concatenate([X, X]), counts, axis=0)
    plain = of(rows, np.repeat(np.arange(24) // 12, counts))
    np.testing.assert_allclose(least_objective(soft), least_objective(plain), rtol=1e-10)
    coef, intercept = rng.normal(size=(1, 2)), rng.normal(size=1)
    expected = exact_objective(plain, coef, intercept)
    np.testing.assert_allclose(exact_objective(soft, coef, intercept), expected, rtol=1e-12)
    by_class = of(X, y)._replace(class_weight={0: 1.0, 1: 3.0})
    counts = np.where(y == 1, 3, 1)
    repeated = of(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(least_objective(by_class), least_objective(repeated), rtol=1e-10)
