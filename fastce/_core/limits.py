"""How many threads a process should start: the smallest of what its system and its user say.

A container may see all cores of its machine and be given the time of two by a quota of its control
group (cgroup): more threads than that take turns, and a parallel region waits for the last one.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path


def limits(root: Path = Path("/")) -> dict[str, int]:
    """Return every limit that there is, by name; at least that of the cores.

    `root` is where the files of the system are.
    """
    found = {"cores": os.cpu_count() or 1}
    if hasattr(os, "sched_getaffinity"):
        found["affinity"] = len(os.sched_getaffinity(0))
    quota = _quota(root)
    if quota < math.inf:
        found["cgroup quota"] = math.ceil(quota)  # as joblib rounds it
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        # OpenMP's may be a list, a number for each level of nested regions
        text = os.environ.get(name, "").partition(",")[0].strip()
        if text.isdecimal():
            found[name] = int(text)
    return {name: max(1, n) for name, n in found.items()}


def _quota(root: Path) -> float:
    """Return how many cores' time the control groups of this process have, inf without a limit.

    Those of version 2 (``cpu.max``) and 1 (``cpu.cfs_quota_us``), each from the process's own group
    up to the one that is mounted, since the smallest of them holds.
    """
    quota = math.inf
    for folder in _groups(root):
        try:
            if (folder / "cpu.max").exists():
                allowed, period = (folder / "cpu.max").read_text().split()
            else:
                allowed = (folder / "cpu.cfs_quota_us").read_text()
                period = (folder / "cpu.cfs_period_us").read_text()
            if float(allowed) > 0:  # -1 says that there is none in version 1
                quota = min(quota, float(allowed) / float(period))
        except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
            continue
    return quota


def _groups(root: Path) -> Iterator[Path]:
    try:
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    groups = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    for mount in mounts:
        fields, _, kind = mount.partition(" - ")
        mounted_group, place = fields.split()[3:5]
        kind, _, options = kind.split(" ", 2)
        for _, controllers, group in groups:
            is_cpu = kind == "cgroup2" and not controllers
            if kind == "cgroup":
                is_cpu = "cpu" in controllers.split(",") and "cpu" in options.split(",")
            if is_cpu:
                # a container may see its own group only, mounted as if it were the uppermost
                inside = group.removeprefix(mounted_group.rstrip("/")).strip("/")
                top = root / place.strip("/")
                for depth in range(inside.count("/") + 1 if inside else 0, 0, -1):
                    yield top / "/".join(inside.split("/")[:depth])
                yield top
