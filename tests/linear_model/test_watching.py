"""What watches a fit: a callback of the minimiser that gives models of X."""

import numpy as np

from fastce._optimize.monitor import Progress
from fastce.linear_model import _watching
from fastce.linear_model._validation import Settings


class Objective:
    """Parameters as coef (2, 1) and no intercept."""

    def parts(self, theta):
        return theta.reshape(2, 1), np.empty(0)


def test_models_are_made_on_demand_in_the_coordinates_of_X():
    seen = []

    def watch(progress, model_here):
        seen.append((progress.n_iter, *model_here()))
        return progress.n_iter == 7

    def doubled(coef, intercept):
        return 2.0 * coef, intercept + 1.0

    settings = Settings("auto", 1e-4, 1e-7, 10, _watching.expanding(watch, doubled))
    callback = _watching.callback_of(settings, Objective(), _watching.copies, n_before=5)
    theta = np.array([1.0, 2.0])
    progress = Progress(0, 1, 1.0, 0.1, 0.1, theta)
    assert not callback(progress)
    theta *= 10.0  # what was told of does not change with the minimiser's point
    assert callback(progress._replace(n_iter=2))
    assert [n_iter for n_iter, _, _ in seen] == [5, 7]
    np.testing.assert_array_equal(seen[0][1], [[2.0], [4.0]])
    np.testing.assert_array_equal(seen[1][2], [1.0, 1.0])


def test_nothing_watches_by_default():
    settings = Settings("auto", 1e-4, 1e-7, 10, None)
    assert _watching.callback_of(settings, Objective(), _watching.copies) is None
    assert _watching.expanding(None, _watching.copies) is None
