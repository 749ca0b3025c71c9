"""The instruction set in use: the best one of the processor, unless FASTCE_CPU lowers it."""

import os
import subprocess
import sys

import pytest

from fastce._native import cpu

# what users could set before there were names of instruction sets, and the level that it means
FORMER_NAMES = {"baseline": 1, "v3": 2, "v4": 3}


def level_with(wanted):
    code = "from fastce._native import cpu; print(cpu.level())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"FASTCE_CPU": wanted},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


def test_level_and_variant_name_the_same_instruction_set():
    assert cpu.names()[cpu.level()] == cpu.variant()


def test_the_lowest_level_is_scalar_and_every_processor_has_the_second():
    assert cpu.names()[0] == "scalar"
    assert level_with("") >= min(1, len(cpu.names()) - 1)


@pytest.mark.parametrize("wanted", cpu.names())
def test_the_environment_lowers_the_level_and_never_raises_it(wanted):
    assert level_with(wanted) == min(cpu.names().index(wanted), level_with(""))


@pytest.mark.parametrize("wanted", FORMER_NAMES)
def test_the_names_of_before_are_understood(wanted):
    assert level_with(wanted) == min(FORMER_NAMES[wanted], level_with(""))
