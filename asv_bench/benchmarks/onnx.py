"""Fitted models in a file: the time that skl2onnx takes with the converter, and what it makes."""

from fastce.linear_model import LogisticRegression

from .common import DTYPES, parse, random_rows, sizes


class Conversion:
    """From a fitted model to a graph."""

    params = (sizes("1000x20x2", "1000x200x20", small="30x4x3"), DTYPES)
    param_names = ("rows x columns x classes", "dtype")

    def setup(self, shape, dtype):
        """Fit, register, and convert once."""
        try:
            import skl2onnx

            from fastce import onnx
        except ImportError as error:
            raise NotImplementedError(f"no converter, or no skl2onnx: {error}") from error
        onnx.register()
        self.to_onnx = skl2onnx.to_onnx
        n, p, n_classes = parse(shape)
        self.X, y = random_rows(n, p, n_classes, dtype)
        self.model = LogisticRegression().fit(self.X, y)
        self.time_to_onnx()

    def time_to_onnx(self, *_):
        """From the model to the graph."""
        self.to_onnx(self.model, self.X[:1])

    def track_bytes_of_coef(self, *_):
        """Return the size of the graph as a file, as a multiple of that of the coefficients."""
        size = len(self.to_onnx(self.model, self.X[:1]).SerializeToString())
        return round(size / self.model.coef_.nbytes, 2)

    track_bytes_of_coef.unit = "times"
