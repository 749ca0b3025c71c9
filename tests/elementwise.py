"""Errors in units of the last place of exp, sigmoid and log_sigmoid.

They are measured on every float32, and on samples of float64.

The reference is the same formula in a format with at least 11 more bits (float64 for float32; long
double, where it has 64 bits, for float64), so the figures are right to 0.002 ULP. One unit of the
last place is the step of the format at the exact value; below the smallest normal number it is the
smallest subnormal number.
"""

import math

import numpy as np
from exact import LONG_DOUBLE
from ulp import in_ulps

from fastce._native import rowwise as _rowwise

BINS_PER_ULP = 10
_BINS = 10 * BINS_PER_ULP  # the last one takes all from 10 ULP on
_CHUNK = 1 << 16  # stays in the second cache level


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def _log_sigmoid(x):
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


# name: (function, reference, whether it takes positive numbers, samples lie within +-)
FUNCTIONS = {
    "exp, x <= 0": (_rowwise.exp_nonpositive_flat, np.exp, False, 746.0),
    "sigmoid": (_rowwise.sigmoid_flat, _sigmoid, True, 746.0),
    "log_sigmoid": (_rowwise.log_sigmoid_flat, _log_sigmoid, True, 746.0),
}


def every_float32(positive, step):
    """Yield all finite float32 numbers <= 0, or of both signs, in chunks; one in `step`."""
    for low, high in [(0x80000000, 0xFF800000), (0, 0x7F800000)][: 1 + positive]:
        for start in range(low, high, _CHUNK * step):
            yield np.arange(start, min(high, start + _CHUNK * step), step, dtype=np.uint32).view(
                np.float32
            )


def samples(positive, limit, n, rng):
    """Yield n float64 numbers <= 0, or of both signs, in chunks.

    Half of them are spread evenly, half evenly in the logarithm.
    """
    for start in range(0, n, _CHUNK):
        size = min(_CHUNK, n - start)
        even = rng.random(size // 2) * limit
        x = np.concatenate([even, limit * 10 ** (-20 * rng.random(size - even.size))])
        yield x * rng.choice([-1.0, 1.0], size) if positive else -x


def measure(name, dtype, step=1, n=10_000_000, seed=0):
    """Return how many numbers were tried, the histogram of errors, the largest one and where.

    None where no format can judge it.
    """
    function, reference, positive, limit = FUNCTIONS[name]
    if dtype == np.float64 and not LONG_DOUBLE:
        return None
    wide = np.float64 if dtype == np.float32 else np.longdouble
    chunks = (
        every_float32(positive, step)
        if dtype == np.float32
        else samples(positive, limit, n, np.random.default_rng(seed))
    )
    histogram, worst, where = np.zeros(_BINS + 1, np.int64), -1.0, math.nan
    for x in chunks:
        got = np.empty_like(x)
        function(x, got)
        with np.errstate(all="ignore"):
            errors = in_ulps(got, reference(x.astype(wide)))
        histogram += np.bincount(
            np.minimum(errors * BINS_PER_ULP, _BINS).astype(np.int64), minlength=_BINS + 1
        )
        k = int(errors.argmax())
        if errors[k] > worst:
            worst, where = float(errors[k]), float(x[k])
    counts = histogram[: np.flatnonzero(histogram)[-1] + 1].tolist()
    return {
        "function": name,
        "dtype": np.dtype(dtype).name,
        "tried": sum(counts),
        "bins": counts,
        "largest": worst,
        "at": where,
    }


def as_text(result, markdown):
    """Return a result as a table row (markdown) or as a histogram."""
    tried, bins, half = result["tried"], result["bins"], BINS_PER_ULP // 2
    beyond = 1 - sum(bins[:half]) / tried
    head = [
        result["function"],
        result["dtype"],
        f"{tried:,}",
        f"{beyond:.2%}",
        f"{result['largest']:.3f}",
        f"{result['at']!r}",
    ]
    if markdown:
        return "| " + " | ".join(head) + " |"
    lines = ["{}, {}: {} numbers, {} beyond 0.5 ULP, at most {} ULP, at {}".format(*head)]
    for k, count in enumerate(bins):
        lines.append(
            f"    {k / BINS_PER_ULP:4.1f} to {(k + 1) / BINS_PER_ULP:4.1f} ULP"
            f"  {count / tried:10.4%}  {count:>13,}"
        )
    return "\n".join(lines)


def heading(markdown):
    """Return the lines above the results."""
    if not markdown:
        return "Errors in units of the last place"
    columns = ["function", "dtype", "numbers tried", "beyond 0.5 ULP", "largest, ULP", "at"]
    return "| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|"
