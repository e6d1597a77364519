"""JSON that can be understood in one way only. Docker's own reader takes the last of two equal keys, and any case."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from socket_proxy.names import Refused

DEEPEST = 8
LONGEST_NUMBER = 18


def loads(body: bytes) -> dict[str, Any]:
    """The object that the body is; Refused when it is anything else, or ambiguous."""
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_number, parse_float=_number, parse_int=_integer
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise Refused("the body is not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise Refused("the body is not a JSON object")
    _check(value, DEEPEST)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("the body has a key twice in one object")
    return found


def _number(text: str) -> NoReturn:
    raise Refused("the body has a number that is not whole")


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise Refused("the body has a number that is too large")
    return int(text)


def _check(value: Any, depth: int) -> None:
    if depth < 0:
        raise Refused("the body is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, 0)
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif isinstance(value, str) and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise Refused("the body has a text with a character that is none")
