"""The accuracy table: fastce, torch, jax, scikit-learn and SciPy against exact values.

Run `python tests/accuracy.py`.

Each entry is the largest error in units of eps of the dtype, |got - exact| / (eps |exact|) (for
`logsumexp` relative to the larger of its two terms, the row's maximum and the logarithm), over all
numbers of classes. `exact.py` tells how the exact value is had, which rows a family holds and what
the contract allows. Beside fastce's error stands the error that comes nearest to the contract's
bound, with that bound; `BROKEN` marks one beyond it. Results below the smallest normal number are
not judged. "0 returned": the result is 0 where the exact one is not, so no digit is right; inf and
NaN likewise.
"""

import argparse
import itertools
import json
import math
import time
import zlib

import elementwise
import exact
import numpy as np
import peers

CLASSES = [1, 2, 3, 10, 32, 1000, 100_003]
DTYPES = [np.float32, np.float64]
KINDS = {  # what stands in one line of the short table
    "ordinary rows": ["random", "near 0", "equal terms", "1000 behind"],
    "confident rows (5 to 1000 ahead)": [f"{g} ahead" for g in (5, 17, 36, 100, 1000)],
    "offsets (1e6, -1e6, 1e30)": ["offset 1e6", "offset -1e6", "offset 1e30"],
}


def seeded(*key):
    """Return a generator that depends on `key` alone, not on the families before."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def cases(quick):
    """Yield (family, K, dtype, "rows" or "elements", x, y).

    mpmath takes its time, so float64 has fewer rows.
    """
    for dtype in DTYPES:
        budget = (40_000 if dtype == np.float32 else 4_000) // (10 if quick else 1)
        for (family, make), k in itertools.product(exact.ROW_FAMILIES.items(), CLASSES):
            if quick and k > 1000:
                continue
            made = make(seeded(family, k, dtype.__name__), min(400, max(1, budget // k)), k, dtype)
            if made:
                yield family, k, dtype, "rows", *made
        for family, make in exact.ELEMENT_FAMILIES.items():
            yield (
                family,
                0,
                dtype,
                "elements",
                *make(seeded(family, dtype.__name__), budget // 2, dtype),
            )


def judge(got, want, dtype):
    """Return the largest error and what stands in place of a number (0, inf, nan or "").

    And the error that is nearest to its bound, with the bound.
    """
    judged = want.judged(dtype)
    errors = want.errors(got)
    if not judged.any():
        return {
            "error": None if errors.max() == 0 else math.inf,
            "failure": "" if errors.max() == 0 else "not 0",
        }
    failure = ""
    for name, mask in (("nan", np.isnan(got)), ("inf", np.isinf(got)), ("0", got == 0)):
        if (mask & judged).any():
            failure = name
            break
    worst = np.unravel_index((errors / want.bound).argmax(), errors.shape)
    largest = errors.max()
    return {
        "error": float(largest),
        "failure": failure,
        "nearest": float(errors[worst]),
        "bound": float(want.bound[worst]),
    }


def measure(libraries, quick):
    """Return a list of results, each a family, K, dtype, quantity, library and its errors."""
    results = []
    for family, k, dtype, form, x, y in cases(quick):
        want = getattr(exact, form)(x, y)
        for library, functions in libraries.items():
            with np.errstate(all="ignore"):
                got = functions[form == "elements"](x, y)
            for quantity, array in got.items():
                about = {
                    "family": family,
                    "classes": k,
                    "dtype": dtype.__name__,
                    "quantity": quantity,
                    "library": library,
                }
                if form == "elements" and quantity in ("gradient", "Hessian"):
                    about["quantity"] = f"binary, {quantity}"
                results.append(about | judge(np.asarray(array), want[quantity], dtype))
    return results


def _worst(results):
    # one entry for several: the largest error and the one nearest to its bound
    judged = [r for r in results if r["error"] is not None]
    if not judged:
        return None
    failures = sorted({r["failure"] for r in judged} - {""})
    near = max(
        (r for r in judged if "bound" in r), key=lambda r: r["nearest"] / r["bound"], default=None
    )
    return max(r["error"] for r in judged), failures, near


def _number(error):
    if error < 1e4:
        return f"{error:.2g}" if error < 10 else f"{error:.0f}"
    return f"{error:.0e}".replace("e+0", "e").replace("e+", "e")


def _cell(worst):
    if worst is None:
        return ""
    error, failures, _ = worst
    return ", ".join(failures) + " returned" if failures else _number(error)


def _bound(worst):
    if worst is None:
        return ""
    _, failures, near = worst
    broken = "not 0" in failures or (near and near["nearest"] > near["bound"])
    parts = [f"{near['nearest']:.2g} of {near['bound']:.3g}"] if near else []
    return " ".join(parts + ["**BROKEN**"] * bool(broken))


def table(results, libraries, groups):
    """Return a header and the lines of a table: dtype x quantity x group of families."""
    names = [name for name in libraries if name != "fastce"]
    lines = [["dtype", "quantity", "rows", "fastce", "nearest to the bound", *names]]
    quantities = list(dict.fromkeys(r["quantity"] for r in results))
    for dtype, quantity, (group, families) in itertools.product(DTYPES, quantities, groups.items()):
        chosen = [
            r
            for r in results
            if (r["dtype"], r["quantity"]) == (dtype.__name__, quantity) and r["family"] in families
        ]
        by_library = {
            name: _worst([r for r in chosen if r["library"] == name]) for name in libraries
        }
        if any(by_library.values()):
            own = by_library["fastce"]
            lines.append(
                [
                    dtype.__name__,
                    quantity,
                    group,
                    _cell(own),
                    _bound(own),
                    *(_cell(by_library[name]) for name in names),
                ]
            )
    return lines


def write(lines, markdown):
    """Print a table."""
    if markdown:
        lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
        print("\n".join("| " + " | ".join(line) + " |" for line in lines))
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer rows, one float32 in 509, 10^5 samples of float64",
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write every figure, by number of classes too"
    )
    parser.add_argument("--markdown", action="store_true", help="print tables as markdown")
    parser.add_argument(
        "--samples",
        type=float,
        default=1e7,
        help="samples of float64 for each elementary function (default 1e7)",
    )
    parser.add_argument("--part", choices=["table", "elementwise"], help="only this part")
    options = parser.parse_args()
    found = {}
    if options.part != "elementwise":
        started = time.perf_counter()
        libraries = peers.available()
        found["table"] = measure(libraries, options.quick)
        families = dict.fromkeys(r["family"] for r in found["table"])
        for title, groups in [
            ("In short", KINDS),
            ("By family", {family: [family] for family in families}),
        ]:
            print(f"\n{title}: largest error in units of eps\n")
            write(table(found["table"], libraries, groups), options.markdown)
        print(f"\n({time.perf_counter() - started:.0f} s)")
    if options.part != "table":
        started = time.perf_counter()
        found["elementwise"] = []
        print("\n" + elementwise.heading(options.markdown))
        for name, dtype in itertools.product(elementwise.FUNCTIONS, DTYPES):
            n = 100_000 if options.quick else int(options.samples)
            result = elementwise.measure(name, dtype, 509 if options.quick else 1, n)
            if result is None:
                print(f"{name}, float64: long double has too few digits here")
            else:
                found["elementwise"].append(result)
                print(elementwise.as_text(result, options.markdown), flush=True)
        print(f"\n({time.perf_counter() - started:.0f} s)")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
