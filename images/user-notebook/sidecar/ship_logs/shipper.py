"""Reads telemetry from where it was left, and posts it in batches until the collector has taken them.

At least once: the place in the file is written down after the collector's answer. Each record says which file, inode
and offset it is from, so that the collector can drop what it has already. Memory holds one batch.
"""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
import sys
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from process_logs.reader import Line, Place, Reader

BATCH_LINES = 500
BATCH_BYTES = 1_000_000
TIMEOUT = 15.0
LOOK_SECONDS = 1.0
MAX_PAUSE = 60.0


class SettingsError(ValueError):
    """A setting is wrong; the message says which and what is expected."""


class Refused(Exception):
    """The collector says that it will never take this batch."""


class Later(Exception):
    """The collector did not take this batch now; `pause` is how long it wants to be left alone, if it said so."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Shipper:
    """One telemetry file on its way to one collector."""

    def __init__(self, telemetry: Path, url: str, token: str) -> None:
        address = urlsplit(url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise SettingsError(
                f"TELEMETRY_URL={url!r} is not valid: expected an address like http://collector:8005/ingest."
            )
        self._host, self._port = address.hostname, address.port
        self._context = ssl.create_default_context() if address.scheme == "https" else None
        self._path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        self._token = token
        self._telemetry = telemetry
        self._position = telemetry.with_name(".ship_logs.json")
        self._reader = Reader(str(telemetry), self._resume())
        self._stop = threading.Event()
        self._failures = 0
        self.sent = 0
        self.refused = 0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Shipper:
        """Return a shipper for TELEMETRY_URL, TELEMETRY_FILE and a token. Raises SettingsError."""
        file = Path(environ.get("TELEMETRY_FILE") or Path.home() / "logs" / "telemetry.jsonl")
        token = environ.get("TELEMETRY_TOKEN") or environ.get("JUPYTERHUB_API_TOKEN", "")
        return cls(file, environ["TELEMETRY_URL"].strip(), token)

    def stop(self) -> None:
        """End `run` soon; what is not sent is sent by the next process."""
        self._stop.set()

    def run(self) -> None:
        """Send what is there and what comes, until told to stop."""
        say(f"sending {self._telemetry} to {self._host}")
        while not self._stop.is_set():
            try:
                pause = 0.0 if self.once() else LOOK_SECONDS
            except (Later, OSError) as error:
                pause = self._back_off(error)
            self._stop.wait(pause)

    def once(self) -> int:
        """Send one batch; return how many lines it had. Raises Later."""
        batch = self._batch()
        if not batch:
            return 0
        place = self._reader.place()
        try:
            self._send(batch)
        except (Later, OSError):
            self._reader.close()
            self._reader = Reader(str(self._telemetry), self._resume())
            raise
        self._remember(place)
        if self._failures:
            say("the collector takes telemetry again")
        self._failures = 0
        return len(batch)

    def _batch(self) -> list[Line]:
        batch: list[Line] = []
        size = 0
        for line in islice(self._reader.lines(), BATCH_LINES):
            batch.append(line)
            size += len(line.data)
            if size >= BATCH_BYTES:
                break
        return batch

    def _send(self, batch: list[Line]) -> None:
        """Post a batch; one that is refused is halved until only the guilty lines are left out."""
        try:
            self._post(b"".join(self._record(line) for line in batch))
            self.sent += len(batch)
        except Refused as error:
            if len(batch) > 1:
                self._send(batch[: len(batch) // 2])
                self._send(batch[len(batch) // 2 :])
                return
            self.refused += 1
            say(f"the collector refused the line at {batch[0].offset}, which stays on the volume: {error}")

    def _record(self, line: Line) -> bytes:
        """Return the line with where it is from; one that is no JSON object goes as text, as fluent-bit does it."""
        source = {"file": str(self._telemetry), "inode": line.inode, "offset": line.offset}
        try:
            record = json.loads(line.data)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            return json.dumps(source)[:-1].encode() + b", " + line.data.strip()[1:] + b"\n" if record else b""
        return json.dumps({**source, "log": line.data.decode("utf-8", "replace")}).encode() + b"\n"

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        if self._token:
            headers["Authorization"] = f"token {self._token}"
        connection = self._connection()
        try:
            connection.request("POST", self._path, gzip.compress(body, 6, mtime=0), headers)
            response = connection.getresponse()
            said = response.read(300).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise Later(f"the collector cannot be reached: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if 200 <= response.status < 300:
            return
        if response.status in {400, 413, 415, 422}:
            raise Refused(f"{response.status} {said!r}")
        wait = response.headers.get("Retry-After", "")
        raise Later(f"the collector answered {response.status} {said!r}", float(wait) if wait.isdecimal() else 0.0)

    def _connection(self) -> http.client.HTTPConnection:
        if self._context:
            return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)

    def _back_off(self, error: Exception) -> float:
        """Return how long to wait, and say why at the 1st, 2nd, 4th, 8th … failure in a row."""
        self._failures += 1
        wanted = error.pause if isinstance(error, Later) else 0.0
        pause = min(MAX_PAUSE, max(wanted, 2.0 ** min(self._failures - 1, 6)))
        if self._failures & (self._failures - 1) == 0:
            say(f"{error}; again in {pause:.0f} s ({self._failures} in a row)")
        return pause

    def _resume(self) -> Place | None:
        try:
            return Place(*map(int, json.loads(self._position.read_bytes())))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            say(f"{self._position} cannot be used ({error}): sending everything again")
            return None

    def _remember(self, place: Place | None) -> None:
        part = self._position.with_suffix(".part")
        part.write_text(json.dumps(place), encoding="ascii")
        part.replace(self._position)


def say(text: str) -> None:
    """Log a line; the logging package would cost a megabyte in each student's container."""
    print(f"ship_logs: {text}", file=sys.stderr, flush=True)
