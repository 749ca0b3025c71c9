"""Functions of rows and elements that stand on their own: log-sum-exp, softmax, sigmoid."""

from .common import DTYPES, public, random_logits, sizes

FUNCTIONS = ["logsumexp", "softmax", "log_softmax", "sigmoid", "log_sigmoid"]


class Special:
    """One call with a fresh result, along each axis."""

    params = (FUNCTIONS, sizes("65536x10", "4096x1000", small="8x3"), DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, function, shape, dtype):
        """Make the data."""
        self.function = public(function)
        self.rows = random_logits(shape, dtype)
        self.columns = self.rows.T.copy().T

    def time_c_order(self, *_):
        """Rows contiguous."""
        self.function(self.rows)

    def time_fortran_order(self, *_):
        """Columns contiguous."""
        self.function(self.columns)
