"""Which transport reaches a chat, and why. Pure, but for the question whether the YDoc layer can be imported.

The server decides, not the setting: what owns a chat must be spoken to in its own way, or messages are lost. So
`USE_YDOC_CHAT=false` does not keep Juno out of a room: a server that still runs collaboration (a quick rollback
reaches Juno at once, but servers at their next start) owns its chats until it restarts, and a write to the file behind
its back loses what students write at that moment. Only where nobody owns the chat may the file be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .server import DOCUMENTS, YDOC, Rtc

FOUND = "YDoc dependencies found"
NOT_AVAILABLE = "YDoc dependencies not available - falling back to original implementation"
DISABLED = "USE_YDOC_CHAT disabled - using original implementation"
"""The lines that operators grep for; the migration guide has them."""

PROVIDERS = frozenset({YDOC, DOCUMENTS})


@dataclass(frozen=True, slots=True)
class Mode:
    """The transport to take and the reason, in words for an operator."""

    transport: Literal["room", "socket", "file", "waiting"]
    reason: str


def ydoc_layer() -> bool:
    """Tell whether the YDoc layer works: really imports it, since a broken one is as bad as none."""
    try:
        import pycrdt  # noqa: F401
    except ImportError:
        return False
    return True


def log_line(setting: str, ydoc_layer: bool) -> str:
    """Return the guide's line for this start."""
    if setting == "false":
        return DISABLED
    return FOUND if ydoc_layer else NOT_AVAILABLE


def choose(
    setting: str,
    ydoc_layer: bool,
    server_reachable: bool | None,
    rtc: Rtc | None,
    chat_live: bool | None,
) -> Mode:
    """Return how to reach a chat.

    `server_reachable`: True answers; False nothing listens there; None it does not answer, but may well live.
    `chat_live`: True or False as chat_guard says; None when nobody can tell.
    """
    if server_reachable is False:
        return Mode("file", "no notebook server runs, the file is all there is")
    if server_reachable is None or rtc is None:
        return Mode("waiting", "the notebook server does not answer, but may hold the chat open")
    if not rtc.chat:
        return Mode("file", "the notebook server has no chat extension, the file is all there is")
    if rtc.enabled:
        return _with_rtc(setting, ydoc_layer, rtc, chat_live)
    return Mode("socket", _why_socket(setting, ydoc_layer))


def _with_rtc(setting: str, ydoc_layer: bool, rtc: Rtc, chat_live: bool | None) -> Mode:
    if rtc.provider in PROVIDERS and ydoc_layer:
        if setting == "false":
            return Mode(
                "room",
                f"USE_YDOC_CHAT=false, but the notebook server still runs collaboration ({rtc.provider}): "
                "until it restarts, its room is the only way that loses no message",
            )
        return Mode("room", f"the notebook server runs collaboration ({rtc.provider})")
    lack = "the YDoc layer is not installed" if rtc.provider in PROVIDERS else f"{rtc.provider} is not known here"
    if chat_live is False:
        return Mode("file", f"{lack}, and nobody has the chat open")
    return Mode("waiting", f"the notebook server runs collaboration ({rtc.provider}), but {lack}: answers wait")


def _why_socket(setting: str, ydoc_layer: bool) -> str:
    if setting == "false":
        return "USE_YDOC_CHAT=false, and the notebook server runs without collaboration"
    if setting == "true":
        lack = "" if ydoc_layer else " and the YDoc layer is not installed"
        return f"USE_YDOC_CHAT=true, but the notebook server runs without collaboration{lack}"
    return "the notebook server runs without collaboration"
