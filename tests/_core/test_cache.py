"""Compiled kernels on disk: results do not depend on who filled the cache or damaged it."""

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastce
from fastce._core.cache import CacheFile

# One kernel, serial; and then parallel as well.
SERIAL = """
import numpy as np, fastce
rng = np.random.default_rng(0)
x, y = rng.standard_normal((40000, 3)), rng.integers(0, 3, 40000)
print(fastce.cross_entropy(x[:9], y[:9], z_loss=0.5).hex())
"""
BOTH = SERIAL + "print(fastce.cross_entropy(x, y).hex())"

# One kernel in another, and four signatures: every process begins with another one.
TOY = """
from fastce._core.jit import kernel

@kernel
def square(x):
    return x * x

@kernel
def sum_of_squares(x):
    total = 0.0
    for i in range(x.size):
        total += square(x[i])
    return total
"""
SIGNATURES = """
import numpy as np
from toy import sum_of_squares
found = {{}}
for i in range(4):
    dtype = ["f4", "f8", "i4", "i8"][({first} + i) % 4]
    found[dtype] = sum_of_squares(np.array([1 + 2**-20, 3]).astype(dtype))
print(*sorted(found.items()))
"""
# The exact sums, which float64 holds; 2**-40 is lost where a square is a float32.
SUMS = (("f4", 10 + 2**-19), ("f8", 10 + 2**-19 + 2**-40), ("i4", 10.0), ("i8", 10.0))
# Of eight processes each that meet on an empty cache.
ROUNDS = int(os.environ.get("FASTCE_ROUNDS", "1"))


def start(folder, code=BOTH, **environment):
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(folder),
        "NUMBA_NUM_THREADS": "2",
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Traceback" not in err, err
    return out


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Fill a cache; return the folder and what was computed, serial and then parallel."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, answer(start(folder)).split()


def cut(content):
    return content[: len(content) // 2]


def empty(content):
    return b""


def garbage(content):
    return b"\x80\x05garbage." * 100


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


DAMAGES = [cut, empty, garbage, flip]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_not_taken(tmp_path, damage):
    """Numba's own cache raises EOFError or UnpicklingError, or runs a flipped bit."""
    cache = CacheFile(str(tmp_path), "f", "stamp")
    for data in ("data", list(range(1000)), b"\0" * 10**6):
        cache.save("key", data)
        (path,) = tmp_path.iterdir()
        assert cache.load("key") == data
        path.write_bytes(damage(path.read_bytes()))
        assert cache.load("key") is None


def test_damaged_files_are_compiled_anew(filled, tmp_path):
    """Each in another way."""
    shutil.copytree(filled[0], tmp_path / "cache")
    paths = sorted((tmp_path / "cache").rglob("*.nbc"))
    assert len(paths) >= 2
    for path, damage in zip(paths, itertools.cycle(DAMAGES)):
        path.write_bytes(damage(path.read_bytes()))
    assert answer(start(tmp_path / "cache")).split() == filled[1]
    for path in paths:
        content = path.read_bytes()
        assert content[:32] == hashlib.sha256(content[32:]).digest(), "it was not made anew"


def test_a_cache_for_another_processor_is_left_alone(filled, tmp_path):
    shutil.copytree(filled[0], tmp_path / "cache")
    before = {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.nbc")}
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    other = answer(start(tmp_path / "cache", SERIAL, **generic))
    assert round(float.fromhex(other), 12) == round(float.fromhex(filled[1][0]), 12)
    after = {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.nbc")}
    assert before.items() < after.items(), "code for the other one has files of its own"
    # What is loaded is what was compiled.
    assert answer(start(tmp_path / "cache")).split() == filled[1]
    assert after == {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.nbc")}


def test_files_of_other_sources_are_not_read_and_removed_later(tmp_path):
    old, new = (
        CacheFile(str(tmp_path), "f-1.py311", "old"),
        CacheFile(str(tmp_path), "f-1.py311", "new"),
    )
    neighbour = CacheFile(str(tmp_path), "f-12.py311", "old")
    old.save("key", 1)
    neighbour.save("key", 2)
    assert new.load("key") is None
    new.save("key", 3)
    assert (old.load("key"), new.load("key"), neighbour.load("key")) == (None, 3, 2)
    new.flush()
    assert (new.load("key"), neighbour.load("key")) == (None, 2)


def test_a_file_that_is_another_keys_is_not_taken(tmp_path):
    """As after a collision of names, or when somebody copies files about."""
    cache = CacheFile(str(tmp_path), "f", "stamp")
    cache.save("one", 1)
    cache.save("two", 2)
    os.replace(cache._path("one"), cache._path("two"))
    assert cache.load("two") is None


@pytest.mark.skipif(os.name == "nt", reason="no modes of files here")
def test_others_may_read_a_shared_cache_if_the_umask_lets_them(tmp_path):
    for umask, mode in ((0o022, 0o644), (0o077, 0o600)):
        before = os.umask(umask)
        try:
            CacheFile(str(tmp_path), f"base{umask}", "stamp").save("key", "data")
        finally:
            os.umask(before)
        (path,) = tmp_path.glob(f"base{umask}.*")
        assert path.stat().st_mode & 0o777 == mode


def test_a_folder_that_vanishes_costs_nothing_but_the_cache(tmp_path):
    cache = CacheFile(str(tmp_path / "gone"), "f", "stamp")
    cache.save("key", 1)
    assert cache.load("key") is None


def test_nothing_is_left_where_writing_fails(tmp_path, monkeypatch):
    cache = CacheFile(str(tmp_path), "f", "stamp")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        cache.save("key", 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_eight_processes_meet_on_an_empty_cache(tmp_path, round_):
    """No process loads the code of another signature.

    With Numba's own cache one could: its index and its files are written apart.
    """
    (tmp_path / "toy.py").write_text(TOY)
    paths = os.pathsep.join([str(tmp_path), str(Path(fastce.__file__).parents[1])])
    processes = [
        start(tmp_path / "cache", SIGNATURES.format(first=i), PYTHONPATH=paths) for i in range(8)
    ]
    assert [answer(process) for process in processes] == [f"{' '.join(map(str, SUMS))}\n"] * 8
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(files) == 2 * len(SUMS)
    for path in files:
        content = path.read_bytes()
        assert path.suffix == ".nbc"
        assert content[:32] == hashlib.sha256(content[32:]).digest()


def test_where_nothing_can_be_written_it_says_so_once(filled, tmp_path):
    """A read-only home and package folder.

    Files stand where folders would have to be, since a superuser may write anywhere.
    """
    shutil.copytree(
        Path(fastce.__file__).parent,
        tmp_path / "fastce",
        ignore=shutil.ignore_patterns("__pycache__", "*.c", "*.nb?"),
    )
    (tmp_path / "fastce" / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    home = {
        name: str(tmp_path / "home")
        for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA", "IPYTHONDIR")
    }
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + SERIAL
    process = start(tmp_path / "home" / "cache", code, PYTHONDONTWRITEBYTECODE="1", **home)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert out.split() == filled[1][:1]
    assert err.count("fastce compiles in every process") == 1
