"""A call, how it is judged, and how its arguments are spoilt."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

REDUCTIONS = ("mean", "sum", "none")
BREAKS = 0.3  # the part of calls with a wrong argument


@dataclass
class Call:
    """A call and how it is judged.

    `broken` are the arguments that must be refused, `memory` more arrays that must stay as they
    are.
    """

    function: Callable[..., Any]
    args: list = field(default_factory=list)
    kwargs: dict = field(default_factory=dict)
    broken: set = field(default_factory=set)
    expected: Callable[[], list] = list
    names: tuple = ("result",)
    outs: list = field(default_factory=list)
    out_names: tuple = ()
    computed: Any = np.float64
    memory: list = field(default_factory=list)
    arg_names: list = field(default_factory=list)
    anywhere: bool = (
        False  # whether the error may come from scikit-learn's checks, which word it otherwise
    )


def chosen(rng, **makers):
    return {name: make() for name, make in makers.items() if rng.random() < 0.3}


def finish(rng, call, spoil):
    """Put one wrong argument or two in place of right ones; `spoil` has a maker for each."""
    if rng.random() < BREAKS:
        for name in rng.permutation(sorted(spoil))[: 1 + (rng.random() < 0.1)]:
            bad = spoil[name]()
            call.broken.add(str(name))
            if name == call.arg_names[0] and any(out is not None for out in call.outs):
                call.broken.add("out")  # which no longer fits the dtype or the shape
            if name in call.arg_names:
                call.args[call.arg_names.index(name)] = bad
            elif name != "out":
                call.kwargs[str(name)] = bad
