"""Which transport reaches a chat: the whole ladder."""

from __future__ import annotations

import builtins
import itertools
from typing import Any

import pytest

from chat_interact import mode
from chat_interact.server import Rtc

OFF = Rtc(False, None)
YDOC = Rtc(True, "jupyter_server_ydoc")
DOCUMENTS = Rtc(True, "jupyter_server_documents")
NEWER = Rtc(True, "something_newer")
NO_CHAT = Rtc(False, None, chat=False)


@pytest.mark.parametrize(
    ("setting", "layer", "reachable", "rtc", "live", "transport", "words"),
    [
        ("auto", True, False, None, None, "file", "no notebook server"),
        ("false", False, False, None, None, "file", "no notebook server"),
        ("auto", True, None, None, None, "waiting", "does not answer"),
        ("auto", True, True, None, None, "waiting", "does not answer"),
        ("auto", True, True, NO_CHAT, None, "file", "no chat extension"),
        ("auto", True, True, YDOC, True, "room", "jupyter_server_ydoc"),
        ("auto", True, True, YDOC, False, "room", "jupyter_server_ydoc"),
        ("true", True, True, DOCUMENTS, None, "room", "jupyter_server_documents"),
        ("false", True, True, YDOC, True, "room", "has no bridge"),
        ("false", True, True, YDOC, False, "room", "until it restarts"),
        ("auto", False, True, YDOC, True, "waiting", "layer is not installed"),
        ("auto", False, True, YDOC, None, "waiting", "layer is not installed"),
        ("true", False, True, YDOC, False, "file", "nobody has the chat open"),
        ("auto", True, True, NEWER, True, "waiting", "something_newer is not known"),
        ("auto", True, True, OFF, True, "socket", "without collaboration"),
        ("auto", False, True, OFF, None, "socket", "without collaboration"),
        ("false", True, True, OFF, False, "socket", "USE_YDOC_CHAT=false"),
        ("true", True, True, OFF, None, "socket", "USE_YDOC_CHAT=true, but"),
        ("true", False, True, OFF, None, "socket", "layer is not installed"),
    ],
)
def test_the_ladder(
    setting: str, layer: bool, reachable: bool | None, rtc: Rtc | None, live: bool | None, transport: str, words: str
) -> None:
    chosen = mode.choose(setting, layer, reachable, rtc, live)
    assert chosen.transport == transport
    assert words in chosen.reason


@pytest.mark.parametrize(
    ("setting", "layer", "rtc", "transport", "bridge", "words"),
    [
        ("false", True, YDOC, "socket", True, "USE_YDOC_CHAT=false; through the notebook server's room, which owns"),
        ("false", False, YDOC, "socket", True, "USE_YDOC_CHAT=false; through the notebook server's room"),
        ("auto", False, YDOC, "socket", True, "the YDoc layer is not installed; through the notebook server's room"),
        ("auto", True, YDOC, "room", False, "runs collaboration"),
        ("true", True, YDOC, "room", False, "runs collaboration"),
        ("false", True, OFF, "socket", False, "runs without collaboration"),
        ("false", True, DOCUMENTS, "room", False, "has no bridge"),
        ("false", True, NO_CHAT, "file", False, "no chat extension"),
    ],
)
def test_the_bridge_is_taken_where_yjs_shall_not_or_cannot_be_used(
    setting: str, layer: bool, rtc: Rtc, transport: str, bridge: bool, words: str
) -> None:
    chosen = mode.choose(setting, layer, True, rtc, True, bridge=True)
    assert (chosen.transport, chosen.bridge) == (transport, bridge)
    assert words in chosen.reason


def test_a_chat_is_reached_in_the_same_way_whatever_the_reason() -> None:
    room = mode.Mode("room", "one reason")
    assert room.goes_like(mode.Mode("room", "another"))
    assert not room.goes_like(mode.Mode("socket", "one reason", bridge=True))
    assert not mode.Mode("socket", "x").goes_like(mode.Mode("socket", "x", bridge=True))


def test_the_file_is_never_written_while_a_server_may_own_the_chat() -> None:
    servers: list[Any] = [None, OFF, YDOC, DOCUMENTS, NEWER]
    switches = (("auto", "true", "false"), (True, False), (True, None), servers, (True, None), (True, False))
    for setting, layer, reachable, rtc, live, bridge in itertools.product(*switches):
        assert mode.choose(setting, layer, reachable, rtc, live, bridge).transport != "file"


def test_the_lines_that_operators_grep_for() -> None:
    assert mode.log_line("auto", True) == "YDoc dependencies found"
    assert mode.log_line("true", False) == "YDoc dependencies not available - falling back to original implementation"
    assert mode.log_line("false", True) == "USE_YDOC_CHAT disabled - using original implementation"


def test_a_layer_that_cannot_be_imported_is_no_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mode.ydoc_layer()
    real = builtins.__import__

    def broken(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pycrdt":
            raise ImportError("undefined symbol")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    assert not mode.ydoc_layer()
    assert mode.ydoc_layer(used=False), "a layer that is not to be used was imported"
