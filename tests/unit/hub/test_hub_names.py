"""Two students never share a container or a volume, whatever their names are."""

from __future__ import annotations

import itertools
import re
import sys

import pytest

from jelai_hub.names import LONGEST, label_name, safe_name

GATE = re.compile(r"(?:[a-z0-9]|-[0-9a-f]{2})+")
"""What the filter before Docker takes for a student's name."""

ALIKE = [
    "ada",
    "ada-x",
    "ada-2dx",
    "ada-2d2dx",
    "ada--x",
    "ada_x",
    "ada.x",
    "ada x",
    "adä",
    "ada\u0308",
    "adа",  # the last letter is Cyrillic
    "-ada",
    "2dada",
    "ada@example.org",
    "ada-40example-2eorg",
    "{username}",
    "../ada",
    "ADA",
    "-41-44-41",
]


def test_names_that_differ_only_in_escaping_stay_apart() -> None:
    made = [safe_name(name) for name in ALIKE]
    assert len(set(made)) == len(ALIKE)


def test_every_short_name_of_letters_hyphens_and_digits_has_a_name_of_its_own() -> None:
    names = ["".join(letters) for count in range(1, 6) for letters in itertools.product("a2d-é", repeat=count)]
    assert len({safe_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", [*ALIKE, "x" * 255, "ä" * 255, "-" * 200])
def test_docker_and_the_filter_take_the_name(name: str) -> None:
    made = safe_name(name)
    assert GATE.fullmatch(made) and len(made) <= LONGEST
    assert len(f"jelai-home-{made}".encode()) <= 255


def test_long_names_that_begin_alike_stay_apart() -> None:
    long = "ü" * 100
    assert len({safe_name(long), safe_name(long + "a"), safe_name(long + "b")}) == 3


def test_nobody_can_take_the_name_that_a_long_name_is_shortened_to() -> None:
    short = safe_name("ü" * 100)
    assert short.startswith("-ff")
    letters = map(chr, range(sys.maxunicode + 1))
    assert not any(safe_name(letter).startswith("-ff") for letter in letters)


def test_the_label_is_the_students_own_name_unless_that_is_too_long() -> None:
    assert label_name("ada@example.org") == "ada@example.org"
    assert label_name("ü" * 100) == safe_name("ü" * 100)
