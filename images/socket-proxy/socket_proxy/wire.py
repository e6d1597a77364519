"""HTTP on the proxy's own socket: one request a connection, read to its end before anything is decided.

h11 reads it: a strict parser that refuses what is not HTTP/1.1. Beyond that, a request here has a length and a body
that is just as long, or no body: nothing is chunked, upgraded, expected or sent after another request.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass

import h11

LONGEST_HEAD = 16 * 1024
LONGEST_BODY = 256 * 1024
SECONDS_TO_READ = 10.0
UNWELCOME = {"transfer-encoding", "upgrade", "expect", "content-encoding", "trailer", "te"}
JSON = "application/json"


class Malformed(Exception):
    """This is not a request that the proxy reads; the message says why."""


class Gone(Exception):
    """The other side went away before its request was complete."""


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    target: str
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    body: bytes = b""
    content_type: str = JSON

    @staticmethod
    def of(status: int, message: str) -> Reply:
        """A reply as Docker's clients expect it of an error."""
        return Reply(status, json.dumps({"message": message}).encode())


def read_request(connection: socket.socket) -> Request:
    """The one request of this connection."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
    end, head, body = time.monotonic() + SECONDS_TO_READ, None, bytearray()
    try:
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(_receive(connection, end))
            elif isinstance(event, h11.Request):
                head = event
                _check_head(head)
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                raise Gone
    except h11.RemoteProtocolError as error:
        raise Malformed(f"this is not HTTP as the proxy reads it: {str(error)[:100]}") from None
    if parser.trailing_data[0] or head is None:
        raise Malformed("something follows the request on the same connection")
    return Request(head.method.decode("ascii"), head.target.decode("ascii", "replace"), bytes(body))


def send_reply(connection: socket.socket, reply: Reply) -> None:
    """Answer, and say that the connection ends."""
    parser = h11.Connection(h11.SERVER)
    headers = [("Connection", "close"), ("Server", "socket-proxy")]
    if reply.status not in {204, 304}:
        headers += [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))]
    data = parser.send(h11.Response(status_code=reply.status, headers=headers)) or b""
    if reply.body and reply.status not in {204, 304}:
        data += parser.send(h11.Data(data=reply.body)) or b""
    connection.settimeout(SECONDS_TO_READ)
    connection.sendall(data)


def _receive(connection: socket.socket, end: float) -> bytes:
    left = end - time.monotonic()
    if left <= 0:
        raise Malformed("the request is not complete in time")
    connection.settimeout(left)
    try:
        return connection.recv(LONGEST_HEAD)
    except TimeoutError:
        raise Malformed("the request is not complete in time") from None


def _check_head(head: h11.Request) -> None:
    values = {name.decode("ascii"): value for name, value in head.headers}
    if unwelcome := UNWELCOME.intersection(values):
        raise Malformed(f"the header {min(unwelcome)!r} is not accepted")
    if head.http_version != b"1.1":
        raise Malformed("only HTTP/1.1 is accepted")
    if int(values.get("content-length", b"0")) > LONGEST_BODY:
        raise Malformed(f"the body is longer than {LONGEST_BODY} bytes")
