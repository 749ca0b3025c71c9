"""The losses that have no module of their own here: every form."""

from .common import (
    DTYPES,
    TABLE,
    THREADS,
    parse,
    public,
    random_labels,
    random_logits,
    set_threads,
    sizes,
)

# The losses of the first table, which other modules measure.
ELSEWHERE = 7
LOSSES = TABLE["LOSSES"][ELSEWHERE:]
FUNCTIONS = {function: loss for loss in LOSSES for function in loss.functions}


class Plain:
    """No option."""

    params = (list(FUNCTIONS), sizes("65536x10", "4096x1000", small="8x3"), DTYPES, THREADS)
    param_names = ("function", "shape", "dtype", "threads")

    def setup(self, function, shape, dtype, threads):
        """Make the data, and compile."""
        set_threads(threads)
        self.function = public(function)
        self.logits = random_logits(shape, dtype)
        if TABLE["INDICES"] in FUNCTIONS[function].targets:
            self.target = random_labels(*parse(shape))
        else:
            self.target = public("softmax")(self.logits[::-1])
        self.time_plain()

    def time_plain(self, *_):
        """One call."""
        self.function(self.logits, self.target)
