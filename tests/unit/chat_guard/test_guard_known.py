"""Stepping aside: unknown code, code that is fixed, code that is not installed, and trouble of our own."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from chat_guard import known
from chat_guard.known import Patch, fingerprint, put_in_place

LOG = logging.getLogger("test")


def upstream() -> str:
    return "what is replaced"


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, list[str]]]:
    """Offer a patch of `upstream`; return the outcome and what was installed."""
    monkeypatch.setitem(known.KNOWN, upstream.__qualname__, {fingerprint(upstream): "this version"})

    def offer(needed: bool = True, replaces: Callable[[], str] = upstream) -> tuple[str, list[str]]:
        installed: list[str] = []
        patch = Patch("p", [replaces], lambda: installed.append("yes"), lambda: needed)
        return put_in_place("p", lambda: patch, LOG), installed

    return offer


def test_known_code_that_needs_it_is_replaced(put: Callable[..., tuple[str, list[str]]]) -> None:
    assert put() == ("active", ["yes"])


def test_fixed_code_is_left_alone(put: Callable[..., tuple[str, list[str]]]) -> None:
    assert put(needed=False) == ("not needed", [])


def test_unknown_code_is_left_alone(put: Callable[..., tuple[str, list[str]]]) -> None:
    def upstream() -> str:
        return "another version"

    assert put(replaces=upstream) == ("unknown code", [])


def test_code_without_a_source_is_unknown() -> None:
    assert fingerprint(len) == "no source"


def test_code_that_is_not_installed_needs_nothing() -> None:
    def prepare() -> Patch:
        raise ImportError(name="jupyterlab_chat")

    assert put_in_place("p", prepare, LOG) == "not needed"


def test_trouble_of_our_own_never_stops_the_server() -> None:
    def prepare() -> Patch:
        raise AttributeError("upstream has moved")

    assert put_in_place("p", prepare, LOG) == "unknown code"
