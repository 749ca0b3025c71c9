"""Write ``fastce/__init__.pyi``, from which type checkers and editors know the lazy public names.

    python -m fastce._tools.stubs

Names come from the table of losses, parameters from the functions themselves. A loss whose result
depends on `reduction` gets an overload for a float, one for an array, and one for a string that is
only known when the call is made; a special function gets one for each kind of argument.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .._losses.table import ELEMENTS, GRAD_AND_HESS, LOSSES, MODULES, SPECIAL, Special

STUB = Path(__file__).parents[1] / "__init__.pyi"
HEAD = '''"""The public names and their types; written by fastce._tools.stubs, not by hand."""

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from . import boosting as boosting
from . import display as display
from . import inference as inference
from . import linear_model as linear_model
from . import onnx as onnx
'''
# Characters of a line, as everywhere in the project.
WIDTH = 100
# Public functions that are neither losses nor special functions, with their modules.
OTHERS = {
    "get_num_threads": "_core.threads",
    "patch_sklearn": "patch",
    "set_num_threads": "_core.threads",
    "show_versions": "_tools.versions",
    "unpatch_sklearn": "patch",
    "warmup": "_tools.warmup",
}
# What `reduction` may be, and what a loss is then.
REDUCTIONS = (
    ('Literal["mean", "sum"] = ...', "float"),
    ('Literal["none"]', "np.ndarray"),
    ("str = ...", "float | np.ndarray"),
)
# What x may be, and what a function of elements returns then.
OF_ELEMENTS = (
    ("float", "np.float64"),
    ("np.ndarray | Sequence[Any]", "np.ndarray"),
    ("ArrayLike", "np.ndarray | np.floating[Any]"),
)
_OFF, _EITHER = "Literal[False] = ...", "np.ndarray | np.floating[Any]"
# What axis, keepdims and return_sign may be, and what a function of rows with one result each
# returns then: a number for one row alone, which is not known from the type of x.
OF_ROWS: tuple[tuple[dict[str, str], str], ...] = (
    ({"axis": "None", "keepdims": _OFF, "return_sign": _OFF}, "np.floating[Any]"),
    ({"keepdims": "Literal[True]", "return_sign": _OFF}, "np.ndarray"),
    ({"return_sign": _OFF}, _EITHER),
    ({"return_sign": "Literal[True]"}, f"tuple[{_EITHER}, {_EITHER}]"),
)


def _definition(function: Callable[..., Any], types: dict[str, str], result: str) -> str:
    """Return an overload: the function's parameters, some of another type, and its result."""
    lines, keyword_only = [], False
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            lines.append("    *,\n")
        default = "" if parameter.default is parameter.empty else " = ..."
        lines.append(f"    {name}: {types.get(name, parameter.annotation + default)},\n")
    return f"@overload\ndef {function.__name__}(\n{''.join(lines)}) -> {result}: ...\n"


def _overloads(function: Callable[..., Any], special: Special | None) -> Iterator[str]:
    """Yield the overloads of a function whose result depends on its arguments."""
    result: str = inspect.signature(function).return_annotation
    if special is None:
        for reduction, value in REDUCTIONS:
            yield _definition(
                function,
                {"reduction": reduction},
                re.sub(r"\bAny\b|\bValue\b", value, result, count=1),
            )
    elif special.kind == ELEMENTS:
        for x, value in OF_ELEMENTS:
            yield _definition(function, {"x": x}, value)
    else:
        for types, value in OF_ROWS:
            yield _definition(function, types, value)


def _import(module: str, names: list[str]) -> str:
    line = f"from .{module} import {', '.join(names)}\n"
    if len(line) <= WIDTH + 1:
        return line
    return f"from .{module} import (\n{''.join(f'    {name},{chr(10)}' for name in names)})\n"


def text() -> str:
    """Return what the stub must hold."""
    result_depends: dict[str, Special | None] = {
        loss.name + form: None for loss in LOSSES for form in loss.forms if form != GRAD_AND_HESS
    }
    result_depends |= {s.name: s for s in SPECIAL if s.reduces or s.kind == ELEMENTS}
    imported: dict[str, list[str]] = {}
    definitions: list[str] = []
    for name, module in (MODULES | OTHERS).items():
        if name in result_depends:
            function = getattr(importlib.import_module(f"..{module}", __package__), name)
            definitions += _overloads(function, result_depends[name])
        else:
            imported.setdefault(module, []).append(name)
    imports = [_import(module, sorted(names)) for module, names in sorted(imported.items())]
    names = [f'    "{name}",\n' for name in sorted(MODULES | OTHERS)]
    return "".join(
        [HEAD, *imports, "\n__version__: str\n__all__ = [\n", *names, "]\n\n", *definitions]
    )


def main() -> None:
    """Write the stub."""
    STUB.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
