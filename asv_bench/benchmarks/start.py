"""What a fresh process waits for: the import, and a first call with an empty or filled cache."""

import os
import subprocess
import sys
import tempfile

from .common import SMALL

CACHE = "import os\nos.environ['NUMBA_CACHE_DIR'] = {folder!r}\n"
EMPTY_CACHE = (
    "import os, tempfile\nfolder = tempfile.TemporaryDirectory()\n"
    "os.environ['NUMBA_CACHE_DIR'] = folder.name\n"
)
SMALL_DATA = "import numpy as np\nX, y = np.arange(24.0).reshape(8, 3) % 7, np.arange(8) % 3\n"

# What is called first -> (made ready before the clock starts, what is timed).
CALLS = {
    "cross_entropy_value_and_grad": (
        SMALL_DATA + "import fastce\n",
        "fastce.cross_entropy_value_and_grad(X, y)",
    ),
    "fit": (
        SMALL_DATA + "from fastce.linear_model import LogisticRegression\n",
        "LogisticRegression().fit(X, y)",
    ),
    "warmup": ("import fastce\n", "fastce.warmup()"),
}
FIRST = ["cross_entropy_value_and_grad"] if SMALL else list(CALLS)


class Import:
    """The import alone."""

    repeat = (1, 1, 0.0) if SMALL else (5, 20, 20.0)
    number = 1

    def timeraw_fastce(self):
        """Functions; Numba must not come with it."""
        return "import fastce"

    def timeraw_linear_model(self):
        """The classifier, with the part of scikit-learn it needs."""
        return "from fastce.linear_model import LogisticRegression"


class FirstCallEmptyCache:
    """The first call on a machine, after the imports: everything is compiled."""

    params = (FIRST,)
    param_names = ("call",)
    repeat = (1, 1, 0.0) if SMALL else (3, 10, 30.0)
    number = 1
    timeout = 600

    def timeraw_call(self, call):
        """A cache folder of its own, removed at the end."""
        ready, timed = CALLS[call]
        return timed, EMPTY_CACHE + ready


class FirstCallFilledCache:
    """The first call in a process, after the imports: compiled code is read from disk."""

    params = (FIRST,)
    param_names = ("call",)
    repeat = (1, 1, 0.0) if SMALL else (3, 10, 30.0)
    number = 1
    timeout = 600

    def setup(self, call):
        """Fill a cache folder."""
        self.folder = tempfile.TemporaryDirectory()
        environment = {**os.environ, "NUMBA_CACHE_DIR": self.folder.name}
        subprocess.run([sys.executable, "-c", "".join(CALLS[call])], env=environment, check=True)

    def teardown(self, call):
        """Remove it."""
        self.folder.cleanup()

    def timeraw_call(self, call):
        """A folder that holds what this call needs."""
        ready, timed = CALLS[call]
        return timed, CACHE.format(folder=self.folder.name) + ready


class FirstPrediction:
    """A model is unpickled and predicts: nothing is compiled, Numba is not imported."""

    repeat = (1, 1, 0.0) if SMALL else (5, 20, 20.0)
    number = 1

    def setup(self):
        """Pickle a fitted model into a file."""
        import pickle

        import numpy as np

        from fastce.linear_model import LogisticRegression

        X, y = np.arange(24.0).reshape(8, 3) % 7, np.arange(8) % 3
        with tempfile.NamedTemporaryFile("wb", delete=False) as file:
            pickle.dump(LogisticRegression().fit(X, y), file)
        self.path = file.name

    def teardown(self):
        """Remove the file."""
        os.unlink(self.path)

    def timeraw_predict_proba(self):
        """From a bare process to probabilities."""
        load = f"import pickle, numpy\nmodel = pickle.load(open({self.path!r}, 'rb'))\n"
        return load + "model.predict_proba(numpy.ones((5, 3)))"
