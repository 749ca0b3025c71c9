"""The order of the gallery: what is easy comes first."""

ORDER = (
    "textbook",
    "convergence",
    "watching",
    "grid_search",
    "digits",
    "calibration",
    "inference",
    "soft_labels",
    "optimize",
    "network",
    "focal",
    "boosting",
    "compiled",
)


class Lesson:
    """The key of an example's file name; a file that the order does not have is an error."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        """Return the place of an example."""
        return ORDER.index(name.removeprefix("plot_").removesuffix(".py"))
