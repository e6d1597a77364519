"""Where a host gets Debian from, as apt tells it."""

from __future__ import annotations

from debian_sources import Source, only_release, parse

UPDATED = """\
http://mirror.example/debian/ bookworm main Debian
http://mirror.example/debian/ bookworm non-free Debian
http://mirror.example/debian/ bookworm-updates main Debian
http://mirror.example/debian-security/ bookworm-security main Debian
http://mirror.example/debian/ bookworm-backports main Debian
https://packages.vendor.example/apt bookworm main Vendor
"""
NEVER_UPDATED = "http://mirror.example/debian/ $(CODENAME) main $(ORIGIN)\n"


def test_the_same_mirror_gives_another_release_with_its_updates() -> None:
    assert parse(UPDATED, "bookworm", "trixie") == [
        Source("http://mirror.example/debian", "trixie"),
        Source("http://mirror.example/debian", "trixie-updates"),
        Source("http://mirror.example/debian-security", "trixie-security"),
    ]


def test_a_vendors_repository_with_debians_suite_names_is_not_debian() -> None:
    assert not [source for source in parse(UPDATED, "bookworm", "trixie") if "vendor" in source.uri]


def test_before_the_first_update_nothing_is_taken_for_debian() -> None:
    assert parse(NEVER_UPDATED, "bookworm", "trixie") == []


def test_the_engine_takes_the_release_and_not_its_updates() -> None:
    assert only_release(parse(UPDATED, "bookworm", "trixie")) == [Source("http://mirror.example/debian", "trixie")]


def test_a_source_is_written_in_the_form_that_apt_reads() -> None:
    assert (
        Source("http://m/debian", "trixie").line("[signed-by=/k]") == "deb [signed-by=/k] http://m/debian trixie main"
    )
