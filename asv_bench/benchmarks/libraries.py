"""The functions that others offer, as ``name(array, target, n_threads) -> call``.

asv skips what is not installed.

Every call returns new arrays, as ours do. scikit-learn's losses are private, check nothing, and
come as they are.
"""

import numpy as np


def _need(name):
    try:
        return __import__(name)
    except ImportError as error:
        raise NotImplementedError(f"{name} is not installed") from error


def _torch(n_threads):
    torch = _need("torch")
    torch.set_num_threads(n_threads)
    return torch


def _jax():
    jax, optax = _need("jax"), _need("optax")
    jax.config.update("jax_enable_x64", True)
    return jax, optax


def _with_backward(torch, loss, x):
    x = torch.tensor(x, requires_grad=True)

    def call():
        x.grad = None
        value = loss(x)
        value.backward()
        return value.item(), x.grad.numpy()

    return call


def _compiled(jax, loss, x, target):
    function = jax.jit(jax.value_and_grad(loss))
    x, target = jax.numpy.asarray(x), jax.numpy.asarray(target)
    function(x, target)  # compile
    return lambda: jax.block_until_ready(function(x, target))


def _sklearn_loss(loss, x, target, n_threads):
    target = target.astype(x.dtype)
    return lambda: loss.loss_gradient(y_true=target, raw_prediction=x, n_threads=n_threads)


def cross_entropy(library, x, target, n_threads=1):
    """Return a call for the mean cross-entropy of logits and its gradient."""
    if library == "torch":
        torch = _torch(n_threads)
        labels = torch.tensor(target)
        return _with_backward(torch, lambda x: torch.nn.functional.cross_entropy(x, labels), x)
    if library == "jax":
        jax, optax = _jax()
        return _compiled(
            jax,
            lambda x, y: optax.softmax_cross_entropy_with_integer_labels(x, y).mean(),
            x,
            target,
        )
    from sklearn._loss import HalfMultinomialLoss

    return _sklearn_loss(HalfMultinomialLoss(n_classes=x.shape[1]), x, target, n_threads)


def binary_cross_entropy_with_logits(library, x, target, n_threads=1):
    """Return a call for the mean sigmoid cross-entropy of logits and its gradient."""
    if library == "torch":
        torch = _torch(n_threads)
        labels = torch.tensor(target)
        return _with_backward(
            torch, lambda x: torch.nn.functional.binary_cross_entropy_with_logits(x, labels), x
        )
    if library == "jax":
        jax, optax = _jax()
        return _compiled(
            jax, lambda x, y: optax.sigmoid_binary_cross_entropy(x, y).mean(), x, target
        )
    from sklearn._loss import HalfBinomialLoss

    return _sklearn_loss(HalfBinomialLoss(), x, target, n_threads)


def of_rows(library, name, x, n_threads=1):
    """Return a call for "logsumexp", "softmax" or "log_softmax" of rows."""
    if library == "torch":
        torch = _torch(n_threads)
        x = torch.tensor(x)
        return lambda: getattr(torch, name)(x, 1)
    if library == "jax":
        jax, _ = _jax()
        function, x = jax.jit(lambda x: getattr(jax.nn, name)(x, axis=1)), jax.numpy.asarray(x)
        function(x)
        return lambda: jax.block_until_ready(function(x))
    from scipy import special

    return lambda: getattr(special, name)(x, axis=1)


def scaled_copy(x):
    """Return a call that reads an array and writes as much: what memory alone takes."""
    out = np.empty_like(x)
    factor = x.dtype.type(0.5)
    return lambda: np.multiply(x, factor, out=out)
