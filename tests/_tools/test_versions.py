"""`show_versions`."""

import numpy as np

import fastce
from fastce._core.threads import decision


def test_versions_are_those_installed(capsys):
    fastce.show_versions()
    shown = dict(
        line.split(maxsplit=1)
        for line in capsys.readouterr().out.splitlines()
        if not line.startswith(("threading", "c"))
    )
    assert shown["numpy"] == np.__version__
    assert shown["threads"].startswith(f"{fastce.get_num_threads()} of ")
    assert shown["threads"].endswith(f"decided by {decision()[1]}")
