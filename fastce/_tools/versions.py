"""What runs here: `show_versions`."""

import importlib.metadata
import os
import platform

# The packages whose releases matter to a bug report.
_PACKAGES = ("fastce", "numpy", "scipy", "scikit-learn", "numba", "llvmlite")
# Instruction sets that compiled code may use, by LLVM's names.
_FEATURES = (
    "sse4.2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512dq",
    "avx512vl",
    "avx512bw",
    "avx512bf16",
    "neon",
    "sve",
    "sve2",
)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _facts() -> dict[str, str]:
    """Return what `show_versions` prints, name -> value."""
    import llvmlite.binding
    import numba

    from .._core.jit import cache_folder
    from .._core.threads import decision
    from .._native import cpu

    facts = {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
    }
    facts.update((package, _version(package)) for package in _PACKAGES)

    numba.get_num_threads()  # starts Numba's threads, and with them the layer is chosen
    n_threads, decided_by = decision()
    facts["threads"] = f"{n_threads} of {os.cpu_count()} cores, decided by {decided_by}"
    facts["threading layer"] = numba.threading_layer()

    features = llvmlite.binding.get_host_cpu_features()
    facts["cpu"] = llvmlite.binding.get_host_cpu_name()
    facts["cpu features"] = (
        " ".join(name for name in _FEATURES if features.get(name)) or "none of those known here"
    )
    facts["compiled variant"] = cpu.variant()
    facts["cache folder"] = cache_folder() or "none: compiled anew in each process"
    return facts


def show_versions() -> None:
    """Print versions, threads, processor and cache folder: what a bug report needs.

    Starts Numba's threads, so that the threading layer printed is the one in use.

    See Also
    --------
    warmup : compile everything now.

    Examples
    --------
    >>> import fastce
    >>> fastce.show_versions()  # doctest: +ELLIPSIS
    python            3...
    cache folder      ...
    """
    facts = _facts()
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        print(f"{name:<{width}}{value}")
