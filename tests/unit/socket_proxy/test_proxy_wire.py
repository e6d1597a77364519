"""HTTP as it comes in: what is not one plain request with its whole body is not read."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from socket_proxy import wire
from socket_proxy.wire import Gone, Malformed, Reply, Request

GOOD = b"POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}"


def read(sent: bytes, *, end: bool = True) -> Request:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = threading.Thread(target=_write, args=(theirs, sent, end))
        writer.start()
        try:
            return wire.read_request(ours)
        finally:
            ours.close()
            writer.join()


def _write(connection: socket.socket, sent: bytes, end: bool) -> None:
    try:
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it was not read to its end


def test_a_plain_request_is_read() -> None:
    assert read(GOOD) == Request("POST", "/x", b"{}")
    assert read(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n", end=False) == Request("GET", "/_ping", b"")


MALFORMED = {
    "chunked": b"POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunked and a length": GOOD.replace(b"Content", b"Transfer-Encoding: chunked\r\nContent"),
    "odd encoding": GOOD.replace(b"Content", b"Transfer-Encoding: xchunked\r\nContent"),
    "two lengths": GOOD.replace(b"Content", b"Content-Length: 7\r\nContent"),
    "a list of lengths": GOOD.replace(b"Length: 2", b"Length: 2, 7"),
    "a negative length": GOOD.replace(b"Length: 2", b"Length: -2"),
    "a length with a plus": GOOD.replace(b"Length: 2", b"Length: +2"),
    "a hexadecimal length": GOOD.replace(b"Length: 2", b"Length: 0x2"),
    "too short a length": GOOD.replace(b"Length: 2", b"Length: 1"),
    "a body and no length": GOOD.replace(b"Content-Length: 2\r\n", b""),
    "a second request": GOOD + GOOD,
    "an upgrade": GOOD.replace(b"Content", b"Connection: Upgrade\r\nUpgrade: tcp\r\nContent"),
    "an expectation": GOOD.replace(b"Content", b"Expect: 100-continue\r\nContent"),
    "a compressed body": GOOD.replace(b"Content", b"Content-Encoding: gzip\r\nContent"),
    "HTTP/1.0": GOOD.replace(b"1.1", b"1.0"),
    "HTTP/0.9": b"GET /version\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": GOOD.replace(b"Host: d\r\n", b""),
    "two hosts": GOOD.replace(b"Host: d\r\n", b"Host: d\r\nHost: e\r\n"),
    "a folded header": GOOD.replace(b"Host: d\r\n", b"Host: d\r\nX: a\r\n b: c\r\n").replace(b"X: a", b"X : a"),
    "a space before a colon": GOOD.replace(b"Content-Length:", b"Content-Length :"),
    "a zero in a header": GOOD.replace(b"Host: d", b"Host: d\x00"),
    "a space in the path": GOOD.replace(b"/x", b"/x /y"),
    "a tab in the path": GOOD.replace(b"/x", b"/x\t/y"),
    "a byte that is not ASCII in the path": GOOD.replace(b"/x", b"/\xc3\xa9"),
    "a header without a colon": GOOD.replace(b"Host: d\r\n", b"Host: d\r\nX\r\n"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(80),
    "a body that is too long": GOOD.replace(b"Length: 2", b"Length: 999999"),
    "a head that is too long": GOOD.replace(b"Host: d", b"Host: d\r\nX: " + b"x" * 40_000),
    "an endless number": GOOD.replace(b"Length: 2", b"Length: " + b"9" * 5000),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_anything_else_is_not(sent: bytes) -> None:
    with pytest.raises(Malformed):
        read(sent)


def test_a_length_that_is_said_twice_is_one_length() -> None:
    assert read(GOOD.replace(b"Content", b"Content-Length: 2\r\nContent")).body == b"{}"


def test_half_a_request_is_never_acted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SECONDS_TO_READ", 0.2)
    for half in (GOOD[:-1], GOOD.replace(b"Length: 2", b"Length: 20"), b"", b"GET /"):
        with pytest.raises(Malformed, match="not complete in time"):
            read(half, end=False)
    for cut in (GOOD[:-1], b"GET /"):
        with pytest.raises(Malformed):
            read(cut)
    with pytest.raises(Gone):
        read(b"")


def test_a_reply_ends_the_connection(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            wire.send_reply(ours, Reply(200, b"{}"))
        answer = theirs.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n{}") and b"Connection: close" in answer
