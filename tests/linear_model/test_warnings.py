"""The texts of convergence warnings, by which programs filter them."""

import warnings

import pytest
from linear_models import raw
from sklearn.exceptions import ConvergenceWarning

from fastce.linear_model import LogisticRegression, _warnings

STARTS = {
    "auto": "lbfgs failed to converge after 1 iteration(s).",
    "lbfgs": "lbfgs failed to converge after 1 iteration(s).",
    "newton-cg": "newton-cg failed to converge at loss = ",
    "newton-cholesky": "Newton solver did not converge after 1 iterations.",
    "liblinear": "Liblinear failed to converge, increase the number of iterations.",
    "sag": "The max_iter was reached which means the coef_ did not converge",
    "saga": "The max_iter was reached which means the coef_ did not converge",
}


@pytest.mark.parametrize("solver", STARTS)
def test_a_fit_out_of_iterations_says_what_scikit_learn_does_and_our_figures(solver):
    X, y = raw("breast_cancer")
    with pytest.warns(ConvergenceWarning) as caught:
        LogisticRegression(solver=solver, max_iter=1).fit(X, y)
    (warning,) = caught
    first, figures, remedy = str(warning.message).split("\n")
    assert first.startswith(STARTS[solver])
    assert figures.startswith("LogisticRegression stopped after max_iter=1 iterations: max |grad")
    assert remedy == "Increase the number of iterations (max_iter=1), or tol."
    assert warning.filename == __file__


@pytest.mark.parametrize("solver", STARTS)
def test_a_fit_at_the_end_of_float64_does_not_ask_for_iterations(solver):
    end = _warnings.End(solver, False, 1, 100, 0.5, "figures")
    message = _warnings.convergence_message(end)
    assert "converge" in message.split("\n")[0]
    assert "reached the precision of float64: figures." in message
    assert "number of iterations" not in message
    assert "max_iter" not in message


def test_a_filter_for_scikit_learns_text_holds():
    X, y = raw("breast_cancer")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")
        model = LogisticRegression(max_iter=1).fit(X, y)
    assert model.n_iter_[0] == 1
