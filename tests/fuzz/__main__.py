"""Calls of every public function with random arguments, right ones and wrong ones; each is judged.

A call whose arguments keep the rules must return what `references` says (NaN and infinity
included), in the right shape and dtype, and leave its inputs and the memory around `out` as they
were. A call with an argument that breaks a rule must raise TypeError or ValueError with a message
that begins with the argument's name, and write nothing. Anything else is reported, warnings and
other exceptions included.

    python -m tests.fuzz --calls 100000 --seed 1
    python -m tests.fuzz --calls 1 --seed 1 --start 4711    # call 4711 again, with its arguments
    python -m tests.fuzz --calls 1000 --only focal_loss
"""

import argparse
import functools
import re
import sys
import traceback
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import fastce

from .arguments import memory
from .losses import ELEMENT_LOSSES, ROW_LOSSES, element_loss, row_loss, special
from .models import fit, linear_loss

FAMILIES = {
    "rows": row_loss,
    "elements": element_loss,
    "special": special,
    "linear": linear_loss,
    "fit": fit,
}
# What --only may name: a family, or a loss of rows or elements.
ONLY = (
    FAMILIES
    | {loss.name: functools.partial(row_loss, losses=[loss]) for loss in ROW_LOSSES}
    | {loss.name: functools.partial(element_loss, losses=[loss]) for loss in ELEMENT_LOSSES}
)
SHARES = {"rows": 0.38, "elements": 0.28, "special": 0.22, "linear": 0.1, "fit": 0.02}

# In units of eps of the dtype that is computed in. The accuracy proper is tested elsewhere; a wrong
# formula is further off.
TOLERANCE = 64


@dataclass
class Defect:
    """What one call did wrong."""

    seed: int
    index: int
    function: str
    what: str
    arguments: str = field(repr=False)

    def __str__(self):
        """Return a report with the command that makes the call again."""
        again = f"python -m tests.fuzz --calls 1 --seed {self.seed} --start {self.index}"
        return f"{self.function}: {self.what}\n    {again}\n    {self.arguments}"


def difference(got, want, scale, dtype, computed):
    """Return what is wrong with an array of numbers, or None."""
    got, want, scale = (np.asarray(a).astype(np.longdouble) for a in (got, want, scale))
    info, wide = np.finfo(dtype), np.finfo(computed)
    bound = TOLERANCE * np.longdouble(wide.eps) * (abs(want) + scale) + np.longdouble(
        info.eps
    ) * abs(want)
    bound += np.longdouble(wide.tiny) * (1 + scale) + np.longdouble(info.smallest_subnormal)
    most, bound = np.longdouble(info.max), np.where(np.isnan(bound), np.inf, bound)
    close = abs(got - want) <= bound
    beyond = np.isinf(got) & (np.sign(got) == np.sign(want)) & (abs(want) + bound >= most)
    wrong = ~np.where(
        np.isnan(want),
        np.isnan(got),
        np.where(np.isinf(want), got == want, (np.isfinite(got) & close) | beyond),
    )
    if not wrong.any():
        return None
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    limit = bound[place] if bound.shape else bound
    told = f"{got[place]} instead of {want[place]} at {place}"
    return f"{told}, bound {limit}, {wrong.sum()} wrong"


def _judge_results(call, results):
    # `expected` (array, scale, dtype) of each, None where only the shape is known: (shape, dtype)
    results = results if isinstance(results, tuple) else (results,)
    expected = call.expected()
    if len(results) != len(expected):
        return f"{len(results)} results instead of {len(expected)}"
    for name, got, want in zip(call.names, results, expected, strict=True):
        if want is None:
            if got is not None:
                return f"{name} is not None"
            continue
        number, scale, dtype = want
        if np.shape(got) != np.shape(number):
            return f"{name} has shape {np.shape(got)} instead of {np.shape(number)}"
        if dtype is float:
            if type(got) is not float:
                return f"{name} is a {type(got).__name__}"
        elif got.dtype != dtype or not got.dtype.isnative:
            return f"{name} has dtype {got.dtype} instead of {dtype}"
        wrong = (
            None
            if scale is None
            else difference(
                got, number, scale, np.float64 if dtype is float else dtype, call.computed
            )
        )
        if wrong:
            return f"{name}: {wrong}"
    for name, given, got in zip(
        call.out_names, call.outs, results[len(results) - len(call.outs) :], strict=True
    ):
        if given is not None and got is not given:
            return f"{name} was not returned"
    return None


def _arrays(call) -> list[Any]:
    found = [*call.args, *call.kwargs.values(), *call.memory]
    found += [a for pair in found if isinstance(pair, tuple | list) for a in pair]
    return [a for a in found if isinstance(a, np.ndarray) and a.dtype.kind not in "OV"]


def judge(call):
    """Make a call; return what is wrong, or None."""
    arrays = _arrays(call)
    before = [(memory(a), memory(a).tobytes()) for a in arrays]
    outs = [(out, out.copy()) for out in call.outs if out is not None]
    problem, refused = None, None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            with np.errstate(all="raise"):
                results = call.function(*call.args, **call.kwargs)
        except (TypeError, ValueError) as error:
            refused = error
        except Exception:
            return f"raised {traceback.format_exc(limit=-3)}"
    if refused is not None:
        text = str(refused)
        if not call.broken:
            problem = f"refused what is right: {type(refused).__name__}: {text}"
        elif not (
            call.anywhere
            or re.match(rf"(.* times )?({'|'.join(map(re.escape, call.broken))})\b", text)
        ):
            problem = f"error that names none of {sorted(call.broken)}: {text}"
    elif call.broken:
        return f"took a wrong {' and '.join(sorted(call.broken))}"
    else:
        with np.errstate(all="ignore"):
            problem = _judge_results(call, results)
        for out, original in outs:
            out[...] = original
    if problem is None and any(base.tobytes() != content for base, content in before):
        problem = (
            "wrote to an input, or beside out" if refused is None else "wrote before it refused"
        )
    return problem


def run(calls, seed, start=0, only=None):
    """Yield the defects of `calls` calls, made with one thread and with all in turns."""
    n_threads = fastce.get_num_threads()
    try:
        for index in range(start, start + calls):
            rng = np.random.default_rng([seed, index])
            with np.errstate(all="ignore"):
                call = ONLY[only or str(rng.choice(list(SHARES), p=list(SHARES.values())))](rng)
            described = f"{call.args!r} {call.kwargs!r}"
            fastce.set_num_threads(n_threads if index % 2 else 1)
            problem = judge(call)
            if problem is not None:
                yield Defect(seed, index, call.function.__name__, problem, described)
    finally:
        fastce.set_num_threads(n_threads)


def main():
    """Run from the command line; the exit status tells whether there were defects."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first call")
    parser.add_argument("--only", choices=ONLY, help="a family of functions, or a loss")
    options = parser.parse_args()
    n_defects = 0
    for defect in run(options.calls, options.seed, options.start, options.only):
        n_defects += 1
        print(defect, flush=True)
    print(f"{options.calls} calls, {n_defects} defects")
    return int(n_defects > 0)


if __name__ == "__main__":
    sys.exit(main())
