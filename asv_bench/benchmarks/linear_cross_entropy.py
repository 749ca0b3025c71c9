"""Cross-entropy of a linear model, whose logits are never all there."""

import numpy as np

from .common import DTYPES, SMALL, THREADS, forms, public, random_labels, set_threads

FORMS = forms("linear_cross_entropy")
# Name -> rows, columns, classes.
DATA = (
    {"small": (30, 4, 3)}
    if SMALL
    else {"512x256, 32000 classes": (512, 256, 32000), "50000x64, 10 classes": (50_000, 64, 10)}
)


class LinearCrossEntropy:
    """Class indices as targets."""

    params = (FORMS, list(DATA), DTYPES, THREADS)
    param_names = ("form", "data", "dtype", "threads")

    def setup(self, form, data, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(form)
        n, p, n_classes = DATA[data]
        rng = np.random.default_rng(0)
        X, coef = rng.standard_normal((n, p)), rng.standard_normal((n_classes, p))
        self.arguments = X.astype(dtype), coef.astype(dtype), random_labels(n, n_classes)
        self.time_plain()

    def time_plain(self, *_):
        """No option."""
        self.function(*self.arguments)

    def peakmem_plain(self, *_):
        """Without the logits of all rows."""
        self.function(*self.arguments)
