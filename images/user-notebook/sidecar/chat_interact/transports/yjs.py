"""The frames of a collaboration room, encoded and decoded; no I/O.

A frame begins with its kind: 0 sync (then step 1, step 2 or update), 1 awareness, 2 raw (a save request or its answer).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pycrdt import (
    Decoder,
    YMessageType,
    YSyncMessageType,
    create_awareness_message,
    create_update_message,
    write_var_uint,
)

RAW = 2

EMPTY_UPDATE = b"\x00\x00"


class BadFrame(ValueError):
    """A frame that is cut off or is not of this protocol."""


@dataclass(frozen=True, slots=True)
class Step1:
    """The other side's state: it wants what it lacks."""

    state: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """A change to apply; `first` marks the answer to our step 1, after which the document is complete."""

    data: bytes
    first: bool


@dataclass(frozen=True, slots=True)
class Presence:
    """Awareness states of clients, still encoded."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Saved:
    """The server's answer to a save request."""

    request: int
    status: str


@dataclass(frozen=True, slots=True)
class Other:
    """A frame that Juno has no use for."""

    kind: int
    text: str = ""


Frame = Step1 | Update | Presence | Saved | Other


def step1(state: bytes) -> bytes:
    """Ask for everything that `state` lacks."""
    return _sync_frame(YSyncMessageType.SYNC_STEP1, state)


def step2(update: bytes) -> bytes:
    """Answer the other side's step 1."""
    return _sync_frame(YSyncMessageType.SYNC_STEP2, update)


def update(data: bytes) -> bytes:
    """Tell a change."""
    return create_update_message(data)


def presence(data: bytes) -> bytes:
    """Tell awareness states."""
    return create_awareness_message(data)


def save(request: int) -> bytes:
    """Ask the server to write the document to its file now."""
    text = b"save"
    return write_var_uint(RAW) + write_var_uint(len(text)) + text + write_var_uint(request)


def _sync_frame(step: YSyncMessageType, data: bytes) -> bytes:
    return bytes([YMessageType.SYNC, step]) + write_var_uint(len(data)) + data


def decode(frame: bytes) -> Frame:
    """Return what a frame says; raise BadFrame for one that cannot be read."""
    try:
        return _decode(frame)
    except (IndexError, RuntimeError, UnicodeDecodeError, AssertionError) as error:
        raise BadFrame(f"a frame of {len(frame)} bytes cannot be read") from error


def _decode(frame: bytes) -> Frame:
    decoder = Decoder(frame)
    kind = decoder.read_var_uint()
    if kind == YMessageType.SYNC:
        return _sync(decoder.read_var_uint(), _rest(decoder))
    if kind == YMessageType.AWARENESS:
        return Presence(_rest(decoder))
    if kind == RAW:
        return _raw(_rest(decoder).decode("utf-8"))
    return Other(kind)


def _sync(step: int, data: bytes) -> Frame:
    if step == YSyncMessageType.SYNC_STEP1:
        return Step1(data)
    if step in (YSyncMessageType.SYNC_STEP2, YSyncMessageType.SYNC_UPDATE):
        return Update(data, first=step == YSyncMessageType.SYNC_STEP2)
    return Other(YMessageType.SYNC)


def _raw(text: str) -> Frame:
    try:
        said: Any = json.loads(text)
    except ValueError:
        said = None
    if isinstance(said, dict) and said.get("type") == "save" and isinstance(said.get("responseTo"), int):
        return Saved(said["responseTo"], str(said.get("status")))
    return Other(RAW, text)


def _rest(decoder: Decoder) -> bytes:
    """Read a byte string; pycrdt's reader returns a short one silently when the frame is cut off."""
    length = decoder.read_var_uint()
    data = decoder.stream[decoder.i0 : decoder.i0 + length]
    if len(data) != length:
        raise BadFrame("a frame is cut off")
    return data
