"""Pictures of fits: the time of `ConvergenceDisplay`."""

from fastce.linear_model import LogisticRegression

from .common import random_rows, sizes


class Convergence:
    """The picture of several fits, drawn without a window."""

    params = (sizes("1", "10", small="1"),)
    param_names = ("fits",)

    def setup(self, n_fits):
        """Fit, and draw once: matplotlib looks for its fonts."""
        try:
            import matplotlib.pyplot as plt

            from fastce.display import ConvergenceDisplay
        except ImportError as error:
            raise NotImplementedError(f"no display, or no matplotlib: {error}") from error
        plt.switch_backend("agg")
        self.plt, self.draw = plt, ConvergenceDisplay.from_estimators
        model = LogisticRegression().fit(*random_rows(100, 4, 3, "float64"))
        self.models = {str(i): model for i in range(int(n_fits))}
        self.time_from_estimators()

    def time_from_estimators(self, *_):
        """From fitted models to pixels, and the figure closed."""
        display = self.draw(self.models)
        display.figure_.canvas.draw()
        self.plt.close(display.figure_)
