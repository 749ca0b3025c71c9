"""fastce: fast classification losses for the CPU, on NumPy arrays.

Each loss returns its value, its gradient and its Hessian diagonal, without a graph, a tensor type
or a framework. The classifier on the same kernels is `fastce.linear_model.LogisticRegression`.

The modules behind these names are loaded when a name is first used, so ``import fastce`` costs
nothing, and what needs no compiler (`softmax`, prediction) never loads one. What type checkers and
editors see is `__init__.pyi`, which ``python -m fastce._tools.stubs`` writes.
"""

import importlib
import sys
from typing import Any

from ._core.interrupts import interrupts_wait

# Not when first used like the others: it watches forks, which may come before the first call.
from ._core.threads import get_num_threads, set_num_threads
from ._core.version import __version__ as __version__
from ._losses.table import MODULES

# Public function -> the module that is loaded when it is first used.
_MODULE_BY_NAME = {
    **MODULES,
    "patch_sklearn": "patch",
    "show_versions": "_tools.versions",
    "unpatch_sklearn": "patch",
    "warmup": "_tools.warmup",
}
# Public modules, loaded in the same way.
_SUBMODULES = ("boosting", "display", "inference", "linear_model", "onnx")

__all__ = ["get_num_threads", "set_num_threads"]
__all__.extend(_MODULE_BY_NAME)
__all__.sort()


def __getattr__(name: str) -> Any:
    if name in _MODULE_BY_NAME:
        with interrupts_wait():
            value = getattr(importlib.import_module(f".{_MODULE_BY_NAME[name]}", __name__), name)
        globals()[name] = value  # found directly from now on
        if "numba" in sys.modules:  # whose compiled code may call some of the functions
            from ._njit.extension import extend

            extend(name, value)
        return value
    if name in _SUBMODULES:
        with interrupts_wait():
            return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", *_SUBMODULES])
