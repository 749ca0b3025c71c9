"""scikit-learn's names become ours, in code that is not changed at all.

    python -m fastce.patch script.py [arguments]
    python -m fastce.patch -m module [arguments]

run a program so; `patch_sklearn` and `unpatch_sklearn` do it inside of one.
"""

import importlib
import importlib.util
import os
import runpy
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NamedTuple

USAGE = "usage: python -m fastce.patch (script.py | -m module) [arguments]"
# What is replaced: its name, in the same module of scikit-learn's package and of ours.
NAMES = {"LogisticRegression": "linear_model"}
# Tells by the class how to convert a model, and would give wrong probabilities for ours.
_CONVERTER = "skl2onnx"
# Packages whose names stay.
_KEEPERS = ("fastce", _CONVERTER)


class _Place(NamedTuple):
    """A global name of a module that was scikit-learn's class."""

    module: str
    namespace: dict[str, Any]
    name: str
    theirs: Any
    ours: Any


_places: list[_Place] = []


class _ConverterFinder(MetaPathFinder):
    """Undoes the patch while the converter is imported, which takes names at that time."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the converter's own spec, with an import that is run without the patch."""
        if fullname != _CONVERTER:
            return None
        _stop_waiting()
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            _wait_for_converter()
        if spec is not None and spec.loader is not None:
            own = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                names = _patched_names()
                unpatch_sklearn(names)
                try:
                    own(module)
                finally:
                    patch_sklearn(names, verbose=False)

            vars(spec.loader)["exec_module"] = exec_module
        return spec


_finder = _ConverterFinder()


def _wait_for_converter() -> None:
    if _places and _CONVERTER not in sys.modules and _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def _stop_waiting() -> None:
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def _patched_names() -> list[str]:
    return [name for name in NAMES if any(place.ours is _pair(name)[0] for place in _places)]


def patch_sklearn(name: str | list[str] | None = None, verbose: bool = True) -> list[str]:
    """Put fastce's classes in the place of scikit-learn's, wherever a module has them.

    That is in ``sklearn.linear_model`` and its private module, from which later imports take them,
    and in each module that has imported one already, under whatever name. Classes that are kept
    elsewhere, in dicts or default arguments, stay, and so do other processes. skl2onnx, which
    converts by class (see `fastce.onnx.register`), keeps scikit-learn's, imported before or after.
    Objects that exist keep their class, and cannot be pickled until `unpatch_sklearn`, so this is
    best called first.

    Parameters
    ----------
    name : str, list of str or None, default=None
        Which classes; None for all that there are: ``"LogisticRegression"``.
    verbose : bool, default=True
        Whether to print one line to standard error.

    Returns
    -------
    list of str
        The names that are patched, with their modules, also by an earlier call.

    Raises
    ------
    ValueError
        If there is no such class here.

    See Also
    --------
    unpatch_sklearn

    Examples
    --------
    >>> import fastce
    >>> patched = fastce.patch_sklearn(verbose=False)
    >>> "sklearn.linear_model.LogisticRegression" in patched
    True
    >>> from sklearn.linear_model import LogisticRegression
    >>> LogisticRegression.__module__
    'fastce.linear_model._logistic'
    >>> fastce.unpatch_sklearn()
    """
    for each in _checked(name):
        ours, theirs = _pair(each)
        _places.extend(
            _Place(module, namespace, attribute, theirs, ours)
            for module, namespace, attribute in _holders(theirs)
        )
    for place in _places:
        place.namespace[place.name] = place.ours
    _wait_for_converter()
    patched = [f"{place.module}.{place.name}" for place in _places]
    if verbose:
        print(f"fastce is in the place of scikit-learn: {', '.join(patched)}", file=sys.stderr)
    return patched


def unpatch_sklearn(name: str | list[str] | None = None) -> None:
    """Undo `patch_sklearn`: give each name back to scikit-learn's class.

    A module outside of scikit-learn that was imported meanwhile keeps what it took: nobody can tell
    from which package it wanted it.

    Parameters
    ----------
    name : str, list of str or None, default=None
        Which classes; None for all.

    Raises
    ------
    ValueError
        If there is no such class here.

    Examples
    --------
    >>> import fastce
    >>> import sklearn.linear_model
    >>> before = sklearn.linear_model.LogisticRegression
    >>> patched = fastce.patch_sklearn(verbose=False)
    >>> fastce.unpatch_sklearn()
    >>> sklearn.linear_model.LogisticRegression is before
    True
    """
    for each in _checked(name):
        ours, _ = _pair(each)
        mine = [place for place in _places if place.ours is ours]
        if not mine:
            continue
        for place in mine:
            if place.namespace.get(place.name) is ours:
                place.namespace[place.name] = place.theirs
            _places.remove(place)
        # modules of scikit-learn that were imported since
        for module, namespace, attribute in _holders(ours):
            if module.partition(".")[0] == "sklearn":
                namespace[attribute] = mine[0].theirs
    if not _places:
        _stop_waiting()


def _checked(name: str | list[str] | None) -> list[str]:
    names = list(NAMES) if name is None else [name] if isinstance(name, str) else list(name)
    for each in names:
        if each not in NAMES:
            raise ValueError(f"name must be one of {', '.join(NAMES)}; got {each!r}")
    return names


def _pair(name: str) -> tuple[Any, Any]:
    """Return our class and scikit-learn's of this name, also while it is patched."""
    ours = getattr(importlib.import_module(f".{NAMES[name]}", __package__), name)
    theirs = getattr(importlib.import_module(f"sklearn.{NAMES[name]}"), name)
    known = [place.theirs for place in _places if place.ours is ours]
    return ours, known[0] if known else theirs


def _holders(value: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield (module, namespace, name) of each global name that is `value`, but in `_KEEPERS`."""
    for title, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or title.partition(".")[0] in _KEEPERS:
            continue
        # not through the module, which may load itself when it is first looked at
        namespace = object.__getattribute__(module, "__dict__")
        for name, held in list(namespace.items()):
            if held is value:
                yield title, namespace, name


def main(arguments: list[str]) -> int:
    """Run a script or a module as a program, patched."""
    if not arguments or arguments in (["-m"], ["-h"], ["--help"]):
        print(USAGE, file=sys.stdout if arguments[:1] in (["-h"], ["--help"]) else sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    is_module = arguments[0] == "-m"
    sys.argv = arguments[1:] if is_module else arguments
    if is_module:
        patch_sklearn()
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return 0
    script = sys.argv[0]
    if not os.path.exists(script):
        print(f"{USAGE}\nthere is no file {script!r}", file=sys.stderr)
        return 2
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    patch_sklearn()
    runpy.run_path(script, run_name="__main__")
    return 0


if __name__ == "__main__":
    # The state of patches belongs to the module of this name, not to the program's.
    from fastce.patch import main as of_module

    sys.exit(of_module(sys.argv[1:]))
