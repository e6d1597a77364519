"""The socket that the hub opens, and a thread for each connection to it.

Threads and not a loop of events: DockerSpawner makes one call at a time, and asyncio alone costs more memory than all
else here.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

from socket_proxy.counts import Counts
from socket_proxy.gate import Gate
from socket_proxy.wire import Gone, Malformed, Reply, read_request, send_reply

log = logging.getLogger("socket-proxy")

MOST_CONNECTIONS = 32


class Listener:
    """A Unix socket, mode 0660, that is there complete or not at all."""

    def __init__(self, path: Path, gate: Gate, counts: Counts) -> None:
        self.path, self.gate, self.counts = path, gate, counts
        self.places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.socket = _bind(path)
        self.inode = path.stat().st_ino

    def serve(self) -> None:
        """Answer until the socket is closed."""
        while True:
            self.places.acquire()
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Stop listening, and take the socket away unless a successor has put its own there."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        with suppress(OSError):
            if self.path.stat().st_ino == self.inode:
                self.path.unlink()

    def _serve_one(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                send_reply(connection, self._reply(connection))
        finally:
            self.places.release()

    def _reply(self, connection: socket.socket) -> Reply:
        try:
            return self.gate.answer(read_request(connection))
        except Malformed as error:
            self.counts.add("malformed")
            log.warning("malformed: %s", error)
            return Reply.of(400, f"socket-proxy: {error}")
        except Gone:
            raise ConnectionResetError from None
        except Exception:
            # A mistake of ours must neither let a request pass nor end the proxy.
            self.counts.add("failed")
            log.exception("failed")
            return Reply.of(503, "socket-proxy: an error of its own, see its log")


def _bind(path: Path) -> socket.socket:
    """A socket beside the place, ready before it gets the name that the hub knows."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        part.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(part))
    part.chmod(0o660)
    listening.listen(MOST_CONNECTIONS)
    part.replace(path)
    return listening
