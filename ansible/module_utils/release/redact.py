"""Takes secrets out of text that leaves the host: by the names that they have, and by every value that is known. Pure.

A value is found as it is, and as the programs that write logs encode it: in JSON, in an address, in HTML, hexadecimal,
and in base64, there also in the middle of something longer (`Basic dXNlcjpw…`).
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "[removed]"
SHORTEST = 4
"""Bytes of a value that is looked for inside other text; a shorter one would be found everywhere."""

TOKEN = 12
"""Characters of a token, at least. A variable may be called after tokens and say `true`."""

_NAME = re.compile(
    r"token|secret|passw|credential|cookie|private|authorization|(?<![a-z])key(?![a-z])|_key|apikey", re.I
)
_PATTERNS = (
    re.compile(r"""((?:token|password|api_key|secret|[?&](?:code|state))=)[^&\s"'<>\\]+""", re.I),
    re.compile(r"^([A-Z_]*(?:TOKEN|SECRET|PASSWORD|KEY)[A-Z_]*=).+$", re.M),
    re.compile(r"""(authorization["']?\s*[:=]\s*["']?(?:\w+\s+)?)[^\s"',;]+""", re.I),
    re.compile(r"""((?:set-)?cookie["']?\s*[:=]\s*["']?)[^\r\n"']+""", re.I),
    re.compile(r"(://[^/\s:@]+:)[^/\s@]+(?=@)"),
)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is to be taken out."""
    return bool(_NAME.search(name))


def forms(value: str) -> Iterator[str]:
    """Everything that a value may look like in a file."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield html.escape(value)
    for quoted in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), quoted)
    data = value.encode()
    yield data.hex()
    yield data.hex().upper()
    for shift in range(3):
        # The letters that depend on nothing but the value, whatever stands before and after it.
        inner = base64.b64encode(bytes(shift) + data).decode()[-(-8 * shift // 6) : 8 * (shift + len(data)) // 6]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))


class Redactor:
    """Knows the values that must not leave the host."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {part.strip() for value in values for part in (value, *value.splitlines())}
        self.values = sorted((one for one in lines if len(one.encode()) >= SHORTEST), key=len, reverse=True)
        found = {form for value in self.values for form in forms(value) if len(form) >= SHORTEST}
        self.forms = sorted(found, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Text without any of them, and without what stands where secrets stand."""
        for form in self.forms:
            if form in text:
                text = text.replace(form, MARK)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{MARK}", text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """JSON without them. A reference to a secret, {"secret": NAME}, is none."""
        if isinstance(value, Mapping):
            if set(value) == {"secret"} and isinstance(value["secret"], str):
                return dict(value)
            return {self.text(str(key)): self.value(one, str(key)) for key, one in value.items()}
        if isinstance(value, list):
            return [self._variable(one, name) if isinstance(one, str) else self.value(one, name) for one in value]
        if isinstance(value, bool) or value is None or value == "":
            return value
        if is_secret_name(name):
            return MARK
        return self.text(value) if isinstance(value, str) else value

    def _variable(self, text: str, name: str) -> str:
        """An entry of a list, which may be a variable: NAME=value."""
        variable, equals, value = text.partition("=")
        if equals and value and is_secret_name(variable):
            return f"{self.text(variable)}={MARK}"
        return MARK if is_secret_name(name) else self.text(text)

    def leaks(self, text: str) -> bool:
        """Whether any value is in a text all the same."""
        return any(form in text for form in self.forms)


def variables(inspected: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The values of containers' secret variables, as `docker inspect` tells them: tokens of students' servers."""
    for container in inspected:
        for entry in container.get("Config", {}).get("Env") or ():
            name, _, value = str(entry).partition("=")
            if len(value) >= TOKEN and is_secret_name(name) and not value.startswith("/"):
                yield value
