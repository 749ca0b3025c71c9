"""Focal loss, softmax and sigmoid: every form."""

import numpy as np

from .common import (
    DTYPES,
    THREADS,
    forms,
    parse,
    public,
    random_labels,
    random_logits,
    set_threads,
    sizes,
)

FORMS = forms("focal_loss")
SIGMOID_FORMS = forms("sigmoid_focal_loss")


class Focal:
    """Class indices as targets."""

    params = (FORMS, sizes("65536x10", "4096x1000", small="8x3"), DTYPES, THREADS)
    param_names = ("form", "shape", "dtype", "threads")

    def setup(self, form, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        self.labels = random_labels(*parse(shape))
        self.time_plain()

    def time_plain(self, *_):
        """The exponent 2."""
        self.function(self.logits, self.labels)


class SigmoidFocal:
    """Logits and targets in [0, 1]."""

    params = (SIGMOID_FORMS, sizes("1000", "1000000", small="8"), DTYPES, THREADS)
    param_names = ("form", "shape", "dtype", "threads")

    def setup(self, form, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        self.target = np.random.default_rng(1).integers(2, size=self.logits.shape).astype(dtype)
        self.time_plain()

    def time_plain(self, *_):
        """The exponent 2 and the weight 0.25 of positives."""
        self.function(self.logits, self.target)
