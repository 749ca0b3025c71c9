"""Random calls of `linear_cross_entropy`, and fits of `LogisticRegression`."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import fastce
from fastce._core import threads as _threads
from fastce.linear_model import LogisticRegression

from . import references
from .arguments import (
    FLOATS,
    INTEGERS,
    bad_kind,
    bad_labels,
    bad_number,
    bad_out,
    bad_weights,
    dressed,
    numbers,
    pick,
    room,
    weights,
)
from .call import REDUCTIONS, Call, chosen, finish


def linear_loss(rng):
    """Cross-entropy of logits that are never all there."""
    with_grad, is_sparse, hostile = rng.random() < 0.7, rng.random() < 0.3, rng.random() < 0.2
    n, p, n_classes = (int(rng.integers(low, high)) for low, high in ((0, 40), (0, 12), (1, 9)))
    kinds = FLOATS[1:] if is_sparse else FLOATS
    X = (
        numbers(rng, (n, p), pick(rng, kinds))
        if hostile
        else rng.standard_normal((n, p)).astype(pick(rng, kinds))
    )
    coef = rng.standard_normal((n_classes, p)).astype(pick(rng, FLOATS))
    if is_sparse:
        X = X * (rng.random(X.shape) < 0.3)
    dtype = np.result_type(X.dtype, coef.dtype)
    computed = np.promote_types(dtype, np.float32)
    options = chosen(
        rng,
        intercept=lambda: rng.standard_normal(n_classes),
        weight=lambda: weights(rng, n_classes),
        sample_weight=lambda: weights(rng, n),
        label_smoothing=lambda: pick(rng, (0.0, 0.1, 1.0)),
        z_loss=lambda: pick(rng, (0.0, 1e-4, 1.0)),
        reduction=lambda: pick(rng, REDUCTIONS),
    )
    target = rng.integers(0, n_classes, n).astype(pick(rng, INTEGERS))
    name = "linear_cross_entropy" + "_value_and_grad" * with_grad
    given = sparse.csr_matrix(X) if is_sparse else dressed(rng, X)
    call = Call(getattr(fastce, name), computed=computed)
    call.arg_names = ["X", "coef", "target"]
    call.args = [given, dressed(rng, coef), dressed(rng, target)]
    call.kwargs = {
        key: dressed(rng, value) if isinstance(value, np.ndarray) else value
        for key, value in options.items()
    }
    if is_sparse:
        call.memory += [given.data, given.indices, given.indptr]
    call.names = ("value", "grad_X", "grad_coef", "grad_intercept")[: 4 if with_grad else 1]
    call.expected = lambda: _linear_expected(
        X, coef, target, options, dtype, computed, is_sparse, hostile
    )[: len(call.names)]
    spoil = {
        "X": lambda: bad_kind(rng, X),
        "coef": lambda: pick(
            rng,
            (
                bad_kind(rng, coef),
                coef[:0],
                coef.T if p != n_classes else coef[0],
                sparse.csr_matrix(np.eye(3)),
            ),
        ),
        "target": lambda: bad_labels(rng, np.array(target, int), n_classes, -100),
        "intercept": lambda: pick(
            rng,
            (np.zeros(n_classes + 1), np.zeros((n_classes, 1)), bad_kind(rng, np.zeros(n_classes))),
        ),
        "weight": lambda: bad_weights(rng, np.ones(n_classes)),
        "sample_weight": lambda: bad_weights(rng, np.ones(n)),
        "label_smoothing": lambda: bad_number(rng, 0.0, 1.0),
    }
    if with_grad and rng.random() < 0.5:
        _add_outs(rng, call, X, coef, dtype, is_sparse, options)
    if "out" not in call.broken:
        finish(rng, call, spoil)
    if call.broken & {"X", "coef", "intercept"}:
        call.broken |= {
            "X",
            "coef",
            "intercept",
            "out",
        }  # shapes that do not fit are told of either
    return call


def _add_outs(rng, call, X, coef, dtype, is_sparse, options):
    shapes = (X.shape, coef.shape, coef.shape[:1])
    outs = [room(rng, shape, dtype) if rng.random() < 0.7 else None for shape in shapes]
    outs[0], outs[2] = None if is_sparse else outs[0], outs[2] if "intercept" in options else None
    if rng.random() < 0.2:
        place = 1 if is_sparse else int(rng.integers(2))
        outs[place] = bad_out(rng, shapes[place], dtype, None)
        call.broken.add("out")
    else:
        call.outs, call.out_names = outs, ("grad_X", "grad_coef", "grad_intercept")
    call.kwargs["out"] = pick(rng, (tuple, list))(outs)


def _linear_expected(X, coef, target, options, dtype, computed, is_sparse, hostile):
    keys = {
        key: options[key]
        for key in ("weight", "sample_weight", "label_smoothing", "z_loss")
        if key in options
    }
    reduction, intercept = options.get("reduction", "mean"), options.get("intercept")
    Z, W = X.astype(np.longdouble), coef.astype(np.longdouble)
    b = np.zeros(len(W)) if intercept is None else intercept.astype(computed)
    found = references.rows(Z @ W.T + b, target.astype(np.int64), **keys)
    (value, v_scale), (grad, g_scale), _ = found.reduced(reduction)
    # the logits are rounded: as large an error as that of the terms of their sums
    rounding = 1 + X.shape[1] * (abs(Z) @ abs(W).T + abs(b)).max(initial=0)
    v_scale, g_scale = (
        (v_scale + np.max(g_scale, initial=0) + value * 0) * rounding,
        g_scale * rounding,
    )
    if hostile:
        # NaN and infinity meet 0 in a product of matrices: only shapes and dtypes are judged.
        v_scale = None
    pairs = [None if is_sparse else (grad @ W, g_scale @ abs(W)), (grad.T @ Z, g_scale.T @ abs(Z))]
    pairs.append(None if intercept is None else (grad.sum(axis=0), g_scale.sum(axis=0)))
    own = dtype if reduction == "none" else float
    return [
        (value, v_scale, own),
        *(
            None if pair is None else (pair[0], None if hostile else pair[1], dtype)
            for pair in pairs
        ),
    ]


def _fit(X, y, sample_weight, model):
    """Fit and predict; what must hold for any model is asserted here."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(X, y, sample_weight)
    probabilities = model.predict_proba(X)
    assert np.isin(model.predict(X), y).all()
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(
        probabilities.sum(axis=1), 1, rtol=1e-5 if probabilities.dtype == np.float32 else 1e-13
    )
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    if not any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        with np.errstate(all="ignore"):
            gradient, gap = _distance(X, y, sample_weight, model)
        assert gradient <= 1.001 * model.tol, f"gradient {gradient} without a warning"
        assert gap <= 1e-5, f"gap {gap} without a warning"


def _distance(X, y, sample_weight, model):
    """Return the largest entry of the mean objective's gradient, and how far the minimum may be.

    The second is half of Newton's decrement beside the objective and 1e-8 nats.
    """
    X = X.toarray() if sparse.issparse(X) else np.asarray(X)
    n, p = X.shape
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight, float)
    labels = np.searchsorted(model.classes_, y)
    if model.class_weight is not None:
        counts = np.bincount(labels, weight)
        weight = weight * (weight.sum() / (len(counts) * counts))[labels]
    coef, intercept = model.coef_.astype(np.longdouble), model.intercept_.astype(np.longdouble)
    if len(coef) == 1:  # the same model with two classes: half of it each
        coef, intercept = (
            np.vstack([-coef / 2, coef / 2]),
            np.concatenate([-intercept / 2, intercept / 2]),
        )
    binary = len(model.coef_) == 1
    X1 = np.column_stack([X, np.ones(n) * model.fit_intercept]).astype(np.longdouble)
    theta = np.column_stack([coef, intercept])
    logits = X1 @ theta.T
    top = logits.max(axis=1, keepdims=True)
    lse = np.log(np.exp(logits - top).sum(axis=1, keepdims=True)) + top
    p_all, total = np.exp(logits - lse), weight.sum()
    # the penalty of two classes that hold half of a coefficient each: twice, to be that of the
    # whole
    ridge = np.append(np.full(p, 1 + binary), 0) / (model.C * total)
    objective = (weight * (lse[:, 0] - logits[np.arange(n), labels])).sum() / total + (
        ridge * theta**2
    ).sum() / 2
    off = (p_all - (np.arange(len(coef)) == labels[:, None])) * weight[:, None] / total
    gradient = off.T @ X1 + ridge * theta
    curvature = (
        p_all[:, :, None] * (np.eye(len(coef)) - p_all[:, None, :]) * weight[:, None, None] / total
    )
    hess = np.einsum("nkl,ni,nj->kilj", *(a.astype(float) for a in (curvature, X1, X1))).reshape(
        theta.size, theta.size
    )
    hess += np.diag(np.tile(ridge, len(coef)).astype(float))
    scale = 1 / np.sqrt(np.maximum(np.diag(hess), 1e-300))
    g = gradient.ravel().astype(float) * scale
    step = np.linalg.lstsq(hess * scale[:, None] * scale, g, rcond=1e-12)[0]
    return abs(gradient).max(), g @ step / 2 / (float(objective) + 1e-8)


def fit(rng):
    """A fit and predictions, of rows that are mild, of other units, constant, or not numbers."""
    n, p, n_classes = (int(rng.integers(low, high)) for low, high in ((2, 60), (1, 8), (2, 5)))
    X = rng.standard_normal((n, p)) * 10.0 ** rng.integers(-3, 4, p) * (rng.random(p) < 0.9) + pick(
        rng, (0.0, 1.0, 100.0)
    )
    X = X[rng.integers(0, n, n)] if rng.random() < 0.2 else X
    X = X.astype(pick(rng, FLOATS[1:]))
    y = rng.integers(0, n_classes, n)
    y[:2] = 0, 1
    is_sparse = rng.random() < 0.3
    given = sparse.csr_matrix(X) if is_sparse else dressed(rng, X)
    if is_sparse and rng.random() < 0.5:
        given = type(given)(
            (given.data, given.indices.astype(np.int64), given.indptr.astype(np.int64)), given.shape
        )
    names = pick(
        rng,
        (y, y * 1000 - 7, y.astype(np.uint8), np.array(list("abcde"))[y], y.astype(float), y == 0),
    )
    w = pick(rng, (None, rng.uniform(0.1, 2, n)))
    options = chosen(
        rng,
        C=lambda: pick(rng, (1e-4, 0.01, 100, 1e6)),
        fit_intercept=lambda: bool(rng.random() < 0.5),
        solver=lambda: pick(
            rng,
            ("auto", "lbfgs", "newton-cg")
            if is_sparse
            else ("auto", "lbfgs", "newton-cg", "newton-cholesky"),
        ),
        n_threads=lambda: min(pick(rng, (1, 2)), _threads._max_threads()),
        class_weight=lambda: "balanced",
    )
    call = Call(
        _fit, [given, names, w, LogisticRegression(**options)], names=("nothing",), anywhere=True
    )
    call.arg_names = ["X", "y", "sample_weight", "model"]
    call.memory += [given.data, given.indices, given.indptr] if is_sparse else []
    call.expected = lambda: [None]
    spoil = {
        "X": lambda: _spoilt(rng, X),
        "y": lambda: pick(
            rng,
            (np.zeros(n, int), names[:-1], np.linspace(0, 1, n) + 0.001, None, np.full(n, np.nan)),
        ),
        "sample_weight": lambda: pick(
            rng, (np.zeros(n), np.full(n, np.nan), np.ones(n + 1), "heavy")
        ),
        "model": lambda: LogisticRegression(
            **pick(rng, ({"C": -1.0}, {"C": "1"}, {"solver": "sga"}, {"tol": -1}, {"n_threads": 0}))
        ),
    }
    finish(rng, call, spoil)
    return call


def _spoilt(rng, X):
    bad = X.copy()
    bad[tuple(int(rng.integers(m)) for m in X.shape)] = pick(rng, (np.nan, np.inf, -np.inf))
    return pick(
        rng,
        (
            bad,
            sparse.csr_matrix(bad),
            X[:0],
            X[:, :0],
            X[0],
            X[None],
            bad.astype(complex),
            "X",
            None,
        ),
    )
