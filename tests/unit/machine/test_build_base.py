"""Settings of the base image, without building it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import build_base
import pytest


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_base, "WORK", tmp_path)
    for name in ("APT_MIRROR", "APT_SECURITY_MIRROR", "DEBIAN_IMAGE", "EXTRA_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def test_a_mirror_of_the_operators_is_used_in_place_of_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APT_MIRROR", "https://mirror.example/debian/")
    monkeypatch.setenv("APT_SECURITY_MIRROR", "https://mirror.example/security")
    suites = [line.split()[-3:-1] for line in build_base.host_sources("trixie").splitlines()]
    assert suites == [
        ["https://mirror.example/debian", "trixie"],
        ["https://mirror.example/debian", "trixie-updates"],
        ["https://mirror.example/security", "trixie-security"],
    ]


def test_an_official_image_without_a_digest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBIAN_IMAGE", "debian:trixie-slim")
    with pytest.raises(build_base.BaseError, match="by digest"):
        build_base.read_recipe()


def test_another_mirror_is_another_input(monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_base.read_recipe().digest()
    assert build_base.read_recipe().digest() == before
    monkeypatch.setenv("APT_MIRROR", "https://mirror.example/debian")
    assert build_base.read_recipe().digest() != before


def test_an_extra_ca_is_added_to_the_systems_and_does_not_replace_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = tmp_path / "proxy.pem"
    extra.write_text("-----BEGIN CERTIFICATE-----\nproxy\n")
    monkeypatch.setenv("EXTRA_CA_BUNDLE", str(extra))
    option = next(line for line in build_base.apt_options() if "CAInfo" in line)
    bundle = Path(option.split('"')[1]).read_text()
    assert "proxy" in bundle and bundle.count("BEGIN CERTIFICATE") > 1


def test_a_program_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(build_base.BaseError, match="no mirror today"):
        build_base.run("sh", "-c", "echo no mirror today >&2; exit 3")


def test_a_program_that_is_missing_is_told_with_what_installs_it() -> None:
    with pytest.raises(build_base.BaseError, match="make images"):
        build_base.run("mmdebstrap-of-another-world")


def test_no_address_of_a_mirror_is_in_the_repository() -> None:
    """The recipe takes mirrors from the host, so that a closed network works without a change."""
    tracked = subprocess.run(
        ["git", "ls-files", "images/base", "ansible", "scripts"],
        capture_output=True,
        text=True,
        check=True,
        cwd=build_base.ROOT,
    )
    hosts = ("deb." + "debian.org", "pypi." + "org", "registry." + "npmjs")
    for name in tracked.stdout.split():
        text = (build_base.ROOT / name).read_text(errors="replace")
        assert not [host for host in hosts if host in text], name
