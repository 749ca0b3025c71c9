"""Training with XGBoost and LightGBM, where they are installed."""

import pickle

import numpy as np
import pytest

import fastce
from fastce import boosting

N_ROUNDS = 8


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 6)).astype(np.float32)
    y = (X @ rng.standard_normal((6, 4)) + rng.gumbel(size=(600, 4))).argmax(axis=1)
    return X, y, rng.uniform(0.5, 2, 600)


def log_loss(scores, y, weight):
    return fastce.cross_entropy(np.asarray(scores, float), y, sample_weight=weight)


@pytest.fixture(scope="module")
def xgb():
    return pytest.importorskip("xgboost", reason="xgboost is not installed")


@pytest.fixture(scope="module")
def lgb():
    return pytest.importorskip("lightgbm", reason="lightgbm is not installed")


XGB = {"num_class": 4, "base_score": 0.5, "max_depth": 3, "nthread": 1, "tree_method": "hist"}
LGB = {"num_class": 4, "num_leaves": 8, "verbose": -1, "num_threads": 1, "force_row_wise": True}


@pytest.mark.parametrize("weighted", [False, True])
def test_xgboosts_own_softmax_and_ours_agree_to_six_digits(xgb, problem, weighted):
    X, y, weight = problem
    weight = weight if weighted else None
    data = xgb.DMatrix(X, y, weight=weight)
    own = xgb.train({**XGB, "objective": "multi:softprob"}, data, N_ROUNDS)
    objective, found = boosting.xgboost(), {}
    ours = xgb.train(
        {**XGB, "disable_default_eval_metric": True},
        data,
        N_ROUNDS,
        obj=objective,
        custom_metric=objective.metric,
        evals=[(data, "train")],
        evals_result=found,
        verbose_eval=False,
    )
    scores = ours.predict(data, output_margin=True)
    expected = log_loss(own.predict(data, output_margin=True), y, weight)
    assert log_loss(scores, y, weight) == pytest.approx(expected, rel=1e-6)
    history = found["train"]["fastce_softmax"]
    assert history[-1] == pytest.approx(expected, rel=1e-5)  # XGBoost keeps six digits
    assert np.all(np.diff(history) < 0)


@pytest.mark.parametrize("weighted", [False, True])
def test_lightgbms_own_softmax_and_ours_agree_to_six_digits(lgb, problem, weighted):
    X, y, weight = problem
    weight = weight if weighted else None

    def data():
        return lgb.Dataset(X, y, weight=weight)

    params = {**LGB, "objective": "multiclass", "boost_from_average": False}
    own = lgb.train(params, data(), N_ROUNDS)
    objective, found, train = boosting.lightgbm(), {}, data()
    ours = lgb.train(
        {**LGB, "objective": objective},
        train,
        N_ROUNDS,
        feval=objective.metric,
        valid_sets=[train],
        callbacks=[lgb.record_evaluation(found)],
    )
    expected = log_loss(own.predict(X, raw_score=True), y, weight)
    value = log_loss(ours.predict(X, raw_score=True), y, weight)
    assert value == pytest.approx(expected, rel=1e-6)
    assert found["training"]["fastce_softmax"][-1] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("name", "options"), [("focal", {"gamma": 2.0}), ("poly", {})])
def test_the_scikit_learn_classes_of_xgboost(xgb, problem, name, options):
    X, y, weight = problem
    objective = boosting.xgboost(name, **options)
    model = xgb.XGBClassifier(
        objective=objective,
        eval_metric=objective.metric,
        n_estimators=N_ROUNDS,
        base_score=0.5,
        n_jobs=1,
    )
    model.fit(X, y, sample_weight=weight, eval_set=[(X, y)], verbose=False)
    history = model.evals_result()["validation_0"][f"fastce_{name}"]
    assert np.all(np.diff(history) < 0)
    scores = model.predict(X, output_margin=True)
    assert objective.metric.loss.mean(scores, y, None) == pytest.approx(history[-1], rel=1e-5)
    again = pickle.loads(pickle.dumps(model))
    assert again.objective == objective
    assert (again.predict(X) == model.predict(X)).all()
    assert (scores.argmax(axis=1) == y).mean() > 0.7


@pytest.mark.parametrize(("name", "options"), [("focal", {"gamma": 2.0}), ("poly", {})])
def test_the_scikit_learn_classes_of_lightgbm(lgb, problem, name, options):
    X, y, weight = problem
    objective = boosting.lightgbm(name, **options)
    model = lgb.LGBMClassifier(objective=objective, n_estimators=N_ROUNDS, verbose=-1, n_jobs=1)
    model.fit(X, y, sample_weight=weight)
    scores = model.predict(X, raw_score=True)
    start = objective.metric.loss.mean(np.zeros_like(scores), y, weight)
    assert objective.metric.loss.mean(scores, y, weight) < 0.7 * start
    assert pickle.loads(pickle.dumps(model)).objective == objective
    assert (scores.argmax(axis=1) == y).mean() > 0.7


@pytest.mark.parametrize("name", ["sigmoid", "sigmoid_focal"])
def test_two_classes_with_one_score(xgb, lgb, problem, name):
    X, y = problem[0], problem[1] % 2
    ours = xgb.XGBClassifier(
        objective=boosting.xgboost(name), n_estimators=N_ROUNDS, base_score=0.5, n_jobs=1
    ).fit(X, y)
    other = lgb.LGBMClassifier(
        objective=boosting.lightgbm(name), n_estimators=N_ROUNDS, verbose=-1, n_jobs=1
    ).fit(X, y)
    for scores in (ours.predict(X, output_margin=True), other.predict(X, raw_score=True)):
        assert ((scores > 0) == y).mean() > 0.65


def test_xgboosts_own_sigmoid_and_ours_agree(xgb, problem):
    X, y, weight = problem
    data, params = xgb.DMatrix(X, y % 2, weight=weight), {**XGB, "num_class": 1}
    own = xgb.train({**params, "objective": "binary:logistic"}, data, N_ROUNDS)
    # 0.5 is a probability for XGBoost's objective, and a score for ours
    ours = xgb.train({**params, "base_score": 0.0}, data, N_ROUNDS, obj=boosting.xgboost("sigmoid"))
    loss = boosting.xgboost("sigmoid").loss
    values = [loss.mean(m.predict(data, output_margin=True), y % 2, weight) for m in (own, ours)]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_a_score_for_each_class_needs_the_number_of_classes(xgb, problem):
    X, y = problem[0], problem[1] % 2
    model = xgb.XGBClassifier(objective=boosting.xgboost("softmax"), n_estimators=1, n_jobs=1)
    with pytest.raises(ValueError, match="must get a score for each class"):
        model.fit(X, y)
