"""The same numbers as torch, scikit-learn's private losses and jax, where they are installed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fastce

REDUCTIONS = ["mean", "sum", "none"]
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def assert_close(got, expected, dtype):
    tolerance = (
        {"rtol": 1e-12, "atol": 1e-14} if dtype == np.float64 else {"rtol": 2e-5, "atol": 2e-6}
    )
    assert_allclose(np.asarray(got, np.float64), np.asarray(expected, np.float64), **tolerance)


# --------------------------------------------------------------------------------------------------


def torch_value_and_grad(function, x, *args, **options):
    """Value of torch's function, and the gradient of that value's sum."""
    torch = pytest.importorskip("torch")
    x = torch.tensor(x, requires_grad=True)
    options = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    value = getattr(torch.nn.functional, function)(x, *[torch.tensor(a) for a in args], **options)
    value.sum().backward()
    return value.detach().numpy(), x.grad.numpy()


@DTYPES
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "shape", [(7,), (1, 1), (40, 7), (5, 300), (6, 4, 3), (2, 5, 3, 4)], ids=str
)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [-100, 2])
def test_cross_entropy_as_torch(dtype, reduction, shape, smoothing, weighted, ignore_index, rng):
    axis = 1 if len(shape) > 1 else 0
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    target = np.asarray(rng.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :]))
    if target.size > 1:
        target.flat[1::4] = -100 if ignore_index == -100 else 2
        target.flat[0] = 0
    options = {"reduction": reduction, "label_smoothing": smoothing, "ignore_index": ignore_index}
    if weighted:
        options["weight"] = rng.uniform(0.2, 2, shape[axis]).astype(dtype)
    if target.ndim == 0 and target == ignore_index:
        target = np.asarray(0)
    expected, expected_grad = torch_value_and_grad("cross_entropy", x, target, **options)
    value, grad = fastce.cross_entropy_value_and_grad(x, target, axis=axis, **options)
    assert_close(value, expected, dtype)
    assert_close(grad, expected_grad, dtype)


@DTYPES
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(7,), (40, 7), (6, 4, 3)], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_probability_targets_as_torch(dtype, reduction, shape, smoothing, weighted, rng):
    axis = 1 if len(shape) > 1 else 0
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    target = rng.uniform(0, 1, shape).astype(dtype)
    options = {"reduction": reduction, "label_smoothing": smoothing}
    if weighted:
        options["weight"] = rng.uniform(0.2, 2, shape[axis]).astype(dtype)
    expected, expected_grad = torch_value_and_grad("cross_entropy", x, target, **options)
    value, grad = fastce.cross_entropy_value_and_grad(x, target, axis=axis, **options)
    assert_close(value, expected, dtype)
    assert_close(grad, expected_grad, dtype)


@DTYPES
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(7,), (40, 7), (6, 4, 3)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [-100, 2])
def test_nll_loss_as_torch(dtype, reduction, shape, weighted, ignore_index, rng):
    axis = 1 if len(shape) > 1 else 0
    x = (-3 * rng.uniform(0, 1, shape)).astype(dtype)
    target = np.asarray(rng.integers(0, 2, shape[:axis] + shape[axis + 1 :]))
    if target.size > 1:
        target.flat[1::4] = ignore_index
    options = {"reduction": reduction, "ignore_index": ignore_index}
    if weighted:
        options["weight"] = rng.uniform(0.2, 2, shape[axis]).astype(dtype)
    expected, expected_grad = torch_value_and_grad("nll_loss", x, target, **options)
    value, grad = fastce.nll_loss_value_and_grad(x, target, axis=axis, **options)
    assert_close(value, expected, dtype)
    assert_close(grad, expected_grad, dtype)


@DTYPES
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight_shape", [None, (4,), (6, 1), (6, 4), ()], ids=str)
@pytest.mark.parametrize("pos_weight_shape", [None, (4,), (6, 4), ()], ids=str)
def test_binary_cross_entropy_with_logits_as_torch(
    dtype, reduction, weight_shape, pos_weight_shape, rng
):
    x = (5 * rng.standard_normal((6, 4))).astype(dtype)
    target = rng.uniform(0, 1, (6, 4)).astype(dtype)
    target[::2] = np.round(target[::2])
    options = {"reduction": reduction}
    if weight_shape is not None:
        options["weight"] = np.asarray(rng.uniform(0.2, 2, weight_shape), dtype)
    if pos_weight_shape is not None:
        options["pos_weight"] = np.asarray(rng.uniform(0.2, 2, pos_weight_shape), dtype)
    expected, expected_grad = torch_value_and_grad(
        "binary_cross_entropy_with_logits", x, target, **options
    )
    value, grad = fastce.binary_cross_entropy_with_logits_value_and_grad(x, target, **options)
    assert_close(value, expected, dtype)
    assert_close(grad, expected_grad, dtype)


@DTYPES
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight_shape", [None, (4,), (6, 1), (6, 4)], ids=str)
def test_binary_cross_entropy_as_torch(dtype, reduction, weight_shape, rng):
    p = rng.uniform(0, 1, (6, 4)).astype(dtype)
    target = rng.uniform(0, 1, (6, 4)).astype(dtype)
    p[0], target[0] = [0, 0, 1, 1], [0, 1, 0, 1]
    p[1] = [1e-30, 1e-14, 1e-8, 1e-3]
    options = {"reduction": reduction}
    if weight_shape is not None:
        options["weight"] = np.asarray(rng.uniform(0.2, 2, weight_shape), dtype)
    expected, expected_grad = torch_value_and_grad("binary_cross_entropy", p, target, **options)
    value, grad = fastce.binary_cross_entropy_value_and_grad(p, target, **options)
    assert_close(value, expected, dtype)
    # torch keeps the gradient's 1e-12 as a float32, whatever the input
    assert_allclose(grad, expected_grad, rtol=1e-8 if dtype == np.float64 else 2e-5, atol=1e-14)


def test_empty_batch_as_torch():
    expected, expected_grad = torch_value_and_grad(
        "cross_entropy", np.zeros((0, 3)), np.zeros(0, np.int64)
    )
    value, grad = fastce.cross_entropy_value_and_grad(np.zeros((0, 3)), np.zeros(0, np.int64))
    assert np.isnan(expected)
    assert np.isnan(value)
    assert grad.shape == expected_grad.shape


# --------------------------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("weighted", [False, True])
def test_multinomial_loss_as_scikit_learn(dtype, weighted, rng):
    private = pytest.importorskip("sklearn._loss")
    n, k = 50, 6
    x = (3 * rng.standard_normal((n, k))).astype(dtype)
    target = rng.integers(0, k, n)
    s = rng.uniform(0.2, 2, n).astype(dtype) if weighted else None
    loss = private.HalfMultinomialLoss(n_classes=k)
    arguments = {"y_true": target.astype(dtype), "raw_prediction": x, "sample_weight": s}
    expected, expected_grad = loss.loss_gradient(**arguments)
    value, grad = fastce.cross_entropy_value_and_grad(x, target, sample_weight=s, reduction="none")
    assert_close(value, expected, dtype)
    assert_close(grad, expected_grad, dtype)
    expected_grad, expected_hess = loss.gradient_hessian(**arguments)
    grad, hess = fastce.cross_entropy_grad_and_hess(x, target, sample_weight=s, reduction="none")
    assert_close(grad, expected_grad, dtype)
    assert_close(hess, expected_hess, dtype)


@DTYPES
@pytest.mark.parametrize("weighted", [False, True])
def test_binomial_loss_as_scikit_learn(dtype, weighted, rng):
    private = pytest.importorskip("sklearn._loss")
    x = (5 * rng.standard_normal(60)).astype(dtype)
    target = rng.integers(0, 2, 60).astype(dtype)
    s = rng.uniform(0.2, 2, 60).astype(dtype) if weighted else None
    arguments = {"y_true": target, "raw_prediction": x, "sample_weight": s}
    expected, expected_grad = private.HalfBinomialLoss().loss_gradient(**arguments)
    value, grad = fastce.binary_cross_entropy_with_logits_value_and_grad(
        x, target, weight=s, reduction="none"
    )
    assert_close(value, expected, dtype)
    assert_close(grad, expected_grad, dtype)
    expected_grad, expected_hess = private.HalfBinomialLoss().gradient_hessian(**arguments)
    grad, hess = fastce.binary_cross_entropy_with_logits_grad_and_hess(
        x, target, weight=s, reduction="none"
    )
    assert_close(grad, expected_grad, dtype)
    assert_close(hess, expected_hess, dtype)


def test_log_loss_as_scikit_learn(rng):
    metrics = pytest.importorskip("sklearn.metrics")
    x, target, s = rng.standard_normal((30, 4)), np.arange(30) % 4, rng.uniform(0.2, 2, 30)
    expected = metrics.log_loss(target, fastce.softmax(x), sample_weight=s)
    assert_allclose(fastce.cross_entropy(x, target, sample_weight=s), expected, rtol=1e-12)


# --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_gradient_and_hessian_as_jax(rng):
    jax = pytest.importorskip("jax")
    x, target = (3 * rng.standard_normal((8, 5))).astype(np.float32), rng.integers(0, 5, 8)

    def loss(logits):
        return -jax.nn.log_softmax(logits)[np.arange(8), target].mean()

    expected, expected_grad = jax.value_and_grad(loss)(x)
    value, grad = fastce.cross_entropy_value_and_grad(x, target)
    assert_close(value, expected, np.float32)
    assert_close(grad, expected_grad, np.float32)
    full = np.asarray(jax.hessian(loss)(x)).reshape(40, 40)
    assert_close(
        fastce.cross_entropy_grad_and_hess(x, target)[1].ravel(), np.diag(full), np.float32
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "options", [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}, {"ignore_index": 3}]
)
def test_linear_cross_entropy_is_torchs(options, dtype, rng):
    torch = pytest.importorskip("torch")
    X, coef, target = (
        rng.normal(size=(40, 5)).astype(dtype),
        rng.normal(size=(9, 5)).astype(dtype),
        rng.integers(0, 9, 40),
    )
    theirs = [torch.tensor(x, requires_grad=True) for x in (X, coef)]
    expected = torch.nn.functional.linear_cross_entropy(*theirs, torch.tensor(target), **options)
    expected.backward()
    value, grad_X, grad_coef, _ = fastce.linear_cross_entropy_value_and_grad(
        X, coef, target, **options
    )
    close = {"rtol": 100 * np.finfo(dtype).eps, "atol": 100 * np.finfo(dtype).eps}
    assert_allclose(value, expected.item(), **close)
    assert_allclose(grad_X, theirs[0].grad.numpy(), **close)
    assert_allclose(grad_coef, theirs[1].grad.numpy(), **close)
