"""The driver of losses that bring a row function of their own; its losses are in test_protocol."""

import inspect

from fastce._kernels import protocol, soft_targets


def test_scratch_memory_is_what_the_protocol_names():
    arrays = set(protocol.Scratch._fields) - {"rows"}
    assert soft_targets.WORK_ROWS == len(arrays)


def test_the_driver_passes_what_a_loss_takes():
    names = list(inspect.signature(protocol.rows_of_step).parameters)
    assert names == ["loss", "rows", "value", "grad", "hess", "scratch"]
