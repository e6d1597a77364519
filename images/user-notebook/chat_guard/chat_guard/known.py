"""Is the code to be replaced the code that we know? Its source is compared by hash, and tried where it can be."""

from __future__ import annotations

import hashlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from logging import Logger
from typing import Any, Literal

State = Literal["active", "not needed", "unknown code", "off"]

# Source hashes of the functions that the patches were written for, and the releases that have them.
KNOWN: dict[str, dict[str, str]] = {
    "YChat._on_messages_change": {"d5bfbc8e12afb40d": "jupyterlab-chat 0.25.0 to 0.25.3"},
    "YChat._set_timestamp": {"37f45c80d7081e36": "jupyterlab-chat 0.25.0 to 0.25.3"},
    "YChat._get_messages": {"e34aa3085053a9ae": "jupyterlab-chat 0.25.0 to 0.25.3"},
    "YChat.get": {"422325fae825d3ab": "jupyterlab-chat 0.25.0 to 0.25.3"},
    "YChat.observe": {"feafc15929af80c6": "jupyterlab-chat 0.25.0 to 0.25.3"},
    "YChat.set": {"4135e15e4d7a1dfa": "jupyterlab-chat 0.25.0 to 0.25.3"},
    "WsChatModel.load_from_file": {
        "bd5931e1c222a895": "jupyterlab-chat 0.25.0 and 0.25.1",
        "7ceb058dd3e59409": "jupyterlab-chat 0.25.2 and 0.25.3",
    },
    "WsChatModel.save": {
        "7194bed016cc11cc": "jupyterlab-chat 0.25.0 and 0.25.1",
        "13564f003988dada": "jupyterlab-chat 0.25.2 and 0.25.3",
    },
    "WsChatModel.dispose": {"e8c039de38c77b1e": "jupyterlab-chat 0.25.0 to 0.25.3"},
    "WSChatHandler.open": {"49b294f68282ee71": "jupyterlab-chat 0.25.0 to 0.25.3"},
    "WSChatHandler._handle_new_message": {
        "99ae6d0729f83fa5": "jupyterlab-chat 0.25.0 and 0.25.1",
        "afafac60f814fb12": "jupyterlab-chat 0.25.2 and 0.25.3",
    },
    "DocumentRoom.__init__": {"8127fb750029b701": "jupyter-server-ydoc 3.0.0 to 3.0.4"},
    "DocumentRoom._on_document_change": {"7260ba9683c7b9b3": "jupyter-server-ydoc 3.0.0 to 3.0.4"},
    "DocumentRoom._maybe_save_document": {"dac125795f4b1ce0": "jupyter-server-ydoc 3.0.0 to 3.0.4"},
    "YDocWebSocketHandler.initialize": {"126add8c21da4da0": "jupyter-server-ydoc 3.0.4"},
    "YDocWebSocketHandler.prepare": {"ddcd1286e2353d34": "jupyter-server-ydoc 3.0.4"},
    "YDocWebSocketHandler.open": {"8df18d24ad688fb6": "jupyter-server-ydoc 3.0.4"},
    "YDocWebSocketHandler.on_close": {"3f58c0f90a878dce": "jupyter-server-ydoc 3.0.4"},
    "YDocWebSocketHandler._clean_room": {"4c372bfe4d00eb07": "jupyter-server-ydoc 3.0.4"},
    "FileLoader.load_content": {"bb71febd03ca5fc6": "jupyter-server-ydoc 3.0.0 to 3.0.4"},
    "FileLoader.maybe_save_content": {"7ff281dbd842bcb6": "jupyter-server-ydoc 3.0.4"},
    "FileLoader._save_content_at_path": {"b60bfedefef2f0ef": "jupyter-server-ydoc 3.0.4"},
    "YRoom._broadcast_updates": {"114a7901ae9fa63c": "pycrdt-websocket 0.16.5"},
    "AsyncFileManagerMixin._save_file": {"5e9fbb5f5a24e391": "jupyter-server 2.21"},
}


@dataclass(frozen=True)
class Patch:
    """One repair: the functions it replaces, how to see that they need none, and what puts it in place."""

    name: str
    replaces: list[Callable[..., Any]]
    install: Callable[[], None]
    needed: Callable[[], bool] = field(default=lambda: True)


def fingerprint(function: Callable[..., Any]) -> str:
    """Return a short hash of a function's source, or `no source`."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return "no source"
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def unknown(functions: list[Callable[..., Any]]) -> list[str]:
    """Return the functions whose source is none that we know, as `name (hash)`."""
    prints = {function.__qualname__: fingerprint(function) for function in functions}
    return [f"{name} ({found})" for name, found in prints.items() if found not in KNOWN.get(name, {})]


def put_in_place(name: str, prepare: Callable[[], Patch], log: Logger) -> State:
    """Apply a patch when its code is there, needs it and is known; say what was decided. Never raises."""
    try:
        patch = prepare()
        strange = unknown(patch.replaces)
        if not patch.needed():
            log.info("chat_guard: %s is not needed, this version does it right", name)
            return "not needed"
        if strange:
            log.warning("chat_guard: %s steps aside, unknown code: %s", name, ", ".join(strange))
            return "unknown code"
        patch.install()
    except ImportError as error:
        log.info("chat_guard: %s is not needed, not installed: %s", name, error.name)
        return "not needed"
    except Exception:  # whatever goes wrong here, the notebook server has to start
        log.exception("chat_guard: %s steps aside", name)
        return "unknown code"
    return "active"
