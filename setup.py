"""Build of the Cython extensions; everything else about the package is in pyproject.toml."""

import glob
import os
import sys
import tempfile

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

# For tests: reads and writes out of bounds and undefined operations end the process. Python must be
# started with LD_PRELOAD=libasan.so.
DEBUG = os.environ.get("FASTCE_DEBUG", "") not in ("", "0")
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
NATIVE = "fastce/_native"
SOURCES = sorted(glob.glob(f"{NATIVE}/simd/*") + glob.glob(f"{NATIVE}/*.pxd"))
# What these bring is taken back: NaN, infinities, subnormal numbers and the order of sums are part
# of what is promised. Linked with them, a library would even change the arithmetic of the process.
FAST_MATH = (
    "-Ofast",
    "-ffast-math",
    "-funsafe-math-optimizations",
    "-ffinite-math-only",
    "-fassociative-math",
    "-freciprocal-math",
)
# The last of opposite options counts. Products and sums are fused where the code says so
# (add_product), so that compilers agree; -fno-math-errno only drops errno.
FLAGS = [
    "-O3",
    "-g0",
    "-fno-fast-math",
    "-fno-unsafe-math-optimizations",
    "-fno-finite-math-only",
    "-fno-associative-math",
    "-fno-reciprocal-math",
    "-fsigned-zeros",
    "-fno-math-errno",
    "-ffp-contract=off",
    "-fvisibility=hidden",
]
NEEDED = (
    "fastce is built from source here, which needs a C++17 compiler: g++ 9, clang++ 10, Visual "
    "Studio 2019, or newer (CXX names another one)."
)
PROBE = """
template <class T> constexpr bool is_wide()
{
    if constexpr (sizeof(T) == 8)
        return true;
    else
        return false;
}
static_assert(is_wide<double>() && !is_wide<float>());
"""


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
        """Add the flags of the compiler at hand, and stop with a sentence if it knows no C++17."""
        if self.compiler.compiler_type == "msvc":
            flags, cxx_flags = ["/O2", "/fp:precise"], ["/std:c++17", "/Zc:preprocessor"]
        else:
            flags, cxx_flags = list(FLAGS), ["-std=c++17"]
            if DEBUG:
                flags += ["-O2", "-fno-omit-frame-pointer", *SANITIZERS]
                for extension in self.extensions:
                    extension.extra_link_args = SANITIZERS
            self.clean_linkers()
        self.require_cxx17(cxx_flags)
        for extension in self.extensions:
            extension.extra_compile_args = flags + cxx_flags
        super().build_extensions()

    def clean_linkers(self):
        """Take options away that must not reach the linker.

        Some Pythons hand on the folder they were linked in; a wheel should not carry the build
        machine's paths. With -ffast-math, GCC links code that makes subnormal numbers 0.
        """
        for name in ("linker_so", "linker_so_cxx"):
            linker = getattr(self.compiler, name, None) or []
            kept = [
                part
                for part in linker
                if part not in FAST_MATH and not part.startswith("-Wl,-rpath")
            ]
            setattr(self.compiler, name, kept)

    def require_cxx17(self, flags):
        """Compile a few lines of C++17, or end with one sentence."""
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "probe.cpp")
            with open(source, "w", encoding="utf-8") as file:
                file.write(PROBE)
            try:
                self.compiler.compile([source], output_dir=folder, extra_postargs=flags)
            except CompileError:
                raise SystemExit(NEEDED) from None

    def run(self):
        """Build, then copy the modules beside the sources."""
        super().run()
        if not self.inplace and not self.editable_mode:
            self.copy_extensions_to_source()


def extension(name):
    """Return the extension module ``fastce._native.<name>``, rebuilt when its sources change."""
    kernels = f"{NATIVE}/simd/{name}.cpp"
    return Extension(
        f"fastce._native.{name}",
        [f"{NATIVE}/{name}.pyx", *([kernels] if os.path.exists(kernels) else [])],
        include_dirs=[NATIVE, np.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        depends=SOURCES,
        language="c++",
    )


setup(
    ext_modules=cythonize(
        [
            extension(name)
            for name in (
                "cpu",
                "gather",
                "launch",
                "products",
                "row_kernels",
                "rowwise",
                "scans",
                "tiles",
                "usual",
                "usual_elements",
                "usual_nll",
            )
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
