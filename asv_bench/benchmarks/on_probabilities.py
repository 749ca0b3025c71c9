"""Losses of given probabilities and log-probabilities."""

import numpy as np

from .common import DTYPES, forms, parse, public, random_labels, random_logits, sizes

NLL_FORMS = forms("nll_loss")
BCE_FORMS = forms("binary_cross_entropy")


class NLL:
    """Negative log-likelihood of given log-probabilities."""

    params = (NLL_FORMS, sizes("65536x10", "4096x1000", small="8x3"), DTYPES)
    param_names = ("form", "shape", "dtype")

    def setup(self, form, shape, dtype):
        """Make the data, and compile."""
        self.function = public(form)
        self.log_p = public("log_softmax")(random_logits(shape, dtype))
        self.labels = random_labels(*parse(shape))
        self.function(self.log_p, self.labels)

    def time_plain(self, *_):
        """No option."""
        self.function(self.log_p, self.labels)


class BinaryCrossEntropy:
    """Probabilities and targets in [0, 1]."""

    params = (BCE_FORMS, sizes("1000", "1000000", small="8"), DTYPES)
    param_names = ("form", "shape", "dtype")

    def setup(self, form, shape, dtype):
        """Make the data, and compile."""
        self.function = public(form)
        self.p = public("sigmoid")(random_logits(shape, dtype))
        self.target = np.random.default_rng(1).integers(2, size=self.p.shape).astype(dtype)
        self.function(self.p, self.target)

    def time_plain(self, *_):
        """No option."""
        self.function(self.p, self.target)
