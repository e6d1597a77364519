"""The collector as the shipper sees it (docs/telemetry.md, Shipping).

Of the standard library: urllib3 would take 6 MB and httpx 11 MB more in each student's container.
"""

import gzip
import http.client
import json
import re
import ssl
from collections.abc import Mapping
from typing import Any

ADDRESS = re.compile(r"(https?)://([^/:@\[\]\s]+(?::[0-9]{1,5})?)(/\S*)?", re.ASCII)
TIMEOUT = 15.0
MAX_ANSWER = 65_536


class SettingsError(ValueError):
    """A setting is wrong; the message says which and what is expected."""


class Refused(Exception):
    """The collector will never take this batch; perhaps a shorter one."""

    def __init__(self, reason: str, too_long: bool) -> None:
        super().__init__(reason)
        self.too_long = too_long


class Later(Exception):
    """The collector did not take this batch now; `pause` is how long it wants to be left alone, if it said so."""

    def __init__(self, reason: str, pause: str = "") -> None:
        super().__init__(reason)
        self.pause = float(pause) if pause.isascii() and pause.isdecimal() else 0.0


class Collector:
    """One collector, and who sends."""

    def __init__(self, url: str, token: str, student: str) -> None:
        found = ADDRESS.fullmatch(url)
        if not found:
            raise SettingsError(
                f"TELEMETRY_URL={url!r} is not valid: expected one like http://collector:8005/v1/events."
            )
        scheme, self.address, self._path = found.groups(default="/")
        self._tls = {"context": ssl.create_default_context()} if scheme == "https" else {}
        self._headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        self._who = {"Authorization": f"token {token}".encode(), "X-Jelai-Student": student.encode()}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Collector":
        """Return the collector at TELEMETRY_URL, for the student of this server. Raises SettingsError."""
        names = ("TELEMETRY_URL", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_USER")
        return cls(*(environ.get(name, "").strip() for name in names))

    def post(self, lines: bytes) -> list[dict[str, Any]]:
        """Return which lines were refused, and why, when all others are stored. Raises Refused and Later."""
        kind: Any = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self.address, timeout=TIMEOUT, **self._tls)
        try:
            connection.request("POST", self._path, gzip.compress(lines, 6, mtime=0), self._headers | self._who)
            answer = connection.getresponse()
            said = answer.read(MAX_ANSWER)
        except (OSError, OverflowError, http.client.HTTPException) as error:
            raise Later(f"the collector cannot be reached: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if answer.status == 200:
            return _refused(said)
        words = f"the collector answered {answer.status} {said[:300].decode('utf-8', 'replace').strip()!r}"
        if answer.status in {400, 413, 415}:
            raise Refused(words, too_long=answer.status == 413)
        raise Later(words, answer.headers.get("Retry-After", ""))


def _refused(said: bytes) -> list[dict[str, Any]]:
    try:
        return [entry for entry in json.loads(said)["refused"] if isinstance(entry, dict)]
    except (ValueError, TypeError, KeyError):
        return []  # the lines are stored; who says so in other words was no collector of ours
