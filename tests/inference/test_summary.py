"""Standard errors beside statsmodels', closed forms and plain NumPy; what is refused, and why."""

import warnings

import numpy as np
import pytest
from problems import learnable, raw_columns
from scipy import sparse
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from fastce.inference import summary
from fastce.linear_model import LogisticRegression

COV_TYPES = ["nonrobust", "HC0"]


def overlapping(rng, n_classes, n=300, p=4):
    """Return raw columns, and labels that depend on them but cannot be told for certain."""
    X = raw_columns(rng, n, p, offset=10.0)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, (scaled @ rng.normal(size=(p, n_classes)) + rng.gumbel(size=(n, n_classes))).argmax(1)


def fitted(X, y, weight=None, **options):
    return LogisticRegression(**({"C": np.inf} | options)).fit(X, y, weight)


def contrasts(n_classes, n_parameters, reference):
    """Return the matrix that takes the classes' parameters to their contrasts with a reference."""
    of_classes = np.delete(np.eye(n_classes), reference, axis=0)
    of_classes[:, reference] = -1.0
    return np.kron(of_classes, np.eye(n_parameters))


def naive(model, table, X, y, weight=None, *, robust=False, counts=None):
    """Return the covariance by the textbook: all classes' Hessian, its pseudo-inverse, contrasts.

    A row's loss counts `weight` times; `counts` rows are like it.
    """
    counts = np.ones(len(y)) if counts is None else counts
    weight = counts if weight is None else weight
    rows = np.hstack([np.ones((len(y), 1)), X])
    K, P = len(model.classes_), rows.shape[1]
    reference = model.classes_.tolist().index(table.reference)
    coef = np.insert(table.coef, reference, 0.0, axis=0)
    p = softmax(rows @ coef.T, axis=1)
    target = y if np.ndim(y) == 2 else np.eye(K)[np.searchsorted(model.classes_, y)]
    target = (1.0 - model.label_smoothing) * target + model.label_smoothing / K
    H = np.zeros((K, P, K, P))
    for i, row in enumerate(rows):
        curvature = weight[i] * (np.diag(p[i]) - np.outer(p[i], p[i]))
        H += curvature[:, None, :, None] * np.outer(row, row)[None, :, None, :]
    if np.isfinite(model.C):
        for j in range(1, P):
            # two classes have one logit, whose square is four times that of the halves of it
            H[:, j, :, j] += np.eye(K) / model.C * (2.0 if K == 2 else 1.0)
    scores = ((p - target)[:, :, None] * rows[:, None, :]).reshape(len(y), -1)
    scale = 1.0 / np.tile(np.sqrt(np.square(rows).mean(axis=0)), K)
    H = H.reshape(K * P, K * P) * scale * scale[:, None]
    inverse = np.linalg.pinv(H, rcond=1e-13) * scale * scale[:, None]
    if robust:
        each = np.divide(weight**2, counts, out=np.zeros(len(y)), where=counts > 0)
        inverse = inverse @ (scores.T * each) @ scores @ inverse
    A = contrasts(K, P, reference)
    return A @ inverse @ A.T


@pytest.fixture(scope="module")
def statsmodels():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("statsmodels.api")


@pytest.mark.parametrize("cov_type", COV_TYPES)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_errors_are_those_of_statsmodels(statsmodels, rng, n_classes, cov_type):
    X, y = overlapping(rng, n_classes)
    kind = statsmodels.Logit if n_classes == 2 else statsmodels.MNLogit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = kind(y, statsmodels.add_constant(X)).fit(
            disp=0, method="newton", maxiter=100, tol=1e-14, cov_type=cov_type
        )
        low, high = np.moveaxis(np.asarray(theirs.conf_int(alpha=0.1)), -1, 0)
    for data in (X, sparse.csr_matrix(X)):
        ours = summary(fitted(data, y), data, y, cov_type=cov_type, alpha=0.1)
        for mine, other in (
            (ours.coef, np.asarray(theirs.params).T),
            (ours.std_err, np.asarray(theirs.bse).T),
            (ours.z, np.asarray(theirs.tvalues).T),
            (ours.conf_int[..., 0], low),
            (ours.conf_int[..., 1], high),
            (ours.covariance, np.asarray(theirs.cov_params())),
        ):
            np.testing.assert_allclose(mine, other.reshape(mine.shape), rtol=1e-6)
        p_values = np.asarray(theirs.pvalues).T.reshape(ours.p_value.shape)
        np.testing.assert_allclose(ours.p_value, p_values, rtol=1e-5, atol=1e-100)
        assert ours.log_likelihood == pytest.approx(theirs.llf, rel=1e-10)


def test_a_table_of_counts_has_a_closed_form():
    """The variance of a log odds ratio is the sum of the inverse counts."""
    counts = np.array([[30, 12, 7], [5, 22, 9]])
    x, y = (np.repeat(i.ravel(), counts.ravel()) for i in np.indices(counts.shape))
    X = x[:, np.newaxis].astype(float)
    table = summary(fitted(X, y), X, y)
    odds = np.log(counts[:, 1:] / counts[:, :1])
    np.testing.assert_allclose(table.coef[:, 0], odds[0], rtol=1e-10)
    np.testing.assert_allclose(table.coef[:, 1], odds[1] - odds[0], rtol=1e-10)
    inverse = 1.0 / counts
    of_intercept = inverse[0, 1:] + inverse[0, 0]
    np.testing.assert_allclose(table.std_err[:, 0] ** 2, of_intercept, rtol=1e-8)
    of_ratio = inverse[:, 1:].sum(axis=0) + inverse[:, 0].sum()
    np.testing.assert_allclose(table.std_err[:, 1] ** 2, of_ratio, rtol=1e-8)
    # the two classes share the reference
    assert table.covariance[1, 3] == pytest.approx(inverse[:, 0].sum(), rel=1e-8)
    likelihood = (counts * np.log(counts / counts.sum(axis=1, keepdims=True))).sum()
    assert table.log_likelihood == pytest.approx(likelihood, rel=1e-12)
    assert table.n_obs == len(y)
    # a saturated model explains all variance there is: the sandwich is the same
    np.testing.assert_allclose(
        summary(fitted(X, y), X, y, cov_type="HC0").covariance, table.covariance, rtol=1e-8
    )


@pytest.mark.parametrize("cov_type", COV_TYPES)
@pytest.mark.parametrize("C", [0.1, 10.0, np.inf])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_covariance_is_the_textbooks(rng, n_classes, C, cov_type):
    X, y = learnable(rng, n_classes=n_classes)
    counts = rng.integers(0, 4, len(y)).astype(float)
    model = fitted(X, y, counts, C=C)
    table = summary(model, X, y, counts, cov_type=cov_type)
    assert table.n_obs == counts.sum()
    expected = naive(model, table, X, y, robust=cov_type == "HC0", counts=counts)
    np.testing.assert_allclose(table.covariance, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    "options", [{"class_weight": "balanced"}, {"label_smoothing": 0.2}, {"class_weight": {1: 3.0}}]
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_objectives_that_are_no_likelihood_have_robust_errors_only(rng, n_classes, options):
    X, y = learnable(rng, n_classes=n_classes)
    y = np.minimum(y, rng.integers(0, n_classes, len(y)))
    counts = rng.integers(0, 4, len(y)).astype(float)
    model = fitted(X, y, counts, C=2.0, **options)
    option = next(iter(options))
    with pytest.raises(ValueError, match=f"cov_type must be 'HC0' for a model with {option}"):
        summary(model, X, y, counts)
    of_class = np.ones(n_classes)
    if options.get("class_weight") == "balanced":
        of_class = counts.sum() / (n_classes * np.bincount(y, weights=counts))
    elif "class_weight" in options:
        of_class[1] = 3.0
    table = summary(model, X, y, counts, cov_type="HC0")
    weight = counts * of_class[y]
    expected = naive(model, table, X, y, weight, robust=True, counts=counts)
    np.testing.assert_allclose(table.covariance, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_labels_have_robust_errors_only(rng, n_classes):
    X, _ = overlapping(rng, n_classes)
    y = rng.dirichlet(np.ones(n_classes), len(X))
    model = fitted(X, y, C=2.0)
    with pytest.raises(ValueError, match="cov_type must be 'HC0' for a model with soft labels"):
        summary(model, X, y)
    table = summary(model, X, y, cov_type="HC0")
    expected = naive(model, table, X, y, robust=True)
    np.testing.assert_allclose(table.covariance, expected, rtol=1e-6, atol=1e-12)
    # rows that are certain are rows with labels
    labels = rng.integers(0, n_classes, len(X))
    certain = np.eye(n_classes)[labels]
    np.testing.assert_allclose(
        summary(fitted(X, certain, C=2.0), X, certain, cov_type="HC0").covariance,
        summary(fitted(X, labels, C=2.0), X, labels, cov_type="HC0").covariance,
        rtol=1e-9,
    )


@pytest.mark.parametrize("cov_type", COV_TYPES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_weight_counts_rows(rng, n_classes, cov_type):
    X, y = overlapping(rng, n_classes)
    counts = rng.integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), counts)
    weighted = summary(fitted(X, y, counts), X, y, counts, cov_type=cov_type)
    repeated = summary(fitted(X[rows], y[rows]), X[rows], y[rows], cov_type=cov_type)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance, rtol=1e-9)
    assert weighted.n_obs == repeated.n_obs == len(rows)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_another_reference_is_a_linear_map(rng, n_classes, C):
    X, y = overlapping(rng, n_classes)
    labels = np.array(list("abcd"))[y]
    model = fitted(X, labels, C=C)
    first, last = summary(model, X, labels), summary(model, X, labels, reference="abcd"[y.max()])
    assert first.reference == "a"
    np.testing.assert_array_equal(first.classes, model.classes_[1:])
    np.testing.assert_array_equal(last.classes, model.classes_[:-1])
    P = X.shape[1] + 1
    with_first = np.insert(np.eye((n_classes - 1) * P), 0, np.zeros((P, 1)), axis=0)
    A = contrasts(n_classes, P, n_classes - 1) @ with_first
    np.testing.assert_allclose(last.coef.ravel(), A @ first.coef.ravel(), rtol=1e-8)
    np.testing.assert_allclose(last.covariance, A @ first.covariance @ A.T, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_neither_format_nor_tolerance_nor_dtype_matters(rng, n_classes, fit_intercept):
    X, y = learnable(rng, n_classes=n_classes)
    X = X.astype(np.float32)
    options = {"fit_intercept": fit_intercept}
    exact = summary(fitted(X.astype(float), y, tol=1e-10, **options), X.astype(float), y)
    for data in (X, sparse.csr_matrix(X), np.asfortranarray(X), X.astype(float)):
        table = summary(fitted(data, y, **options), data, y)
        np.testing.assert_allclose(table.coef, exact.coef, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(table.covariance, exact.covariance, rtol=1e-6, atol=1e-12)
    assert ("intercept" in exact.names) == fit_intercept
    assert exact.coef.shape == (n_classes - 1, X.shape[1] + fit_intercept)


def test_offsets_of_columns_cost_no_digits(rng):
    X, y = learnable(rng)
    X = np.round(X * 1024) / 1024  # exact after the offset
    near, far = (summary(fitted(data, y), data, y) for data in (X, X + 2.0**30))
    np.testing.assert_allclose(far.std_err[:, 1:], near.std_err[:, 1:], rtol=1e-6)
    np.testing.assert_allclose(
        far.covariance[0, 0],
        np.array([1.0, *[-(2.0**30)] * 5]) @ near.covariance[:6, :6] @ [1.0, *[-(2.0**30)] * 5],
        rtol=1e-6,
    )


def test_the_model_stays_as_it_is(rng):
    X, y = learnable(rng)
    model = fitted(X, y)
    before = {name: np.copy(value) for name, value in vars(model).items()}
    summary(model, X, y)
    assert all(np.array_equal(vars(model)[name], value) for name, value in before.items())
    assert vars(model).keys() == before.keys()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_separable_classes_have_no_errors(rng, n_classes):
    X, y = overlapping(rng, n_classes)
    middle = np.digitize(X[:, 1], np.quantile(X[:, 1], np.arange(1, n_classes) / n_classes))
    # and one where only some rows of a class are known for certain
    known = np.hstack([X, ((y == 1) & (rng.random(len(y)) < 0.3))[:, np.newaxis]])
    for data, labels in ((X, middle), (known, y)):
        for tol in (1e-4, 1e-12):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = fitted(data, labels, tol=tol)
            with pytest.raises(
                ValueError, match=r"do not separate.* without bound\. Fit with a fin"
            ):
                summary(model, data, labels)
        assert np.isfinite(summary(fitted(data, labels, C=1.0), data, labels).std_err).all()


def dependent(rng):
    """Yield what the message says of a column that is added to X, and the column."""
    X = rng.normal(size=(200, 3)) * [1.0, 100.0, 1e-3]
    yield r"'x3', which is a linear combination of 'x0', 'x2'", X, X[:, 0] - 700 * X[:, 2] + 3.0
    yield r"'x3', which is a linear combination of 'x1'", X, 1e9 * X[:, 1]
    yield r"'x3', which is constant", X, np.full(200, 1e6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_dependent_columns_are_named(rng, n_classes):
    y = rng.integers(0, n_classes, 200)
    for message, X, column in dependent(rng):
        X = np.column_stack([X, column])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = fitted(X, y)
        with pytest.raises(ValueError, match=f"linearly independent columns.*{message}"):
            summary(model, X, y)
        assert np.isfinite(summary(fitted(X, y, C=1.0), X, y).std_err).all()
    X[:, 3] = 0.0
    with pytest.raises(ValueError, match="'x3', which is 0 in every row"):
        summary(fitted(X, y, fit_intercept=False), X, y)


def test_a_model_of_other_data_is_refused(rng):
    X, y = overlapping(rng, 2)
    model, weight = fitted(X, y), rng.random(len(y))
    for other in ((X[::2], y[::2]), (X, y[::-1]), (X * 1.01, y), (X, 1 - y), (X, y, weight)):
        with pytest.raises(
            ValueError, match="model must be fitted to these X, y and sample_weight"
        ):
            summary(model, *other)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        early = fitted(X, y, max_iter=1)
    with pytest.raises(ValueError, match=r"to its optimum; .* above the minimum"):
        summary(early, X, y)


def test_bad_arguments_are_named(rng):
    X, y = learnable(rng)
    model = fitted(X, y)
    with pytest.raises(
        TypeError, match=r"model must be a fitted .* got Pipeline; of a pipeline it"
    ):
        summary(make_pipeline(model), X, y)
    for message, options in (
        ("cov_type must be 'nonrobust' or 'HC0'; got 'HC3'", {"cov_type": "HC3"}),
        ("alpha must be a number between 0 and 1; got 5", {"alpha": 5}),
        (r"reference must be one of the classes \[0 1 2\]; got 'a'", {"reference": "a"}),
        ("Found input variables with inconsistent numbers|sample_weight", {"sample_weight": y[1:]}),
        ("sample_weight must leave weight to every class; .* class 2", {"sample_weight": y != 2}),
    ):
        with pytest.raises(ValueError, match=message):
            summary(model, X, y, **options)
    with pytest.raises(ValueError, match=r"y must hold the classes of the model, \[0 1 2\]"):
        summary(model, X, y + 1)
    with pytest.raises(ValueError, match="X has 2 features, but LogisticRegression is expecting 5"):
        summary(model, X[:, :2], y)
    many = sparse.random(60, 6000, 0.01, "csr", random_state=0)
    large = fitted(many, y[:60], C=1.0)
    with pytest.raises(ValueError, match=r"at most 10000 parameters, .* got 12002"):
        summary(large, many, y[:60])
    model.coef_ = model.coef_ * np.nan
    with pytest.raises(ValueError, match="model must have finite coefficients"):
        summary(model, X, y)


def test_a_model_with_an_l1_penalty_is_refused(rng):
    X, y = learnable(rng)
    model = fitted(X, y, C=1.0).set_params(l1_ratio=1.0)
    with pytest.raises(ValueError, match="model must be fitted without an L1 penalty: where it"):
        summary(model, X, y)


def test_a_penalised_intercept_is_refused(rng):
    X, y = learnable(rng, n_classes=2)
    model = fitted(X, y, C=1.0, solver="liblinear")
    with pytest.raises(
        ValueError, match="another solver than 'liblinear', which penalises the int"
    ):
        summary(model, X, y)
    model = fitted(X, y, C=1.0, solver="liblinear", fit_intercept=False)
    expected = summary(fitted(X, y, C=1.0, fit_intercept=False), X, y)
    np.testing.assert_allclose(summary(model, X, y).std_err, expected.std_err, rtol=1e-7)


@pytest.mark.filterwarnings("ignore:'penalty' was deprecated")
def test_no_penalty_by_its_deprecated_name(rng):
    X, y = learnable(rng, n_classes=2)
    expected = summary(fitted(X, y), X, y)
    table = summary(LogisticRegression(penalty=None).fit(X, y), X, y)
    assert table.C == np.inf
    np.testing.assert_allclose(table.std_err, expected.std_err, rtol=1e-7)


def test_names_are_those_of_a_frame():
    pd = pytest.importorskip("pandas")
    X, y = load_iris(return_X_y=True)
    X = pd.DataFrame(X[50:, :2], columns=["length", "width"])
    table = summary(fitted(X, y[50:]), X, y[50:])
    assert table.names.tolist() == ["intercept", "length", "width"]
