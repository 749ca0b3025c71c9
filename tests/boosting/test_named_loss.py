"""Losses by their names for boosting libraries: what they are, and what is refused."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastce
from fastce._core import threads
from fastce.boosting import _named_loss

ROWS = {"softmax": {"label_smoothing": 0.1}, "focal": {"gamma": 3.0}, "poly": {"epsilon": 2.0}}
ELEMENTS = {"sigmoid": {"pos_weight": 3.0}, "sigmoid_focal": {"alpha": 0.3, "gamma": 1.0}}


def test_every_loss_is_tried_here():
    assert set(_named_loss.KINDS) == set(ROWS) | set(ELEMENTS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ROWS)
def test_losses_of_classes_are_the_functions(rng, name, weighted, dtype):
    x, y = rng.standard_normal((30, 4)).astype(dtype), rng.integers(0, 4, 30)
    s, w = rng.random(30).astype(np.float32) if weighted else None, [1.0, 2.0, 0.5, 3.0]
    loss = _named_loss.make_loss(name, {**ROWS[name], "weight": np.array(w)})
    function = _named_loss.KINDS[name].function
    options = {**ROWS[name], "weight": w, "sample_weight": s, "reduction": "sum"}
    expected = getattr(fastce, function + "_grad_and_hess")(x, y, **options)
    for order in "CF":
        found = loss.grad_and_hess(np.asarray(x, order=order), y.astype(np.float32), s)
        for one, other in zip(found, expected, strict=True):
            assert_array_equal(one, other)
            assert one.flags[f"{order}_CONTIGUOUS"]  # as LightGBM and XGBoost keep their scores
    total = getattr(fastce, function)(x, y, **options)
    assert loss.mean(x, y, s) == pytest.approx(total / (30 if s is None else s.sum(dtype=float)))


@pytest.mark.parametrize("shape", [(30,), (30, 1)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ELEMENTS)
def test_losses_of_one_score_are_the_functions(rng, name, weighted, shape):
    x, y = rng.standard_normal(30).astype(np.float32), rng.integers(0, 2, 30)
    s = rng.random(30).astype(np.float32) if weighted else None
    loss = _named_loss.make_loss(name, ELEMENTS[name])
    function = _named_loss.KINDS[name].function
    options = {**ELEMENTS[name], "weight": s, "reduction": "sum"}
    expected = getattr(fastce, function + "_grad_and_hess")(x, y.astype(np.float32), **options)
    found = loss.grad_and_hess(x.reshape(shape), y.astype(np.float32), s)
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other.reshape(shape))
    total = getattr(fastce, function)(x, y, **options)
    divisor = 30 if s is None else s.sum(dtype=float)
    assert loss.mean(x.reshape(shape), y, s) == pytest.approx(total / divisor)


def test_it_runs_on_one_thread(monkeypatch, rng):
    seen = []
    original = threads.run
    monkeypatch.setattr(
        threads, "run", lambda *args: (seen.append(threads.current_num_threads()), original(*args))
    )
    loss = _named_loss.make_loss("softmax", {})
    loss.grad_and_hess(rng.standard_normal((90_000, 3)), np.zeros(90_000), None)
    assert seen == [1]


def test_equal_losses_are_equal_and_pickle():
    one, other = (_named_loss.make_loss("focal", {"gamma": 2, "weight": [1, 2]}) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one
    assert one != _named_loss.make_loss("focal", {"gamma": 2})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hinge", {}, r"^loss must be one of 'softmax', .*; got 'hinge'$"),
        (None, {}, r"^loss must be one of"),
        (
            "softmax",
            {"gamma": 2.0},
            r"^gamma must be left alone for the loss 'softmax', which",
        ),
        ("sigmoid", {"weight": [1, 2]}, r"^weight must be left alone for the loss 'sigmoid'"),
        ("focal", {"gamma": -1.0}, r"^gamma must be"),
        ("focal", {"gamma": "2"}, r"^gamma must be"),
        ("softmax", {"label_smoothing": 1.5}, r"^label_smoothing must be"),
        ("softmax", {"weight": [1.0, -1.0]}, r"^weight must be finite and not negative"),
        ("softmax", {"weight": [[1.0]]}, r"^weight must have one dimension"),
        ("sigmoid", {"pos_weight": [1.0]}, r"^pos_weight must have no dimension"),
        ("sigmoid", {"pos_weight": np.nan}, r"^pos_weight must be finite"),
    ],
)
def test_what_is_refused(name, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        _named_loss.make_loss(name, options)


def test_scores_of_one_column_are_refused_where_each_class_has_one():
    loss = _named_loss.make_loss("softmax", {})
    with pytest.raises(ValueError, match=r"'softmax' must get a score for each class: .*\(4,\)$"):
        loss.grad_and_hess(np.zeros(4), np.zeros(4), None)
    with pytest.raises(ValueError, match=r"^target must be class indices from 0 to 2"):
        loss.grad_and_hess(np.zeros((2, 3)), np.array([0, 3.0]), None)
