"""The command line: ``python -m fastce`` fits data beside scikit-learn, ``info`` says what runs.

The figure of ``--plot`` is drawn by `plot`, which is loaded for it.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._core.live_line import LiveLine
from .referee import DATA_SETS, fit_once, load, makers, objective_and_gradient

# Fits after a first one, which compiles; the best of them counts.
WARM_FITS = 3
# Rows and classes of the logits on which cross-entropy is timed.
KERNEL_SHAPE = (4096, 1000)
# Calls of each of the two functions that are timed; the best of them counts.
KERNEL_ROUNDS = 30


def fit_rows(progress: LiveLine) -> tuple[list[tuple[str, ...]], float]:
    """Fit every data set with every library's defaults.

    Return the table's rows, and the seconds that fastce's first fits took beyond warm ones.
    """
    rows: list[tuple[str, ...]] = []
    first_cost = 0.0
    for name in DATA_SETS:
        split = load(name)
        n, p = split.X.shape
        label = (name, f"{n} x {p}", str(len(np.unique(split.y))))
        for library, make in makers().items():
            progress.say(
                f"{name}: first fit with {library}"
                + (", compiles what is not in the cache" if library == "fastce" else "")
            )
            first = fit_once(make, split.X, split.y)
            progress.say(f"{name}: {WARM_FITS} warm fits with {library}")
            best = min(
                (fit_once(make, split.X, split.y) for _ in range(WARM_FITS)),
                key=lambda fit: fit.seconds,
            )
            if library == "fastce":
                first_cost += first.seconds - best.seconds
            objective, gradient = objective_and_gradient(best.model, split.X, split.y)
            iterations = int(np.max(best.model.n_iter_))
            rows.append(
                (
                    *label,
                    library,
                    f"{best.seconds:.4f}",
                    f"{objective:.6f}",
                    f"{np.abs(gradient).max():.1e}",
                    f"{best.model.score(split.X_test, split.y_test):.3f}",
                    f"yes, {iterations} iterations"
                    if best.converged
                    else f"no, stopped at {iterations} iterations",
                )
            )
            label = ("", "", "")
    return rows, first_cost


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows as aligned text: numbers to the right, words to the left."""
    widths = [max(len(row[j]) for row in (head, *rows)) for j in range(len(head))]
    to_the_right = [
        all(row[j][:1].isdigit() or not row[j] for row in rows) for j in range(len(head))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, to_the_right, strict=True)
        )
        for row in (head, ["-" * width for width in widths], *rows)
    ]
    return "\n".join(line.rstrip() for line in lines)


def numpy_value_and_grad(logits: Any, labels: Any) -> tuple[float, Any]:
    """Return the mean cross-entropy and its gradient as the textbook writes them, in NumPy."""
    rows = np.arange(logits.shape[0])
    shifted = logits - logits.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)
    value = float(np.mean(np.log(sums[:, 0]) - shifted[rows, labels]))
    grad = exps / sums
    grad[rows, labels] -= 1
    grad /= logits.shape[0]
    return value, grad


def kernel_line(progress: LiveLine) -> str:
    """Time cross-entropy and its gradient beside the plain formula, in turns; return a sentence."""
    from .._core.threads import get_num_threads
    from .._losses.cross_entropy import cross_entropy_value_and_grad

    n, n_classes = KERNEL_SHAPE
    rng = np.random.default_rng(0)
    logits = (4 * rng.standard_normal(KERNEL_SHAPE)).astype(np.float32)
    labels = rng.integers(n_classes, size=n)
    best: dict[Callable[..., Any], float] = dict.fromkeys(
        (cross_entropy_value_and_grad, numpy_value_and_grad), math.inf
    )
    progress.say("cross-entropy with gradient: first call, compiles what is not in the cache")
    for function in best:
        function(logits, labels)
    progress.say(
        f"cross-entropy with gradient: {KERNEL_ROUNDS} calls and as many of the NumPy formula, "
        "in turns"
    )
    for _ in range(KERNEL_ROUNDS):
        for function in best:
            start = time.perf_counter()
            function(logits, labels)
            best[function] = min(best[function], time.perf_counter() - start)
    ours, plain = best.values()
    threads = get_num_threads()
    return (
        f"cross_entropy_value_and_grad, {n} x {n_classes} float32: {1e3 * ours:.2f} ms on "
        f"{threads} thread{'s' if threads > 1 else ''}, {plain / ours:.1f} times faster than the "
        f"plain NumPy formula ({1e3 * plain:.1f} ms); best of {KERNEL_ROUNDS}, in turns."
    )


def cache_line(started: float) -> str:
    """Say where compiled code is kept, and how many kernels were compiled since `started`.

    `started` is in seconds since the epoch.
    """
    from .._core.jit import cache_folder

    folder = cache_folder()
    if not folder:
        return "compiling (nothing is kept: Numba found no folder to write to)"
    compiled = sum(path.stat().st_mtime >= started for path in Path(folder).glob("*.nbc"))
    if not compiled:
        return f"importing Numba and reading compiled kernels from {folder}"
    return f"importing Numba and compiling {compiled} kernels, kept in {folder} for the next run"


def run(plot: Path | None) -> None:
    """Fit, print the table, time the kernel; draw if asked."""
    progress = LiveLine(sys.stderr)
    started = time.time()
    rows, first_cost = fit_rows(progress)
    progress.clear()
    head = (
        "data, raw",
        "rows x columns",
        "classes",
        "fitted by",
        "seconds",
        "objective",
        "max|gradient|",
        "test accuracy",
        "converged",
    )
    print(format_table(head, rows))
    print(
        "\nDefaults of both libraries (C = 1), a quarter of the rows held out. "
        f"seconds: best of {WARM_FITS} fits after a first one,\n"
        "to be compared only while the machine does nothing else.\n"
        "objective: mean loss + |coef|^2 / (2 C n), "
        "evaluated with its gradient by the same float64 NumPy code for both.\n"
        f"fastce's three first fits took {first_cost:.1f} s more than warm ones: "
        f"{cache_line(started)}.\n"
    )
    line = kernel_line(progress)
    progress.clear()
    print(line)
    if plot is not None:
        from .plot import draw

        draw(plot, [load(name) for name in DATA_SETS], makers(), progress)
        progress.clear()
        print(f"Drawn: {plot}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and do what they ask; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m fastce",
        allow_abbrev=False,
        description="Fit three raw data sets with fastce and with scikit-learn's defaults, and "
        "show how far each gets and how fast; then time one kernel. Takes well under a minute, "
        "most of it compiling, the first time.",
        epilog="'python -m fastce info' prints versions, threads, processor and the cache folder: "
        "put it into bug reports.",
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("run", "info"),
        default="run",
        help="what to do (default: %(default)s)",
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="also draw objective against time for both "
        "(needs the extra: pip install 'fastce[plot]')",
    )
    options = parser.parse_args(arguments)
    if options.what == "info":
        if options.plot is not None:
            parser.error("--plot goes with 'run' only")
        from .versions import show_versions

        show_versions()
        return 0
    if options.plot is not None:
        from .plot import why_not

        reason = why_not(options.plot)
        if reason:
            parser.error(f"--plot {reason}")
    run(options.plot)
    return 0
