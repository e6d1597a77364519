"""A container's memory, from control groups of either version."""

from __future__ import annotations

from pathlib import Path

import pytest
from release.memory import folder, of_process

FIRST = "17:perf_event:/\n4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n"
SECOND = "0::/system.slice/docker-abc.scope\n"


@pytest.mark.parametrize(
    ("membership", "place"),
    [
        (FIRST, "memory/docker/abc"),
        ("4:hugetlb,memory:/docker/abc\n", "memory/docker/abc"),
        (SECOND, "system.slice/docker-abc.scope"),
        ("17:perf_event:/\n", None),
        ("0::/a:b\n", "a:b"),
    ],
)
def test_the_group_that_counts_memory(membership: str, place: str | None) -> None:
    assert folder(membership, Path("/c")) == (Path("/c") / place if place else None)


def host(tmp_path: Path, membership: str, place: str, **files: str) -> tuple[Path, Path]:
    group = tmp_path / "cgroup" / place
    group.mkdir(parents=True)
    for name, text in files.items():
        (group / name.replace("__", ".")).write_text(text)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_text(membership)
    return tmp_path, tmp_path / "cgroup"


def test_version_two_without_what_is_only_cache(tmp_path: Path) -> None:
    stat = "anon 700\nfile 300\ninactive_file 250\n"
    at = host(tmp_path, SECOND, "system.slice/docker-abc.scope", memory__current="1000\n", memory__stat=stat)
    assert of_process(7, *at) == 750


def test_version_one_without_what_is_only_cache(tmp_path: Path) -> None:
    stat = "inactive_file 1\ntotal_inactive_file 300\n"
    at = host(tmp_path, FIRST, "memory/docker/abc", memory__usage_in_bytes="1000\n", memory__stat=stat)
    assert of_process(7, *at) == 700


def test_what_the_host_does_not_tell_is_not_known(tmp_path: Path) -> None:
    at = host(tmp_path, SECOND, "elsewhere")
    assert of_process(7, *at) is None and of_process(8, *at) is None and of_process(0, *at) is None
    (tmp_path / "7" / "cgroup").write_text("nonsense")
    assert of_process(7, *at) is None
