"""Tells Numba that functions of fastce may be called from compiled code.

Numba asks once a process, when it first compiles or loads compiled code, by the entry point
``numba_extensions`` of pyproject.toml, which is `register`. Modules of fastce are loaded when a
name is first used, maybe later: then `extend` is called for that name alone. So a process that
uses Numba without fastce loads no kernel.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Any

# Public function -> the module in this folder that has its builder, a function of the same name.
OVERLOADS = {
    "logsumexp": "row_functions",
    "softmax": "row_functions",
    "log_softmax": "row_functions",
    "sigmoid": "element_functions",
    "log_sigmoid": "element_functions",
    "cross_entropy": "rows",
    "cross_entropy_value_and_grad": "rows",
    "binary_cross_entropy_with_logits": "elements",
    "binary_cross_entropy_with_logits_value_and_grad": "elements",
}
_extended: set[str] = set()


def register() -> None:
    """Make the functions that are loaded already known to Numba: its extension entry point."""
    loaded = vars(sys.modules[__package__.partition(".")[0]])
    for name in OVERLOADS:
        if name in loaded:
            _extend(name, loaded[name])


def extend(name: str, function: Callable[..., Any]) -> None:
    """Make a public function known to Numba, if it may be called from compiled code.

    The name may have been met by Numba while it compiles: then what it knows is brought up to date.
    """
    if name not in OVERLOADS or name in _extended:
        return
    _extend(name, function)
    from numba.core.compiler_lock import global_compiler_lock

    if global_compiler_lock.is_locked():
        from numba.core.registry import cpu_target

        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()


def _extend(name: str, function: Callable[..., Any]) -> None:
    from numba.extending import overload

    if name in _extended:
        return
    _extended.add(name)

    # Not strict: Numba would compare this function's arguments with those of the implementation.
    @overload(function, prefer_literal=True, strict=False)
    def build(*arguments: Any, **options: Any) -> Any:
        module = importlib.import_module(f".{OVERLOADS[name]}", __package__)
        return getattr(module, name)(*arguments, **options)
