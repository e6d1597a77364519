"""A package index for tests: a CA of its own, a password, the files of one folder. Builds reach it on the bridge."""

from __future__ import annotations

import base64
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker

NAME = "host.docker.internal"
USER, PASSWORD = "reader", "sesame-7d1f0c"


class Index(ThreadingHTTPServer):
    """`/simple/NAME/` lists the wheels of a package; what was asked without the password is counted."""

    asked: list[str]
    strangers: int = 0


class Handler(SimpleHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.server.strangers += 1
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.asked.append(self.path)
        if self.path.startswith("/simple/"):
            self._list(self.path.strip("/").rpartition("/")[2])
        else:
            super().do_GET()

    def _list(self, package: str) -> None:
        files = [
            file.name for file in Path(self.directory).iterdir() if file.name.split("-")[0].replace("_", "-") == package
        ]
        page = "".join(f'<a href="/{name}">{name}</a>' for name in files).encode()
        self.send_response(200 if files else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: `asked` has it."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A CA that no machine knows; what the server shows (its certificate and key), and the CA's own certificate."""
    ca, ca_key, shown, request = (folder / name for name in ("ca.pem", "ca.key", "server.pem", "server.csr"))
    new = ["-newkey", "rsa:2048", "-nodes"]
    _openssl("req", "-x509", *new, "-days=2", "-subj=/CN=a test's CA", "-keyout", str(ca_key), "-out", str(ca))
    _openssl("req", *new, f"-subj=/CN={NAME}", "-keyout", str(shown), "-out", str(request))
    (folder / "names").write_text(f"subjectAltName=DNS:{NAME}\n")
    signed = _openssl(
        *("x509", "-req", "-in", str(request), "-days=2", "-CA", str(ca), "-CAkey", str(ca_key)),
        *("-CAcreateserial", "-extfile", str(folder / "names")),
    )
    with shown.open("a") as file:
        file.write(signed)
    return shown, ca


def _openssl(*arguments: str) -> str:
    argv = ["openssl", *(word for argument in arguments for word in _split(argument))]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _split(argument: str) -> list[str]:
    """openssl wants `-days 2`; `-days=2` reads better in a call."""
    name, equals, value = argument.partition("=")
    return [name, value] if equals and name in ("-days", "-subj") else [argument]


@contextmanager
def package_index(wheels: Path, folder: Path) -> Iterator[tuple[Index, str, Path]]:
    """The index while the block runs, its address with the password, and the CA file that makes it trusted."""
    address = docker.from_env().networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    shown, ca = certificate(folder)
    server = Index((address, 0), partial(Handler, directory=str(wheels)))
    server.asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, f"https://{USER}:{PASSWORD}@{NAME}:{server.server_port}/simple", ca
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
