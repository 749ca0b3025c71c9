"""The C++ headers: each opens on its own, and 16-bit floats are converted as they should be."""

import ast
import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastce._native import cpu

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SIMD = ROOT / "fastce" / "_native" / "simd"
HEADERS = sorted(path.name for path in SIMD.glob("*.h"))
COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)]
SETS = {"scalar.h", "sse2.h", "neon.h", "avx2.h", "avx512.h"}

pytestmark = pytest.mark.skipif(not HEADERS, reason="the C++ sources are not here")


def compile_text(text, *flags, compiler="g++"):
    command = [compiler, "-std=c++17", "-I", str(SIMD), *flags, "-x", "c++", "-fsyntax-only", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("header", HEADERS)
def test_each_header_compiles_on_its_own(header, compiler):
    command = [compiler, "-std=c++17", "-pedantic-errors", "-fsyntax-only", "-x", "c++"]
    done = subprocess.run(
        [*command, str(SIMD / header)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_intrinsics_stand_in_the_files_of_the_sets_only():
    allowed = SETS | {"cpu.h", "target.h"}
    for path in SIMD.iterdir():
        text = path.read_text()
        extensions = "vector_size|__builtin_convertvector|__builtin_shuffle|ext_vector_type"
        assert not re.search(extensions, text), path
        if path.name not in allowed:
            assert not re.search(r"\b_mm\d*_|__m(128|256|512)|\bv\w+q?_[fsu](16|32|64)\(", text), (
                path
            )


def flags_of_setup():
    tree = ast.parse((ROOT / "setup.py").read_text())
    return next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "FLAGS"
    )


@pytest.mark.skipif("g++" not in COMPILERS, reason="needs g++")
@pytest.mark.parametrize(
    "flag", ["-ffast-math", "-Ofast", "-ffinite-math-only", "-funsafe-math-optimizations"]
)
def test_fast_math_is_taken_back_and_stopped_where_it_is_not(flag):
    # GCC defines no macro for -funsafe-math-optimizations alone; only the first defence is left
    if flag != "-funsafe-math-optimizations":
        refused = compile_text('#include "target.h"', flag)
        assert refused.returncode != 0
        assert "-fno-fast-math" in refused.stderr
    taken_back = compile_text('#include "target.h"', flag, *flags_of_setup())
    assert taken_back.returncode == 0, taken_back.stderr


@pytest.mark.skipif("g++" not in COMPILERS, reason="needs g++")
@pytest.mark.skipif(cpu.names()[-1] != "avx512", reason="x87 is part of x86")
def test_arithmetic_wider_than_the_type_is_refused_with_the_remedy():
    refused = compile_text('#include "target.h"', "-mfpmath=387")
    assert refused.returncode != 0
    assert "-msse2 -mfpmath=sse" in refused.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="names a compiler by CXX")
def test_without_a_compiler_the_build_ends_with_a_sentence(tmp_path):
    pytest.importorskip("Cython")
    done = subprocess.run(
        [
            *(sys.executable, "setup.py", "--quiet", "build_ext"),
            *("--build-temp", str(tmp_path), "--build-lib", str(tmp_path)),
        ],
        env={"PATH": "/usr/bin:/bin", "CC": "false", "CXX": "false"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert "needs a C++17 compiler" in done.stderr


@pytest.fixture(scope="module")
def conversions(tmp_path_factory):
    """Give the functions of conversions_level.h of every level that this processor has."""
    if "g++" not in COMPILERS:
        pytest.skip("needs g++")
    folder = tmp_path_factory.mktemp("conversions")
    source, library = folder / "conversions.cpp", folder / "conversions.so"
    source.write_text(
        f'#define SIMD_KERNELS "{HERE / "conversions_level.h"}"\n#include "levels.h"\n'
        'extern "C" const fastce::function *list(int level)\n'
        "{ return fastce::functions_of_level(level); }\n"
    )
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-I", str(SIMD)]
    subprocess.run(["g++", *flags, str(source), "-o", str(library)], check=True)

    class Function(ctypes.Structure):
        _fields_ = (("name", ctypes.c_char_p), ("address", ctypes.c_void_p))

    functions = ctypes.CDLL(str(library)).list
    functions.restype = ctypes.POINTER(Function)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p)
    return [
        {functions(level)[i].name.decode(): call(functions(level)[i].address) for i in range(6)}
        for level in range(cpu.level() + 1)
    ]


def run(function, x, dtype, n=None):
    out = np.zeros(x.size if n is None else 16, dtype)
    function(x.ctypes.data, x.size if n is None else n, out.ctypes.data)
    return out


def floats_between(rng):
    """Return floats around every rounding of float16 and bfloat16, and the ends."""
    halves = np.arange(0x10000, dtype=np.uint16).view(np.float16).astype(np.float32)
    halves = np.sort(halves[np.isfinite(halves)])
    middles = (halves[1:] + halves[:-1]) / 2
    odd = [0.0, -0.0, np.inf, -np.inf, 65519.99, 65520, 7e4, 3e38, 2.0**-25, 2.0**-24, 1e-45]
    some = rng.integers(0, 2**32, 100_001, dtype=np.uint32).view(np.float32)
    parts = [halves, middles, np.nextafter(middles, np.float32(np.inf))]
    parts += [np.nextafter(middles, -np.float32(np.inf)), np.array(odd, np.float32), some]
    return np.concatenate(parts).astype(np.float32)


def test_every_level_compiles_float16_to_float32_and_back(conversions, rng):
    bits = np.arange(0x10000, dtype=np.uint16)
    halves = bits.view(np.float16)
    x = floats_between(rng)
    with np.errstate(all="ignore"):
        narrowed = x.astype(np.float16)
    for functions in conversions:
        np.testing.assert_array_equal(
            run(functions["widen_float16"], halves, np.float32), halves.astype(np.float32)
        )
        got = run(functions["narrow_float16"], x, np.float16)
        np.testing.assert_array_equal(got, narrowed)
        kept = ~np.isnan(narrowed)
        assert (np.signbit(got) == np.signbit(narrowed))[kept].all()


def test_every_level_compiles_bfloat16_to_float32_and_back(conversions, rng):
    bits = np.arange(0x10000, dtype=np.uint16)
    x = floats_between(rng)
    raw = x.view(np.uint32).astype(np.uint64)
    nearest = ((raw + 0x7FFF + ((raw >> 16) & 1)) >> 16).astype(np.uint16)
    for functions in conversions:
        widened = run(functions["widen_bfloat16"], bits, np.float32)
        np.testing.assert_array_equal(widened.view(np.uint32), bits.astype(np.uint32) << 16)
        got = run(functions["narrow_bfloat16"], x, np.uint16)
        nan = np.isnan(x)
        np.testing.assert_array_equal(got[~nan], nearest[~nan])
        assert np.isnan((got[nan].astype(np.uint32) << 16).view(np.float32)).all()


@pytest.mark.parametrize("n", range(17))
def test_every_level_compiles_partial_loads_of_16_bits(conversions, n):
    x = np.arange(1, 17, dtype=np.float16)
    as_bfloat16 = (x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    want = np.where(np.arange(16) < n, x.astype(np.float32), 7)
    for functions in conversions:
        assert (run(functions["fill_float16"], x, np.float32, n) == want).all()
        assert (run(functions["fill_bfloat16"], as_bfloat16, np.float32, n) == want).all()
