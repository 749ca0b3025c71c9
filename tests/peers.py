"""The libraries that the accuracy table compares.

Each is a pair of functions, rows(x, y) and elements(x, y), that return {quantity: array}.

The quantities have the names of `exact.py`; what a library does not offer is left out. Nothing is
imported before it is asked for.
"""

import numpy as np
from exact import at_target, without_target

AUTODIFF_CLASSES = (
    10  # a Hessian diagonal by automatic differentiation takes a backward pass for every class
)


def _parts(grad, y):
    grad = np.asarray(grad)
    return {"gradient, others": without_target(grad, y), "gradient, target": at_target(grad, y)}


def fastce():
    import fastce

    def rows(x, y):
        values, grad = fastce.cross_entropy_value_and_grad(x, y, reduction="none")
        return {
            "cross_entropy": values,
            **_parts(grad, y),
            "Hessian diagonal": fastce.cross_entropy_grad_and_hess(x, y, reduction="none")[1],
            "logsumexp": fastce.logsumexp(x),
            "softmax": fastce.softmax(x),
            "log_softmax": fastce.log_softmax(x),
        }

    def elements(x, y):
        values, grad = fastce.binary_cross_entropy_with_logits_value_and_grad(
            x, y, reduction="none"
        )
        return {
            "binary_cross_entropy_with_logits": values,
            "gradient": grad,
            "Hessian": fastce.binary_cross_entropy_with_logits_grad_and_hess(
                x, y, reduction="none"
            )[1],
            "sigmoid": fastce.sigmoid(x),
            "log_sigmoid": fastce.log_sigmoid(x),
        }

    return rows, elements


def torch():
    import torch
    from torch.nn import functional

    def rows(x, y):
        x, target = torch.tensor(x, requires_grad=True), torch.tensor(y)
        few = x.shape[1] <= AUTODIFF_CLASSES
        values = functional.cross_entropy(x, target, reduction="none")
        (grad,) = torch.autograd.grad(values.sum(), x, create_graph=few)
        results = {"cross_entropy": values.detach().numpy(), **_parts(grad.detach().numpy(), y)}
        if few and grad.requires_grad:
            columns = [
                torch.autograd.grad(grad[:, k].sum(), x, retain_graph=True)[0][:, k]
                for k in range(x.shape[1])
            ]
            results["Hessian diagonal"] = torch.stack(columns, dim=1).numpy()
        x = x.detach()
        results["logsumexp"] = torch.logsumexp(x, dim=1).numpy()
        results["softmax"] = torch.softmax(x, dim=1).numpy()
        results["log_softmax"] = torch.log_softmax(x, dim=1).numpy()
        return results

    def elements(x, y):
        x, target = torch.tensor(x, requires_grad=True), torch.tensor(y.astype(x.dtype))
        values = functional.binary_cross_entropy_with_logits(x, target, reduction="none")
        (grad,) = torch.autograd.grad(values.sum(), x, create_graph=True)
        (hess,) = torch.autograd.grad(grad.sum(), x)
        x = x.detach()
        return {
            "binary_cross_entropy_with_logits": values.detach().numpy(),
            "gradient": grad.detach().numpy(),
            "Hessian": hess.numpy(),
            "sigmoid": torch.sigmoid(x).numpy(),
            "log_sigmoid": functional.logsigmoid(x).numpy(),
        }

    return rows, elements


def jax():
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)

    def row_losses(x, y):
        return optax.softmax_cross_entropy_with_integer_labels(x, y)

    @jax.jit
    def row_quantities(x, y):
        grad = jax.grad(lambda x: row_losses(x, y).sum())
        results = {"cross_entropy": row_losses(x, y), "grad": grad(x)}
        if x.shape[1] <= AUTODIFF_CLASSES:
            results["Hessian diagonal"] = jax.vmap(
                lambda x, y: jax.hessian(row_losses)(x, y).diagonal()
            )(x, y)
        return results | {
            "logsumexp": jax.nn.logsumexp(x, axis=1),
            "softmax": jax.nn.softmax(x, axis=1),
            "log_softmax": jax.nn.log_softmax(x, axis=1),
        }

    def rows(x, y):
        results = {name: np.asarray(array) for name, array in row_quantities(x, y).items()}
        return results | _parts(results.pop("grad"), y)

    @jax.jit
    def element_quantities(x, y):
        def loss(x):
            return optax.sigmoid_binary_cross_entropy(x, y).sum()

        return {
            "binary_cross_entropy_with_logits": optax.sigmoid_binary_cross_entropy(x, y),
            "gradient": jax.grad(loss)(x),
            "Hessian": jax.grad(lambda x: jax.grad(loss)(x).sum())(x),
            "sigmoid": jax.nn.sigmoid(x),
            "log_sigmoid": jax.nn.log_sigmoid(x),
        }

    def elements(x, y):
        return {
            name: np.asarray(array)
            for name, array in element_quantities(x, y.astype(x.dtype)).items()
        }

    return rows, elements


def scikit_learn():
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

    def rows(x, y):
        if x.shape[1] == 1:
            return {}  # it asks for two classes
        loss, arguments = (
            HalfMultinomialLoss(n_classes=x.shape[1]),
            {"y_true": y.astype(x.dtype), "raw_prediction": x},
        )
        values, grad = loss.loss_gradient(**arguments)
        return {
            "cross_entropy": values,
            **_parts(grad, y),
            "Hessian diagonal": loss.gradient_hessian(**arguments)[1],
        }

    def elements(x, y):
        arguments = {"y_true": y.astype(x.dtype), "raw_prediction": x}
        values, grad = HalfBinomialLoss().loss_gradient(**arguments)
        hess = HalfBinomialLoss().gradient_hessian(**arguments)[1]
        return {"binary_cross_entropy_with_logits": values, "gradient": grad, "Hessian": hess}

    return rows, elements


def scipy():
    from scipy import special

    def rows(x, y):
        return {
            name: getattr(special, name)(x, axis=1)
            for name in ("logsumexp", "softmax", "log_softmax")
        }

    def elements(x, y):
        return {"sigmoid": special.expit(x), "log_sigmoid": special.log_expit(x)}

    return rows, elements


PEERS = {
    "fastce": fastce,
    "torch": torch,
    "jax, optax": jax,
    "scikit-learn": scikit_learn,
    "SciPy": scipy,
}


def available():
    """Return {name: (rows, elements)} of the libraries that can be imported."""
    found = {}
    for name, load in PEERS.items():
        try:
            found[name] = load()
        except ImportError:
            continue
    return found
