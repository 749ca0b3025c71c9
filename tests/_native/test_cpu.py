"""The instruction set in use: the best one of the processor, unless FASTCE_CPU lowers it."""

import os
import subprocess
import sys

import pytest

from fastce._native import cpu

VARIANTS = ["baseline", "v3", "v4"]


def test_level_and_variant_name_the_same_instruction_set():
    assert VARIANTS[cpu.level()] == cpu.variant()


@pytest.mark.parametrize("wanted", VARIANTS)
def test_the_environment_lowers_the_level_and_never_raises_it(wanted):
    code = "from fastce._native import cpu; print(cpu.level())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"FASTCE_CPU": wanted},
        check=True,
        capture_output=True,
        text=True,
    )
    level = int(done.stdout)
    assert level <= VARIANTS.index(wanted)
    assert level == min(VARIANTS.index(wanted), max(level, cpu.level()))
