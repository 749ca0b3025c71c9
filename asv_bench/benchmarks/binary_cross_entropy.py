"""Sigmoid cross-entropy: every form."""

import numpy as np

from .common import DTYPES, THREADS, public, random_logits, set_threads, sizes

FORMS = [
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_value_and_grad",
    "binary_cross_entropy_with_logits_grad_and_hess",
]


class WithLogits:
    """Logits and targets in [0, 1]."""

    params = (FORMS, sizes("1000", "1000000", small="8"), DTYPES, THREADS)
    param_names = ("form", "shape", "dtype", "threads")

    def setup(self, form, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        self.target = np.random.default_rng(1).integers(2, size=self.logits.shape).astype(dtype)
        self.time_plain()
        self.time_pos_weight()

    def time_plain(self, *_):
        """No option."""
        self.function(self.logits, self.target)

    def time_pos_weight(self, *_):
        """Positive examples count three times."""
        self.function(self.logits, self.target, pos_weight=3.0)
