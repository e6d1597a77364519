"""Which transport reaches a chat, and why. Pure, but for the question whether the YDoc layer can be imported.

The server decides, not the setting: what owns a chat must be spoken to, or messages are lost. A quick rollback reaches
Juno at once, but servers at their next start: until then a server that runs collaboration owns its chats, and a write
to the file behind its back loses what students write at that moment. So `USE_YDOC_CHAT=false` has Juno reach the room
by chat_guard's bridge, with nothing of Yjs on her side, and keeps her in the room only where a server has no bridge.
Only where nobody owns the chat may the file be written.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Literal

from .server import DOCUMENTS, YDOC, Rtc

FOUND = "YDoc dependencies found"
NOT_AVAILABLE = "YDoc dependencies not available - falling back to original implementation"
DISABLED = "USE_YDOC_CHAT disabled - using original implementation"
"""The lines that operators grep for; the migration guide has them."""

THROUGH_ROOM = "through the notebook server's room, which owns the chats until it restarts"
PROVIDERS = frozenset({YDOC, DOCUMENTS})


@dataclass(frozen=True, slots=True)
class Mode:
    """The transport to take and the reason, in words for an operator."""

    transport: Literal["room", "socket", "file", "waiting"]
    reason: str
    bridge: bool = False
    """For `socket`: by chat_guard's bridge into the room, in place of the chat's own socket."""

    def goes_like(self, other: Mode) -> bool:
        """Tell whether a chat is reached in the same way, whatever the reason."""
        return (self.transport, self.bridge) == (other.transport, other.bridge)


def ydoc_layer(*, used: bool = True) -> bool:
    """Tell whether the YDoc layer works: really imports it, since a broken one is as bad as none.

    One that is not to be used is looked for only: whatever is wrong with it must not touch Juno then.
    """
    if not used:
        return importlib.util.find_spec("pycrdt") is not None
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
    bridge: bool = False,
) -> Mode:
    """Return how to reach a chat.

    `server_reachable`: True answers; False nothing listens there; None it does not answer, but may well live.
    `chat_live`: True or False as chat_guard says; None when nobody can tell.
    `bridge`: whether the server's chat_guard offers its rooms without Yjs.
    """
    if server_reachable is False:
        return Mode("file", "no notebook server runs, the file is all there is")
    if server_reachable is None or rtc is None:
        return Mode("waiting", "the notebook server does not answer, but may hold the chat open")
    if not rtc.chat:
        return Mode("file", "the notebook server has no chat extension, the file is all there is")
    if rtc.enabled:
        return _with_rtc(setting, ydoc_layer, rtc, chat_live, bridge)
    return Mode("socket", _why_socket(setting, ydoc_layer))


def _with_rtc(setting: str, ydoc_layer: bool, rtc: Rtc, chat_live: bool | None, bridge: bool) -> Mode:
    if rtc.provider == YDOC and bridge and (setting == "false" or not ydoc_layer):
        why = "USE_YDOC_CHAT=false" if setting == "false" else "the YDoc layer is not installed"
        return Mode("socket", f"{why}; {THROUGH_ROOM}", bridge=True)
    if rtc.provider in PROVIDERS and ydoc_layer:
        if setting == "false":
            return Mode(
                "room",
                f"USE_YDOC_CHAT=false, but the notebook server still runs collaboration ({rtc.provider}) "
                "and has no bridge into it: until it restarts, its room is the only way that loses no message",
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
