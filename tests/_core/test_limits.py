"""Limits of threads: of cores, affinity, control groups and the environment."""

import os
from pathlib import Path

import pytest

from fastce._core.limits import limits

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "24 1 0:5 / /dev rw - devtmpfs dev rw\n"
    "33 31 0:30 {root} /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:31 {root} /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
)


@pytest.fixture
def quota(tmp_path, monkeypatch):
    """Give a function that writes files of a system and returns the limit of its quota."""
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)

    def of(mounts, groups, **files):
        paths = {"proc/self/mountinfo": mounts, "proc/self/cgroup": groups}
        for path, text in (paths | files).items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return limits(tmp_path).get("cgroup quota")

    return of


def test_version_2(quota):
    """The group's own limit, and those of the groups that it is in."""
    group = "sys/fs/cgroup/a.slice/b.scope/"
    groups = "0::/a.slice/b.scope\n"
    assert quota(V2, groups) is None
    assert quota(V2, groups, **{group + "cpu.max": "max 100000\n"}) is None
    assert quota(V2, groups, **{group + "cpu.max": "150000 100000\n"}) == 2
    assert quota(V2, groups, **{group + "cpu.max": "1000 100000\n"}) == 1
    assert quota(V2, groups, **{group + "cpu.max": "800000 100000\n"}) == 8
    assert quota(V2, groups, **{"sys/fs/cgroup/a.slice/cpu.max": "300000 100000\n"}) == 3
    assert quota(V2, "0::/\n", **{"sys/fs/cgroup/cpu.max": "400000 100000\n"}) == 4


def test_version_2_of_another_namespace(quota):
    """The path leads nowhere in here, and the limit is at the place of the mount."""
    groups = "0::/../../elsewhere\n"
    assert quota(V2, groups, **{"sys/fs/cgroup/cpu.max": "200000 100000\n"}) == 2


@pytest.mark.parametrize("root", ["/", "/docker/abc"])
def test_version_1(quota, root):
    groups = "12:cpuset:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n"
    place = "sys/fs/cgroup/cpu,cpuacct/" + ("docker/abc/" if root == "/" else "")
    files = {place + "cpu.cfs_period_us": "100000\n", place + "cpu.cfs_quota_us": "-1\n"}
    assert quota(V1.format(root=root), groups, **files) is None
    files[place + "cpu.cfs_quota_us"] = "250000\n"
    assert quota(V1.format(root=root), groups, **files) == 3
    files[place + "cpu.cfs_period_us"] = "0\n"
    assert quota(V1.format(root=root), groups, **files) is None


def test_where_there_are_no_such_files(tmp_path):
    assert "cgroup quota" not in limits(tmp_path)
    assert limits(tmp_path)["cores"] == (os.cpu_count() or 1)
    assert all(n >= 1 for n in limits(Path("/")).values())


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", 3), (" 7,2", 7), ("0", 1), ("many", None), ("", None), ("-1", None), ("1.5", None)],
)
def test_the_environment(monkeypatch, tmp_path, name, text, expected):
    monkeypatch.setenv(name, text)
    assert limits(tmp_path).get(name) == expected
