"""Softmax cross-entropy: every form, few and many classes."""

import numpy as np

from .common import DTYPES, THREADS, parse, public, random_labels, random_logits, set_threads, sizes

FORMS = ["cross_entropy", "cross_entropy_value_and_grad", "cross_entropy_grad_and_hess"]
SHAPES = sizes("200000x3", "65536x10", "4096x1000", "64x50257", small="8x3")


class CrossEntropy:
    """Class indices as targets."""

    params = (FORMS, SHAPES, DTYPES, THREADS)
    param_names = ("form", "shape", "dtype", "threads")

    def setup(self, form, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        n, n_classes = parse(shape)
        self.labels = random_labels(n, n_classes)
        self.options = {"weight": np.linspace(0.5, 2, n_classes), "label_smoothing": 0.1, "ignore_index": 0}
        self.time_plain()
        self.time_options()

    def time_plain(self, *_):
        """No option."""
        self.function(self.logits, self.labels)

    def time_options(self, *_):
        """Class weights, smoothing and ignored rows: the normal form makes them cheap."""
        self.function(self.logits, self.labels, **self.options)


class Probabilities:
    """Probabilities as targets."""

    params = (FORMS, sizes("65536x10", "4096x1000", small="8x3"), DTYPES, THREADS)
    param_names = ("form", "shape", "dtype", "threads")

    def setup(self, form, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        self.logits = random_logits(shape, dtype)
        self.target = public("softmax")(self.logits[::-1])
        self.function(self.logits, self.target)

    def time_plain(self, *_):
        """No option."""
        self.function(self.logits, self.target)
