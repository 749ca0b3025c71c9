"""Build of the Cython extensions; everything else about the package is in pyproject.toml."""

import os
import sys

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# For tests: reads and writes out of bounds and undefined operations end the process. Python must be
# started with LD_PRELOAD=libasan.so.
DEBUG = os.environ.get("FASTCE_DEBUG", "") not in ("", "0")
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
HEADERS = sorted(
    f"fastce/_native/simd/{name}"
    for name in os.listdir("fastce/_native/simd")
    if name.endswith(".h")
)


class BuildExtensions(build_ext):
    """Picks flags by compiler, and leaves the built modules beside the sources as well.

    In the root of a checkout the folder ``fastce`` shadows the installed package, so ``pip install
    .`` followed there by ``python -m fastce`` would find sources without extension modules. An
    in-place copy makes both ways of installing behave alike.
    """

    def finalize_options(self):
        """Compile the extensions at the same time, unless told otherwise."""
        super().finalize_options()
        self.parallel = True if self.parallel is None else self.parallel

    def build_extensions(self):
        """Add the optimisation flags of the compiler at hand."""
        if self.compiler.compiler_type == "msvc":
            flags = ["/O2", "/std:c11", "/Zc:preprocessor"]
        else:
            # No -ffast-math: NaN and inf must behave. -fno-math-errno only drops errno.
            flags = ["-O3", "-std=gnu11", "-fno-math-errno", "-g0"]
            if DEBUG:
                # -O2 fuses products and sums as -O3 does: without that, the exponential of AVX-512
                # is off by more than a unit of the last place.
                flags += ["-O2", "-fno-omit-frame-pointer", *SANITIZERS]
                for extension in self.extensions:
                    extension.extra_link_args = SANITIZERS
            # Some Pythons hand on the folder they were linked in; a wheel should not carry the
            # build machine's paths.
            linker = self.compiler.linker_so
            self.compiler.linker_so = [part for part in linker if not part.startswith("-Wl,-rpath")]
        for extension in self.extensions:
            extension.extra_compile_args = flags
        super().build_extensions()

    def run(self):
        """Build, then copy the modules beside the sources."""
        super().run()
        if not self.inplace and not self.editable_mode:
            self.copy_extensions_to_source()


def extension(name, **options):
    """Return the extension module ``fastce._native.<name>``, rebuilt when a header changes."""
    return Extension(
        f"fastce._native.{name}",
        [f"fastce/_native/{name}.pyx"],
        include_dirs=["fastce/_native", np.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        depends=HEADERS,
        **options,
    )


setup(
    ext_modules=cythonize(
        [
            extension(name)
            for name in ("cpu", "gather", "launch", "products", "rowwise", "scans", "usual")
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": DEBUG,
            "initializedcheck": DEBUG,
            "cdivision": True,
            "embedsignature": True,
            "freethreading_compatible": True,
        },
        quiet="-v" not in sys.argv,
    ),
    cmdclass={"build_ext": BuildExtensions},
)
