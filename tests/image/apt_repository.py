"""A package repository like fluent-bit's, signed with a key that is thrown away. Builds reach it on the bridge."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from package_index import NAME

SUITE = "trixie"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def apt_repository(package: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Serve the repository; its address and the key's fingerprint."""
    root, home = folder / "repository", folder / "gnupg"
    home.mkdir(mode=0o700)
    batch = ("--batch", "--pinentry-mode=loopback", "--passphrase=")
    gpg(home, *batch, "--quick-generate-key", "test of a repository", "ed25519", "sign", "never")
    listed = gpg(home, "--with-colons", "--list-keys")
    fingerprint = re.search(r"^fpr:+([0-9A-F]{40}):", listed, re.MULTILINE)
    assert fingerprint
    pool = root / "debian" / SUITE
    pool.mkdir(parents=True)
    shutil.copy(package, pool / "fluent-bit.deb")
    (root / "fluentbit.key").write_text(gpg(home, "--armor", "--export"))
    index(pool)
    gpg(home, *batch, "--clearsign", "--output", str(pool / f"dists/{SUITE}/InRelease"), str(pool / "Release"))
    server = ThreadingHTTPServer(("0.0.0.0", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{NAME}:{server.server_address[1]}", fingerprint[1]
    server.shutdown()
    server.server_close()
    subprocess.run(["gpgconf", "--kill", "all"], env=os.environ | {"GNUPGHOME": str(home)}, check=False)


def index(pool: Path) -> None:
    """Write the lists of the packages, and what is signed of them."""
    fields = subprocess.run(
        ["dpkg-deb", "--field", "fluent-bit.deb"], cwd=pool, capture_output=True, text=True, check=True
    )
    data = (pool / "fluent-bit.deb").read_bytes()
    packages = (
        f"{fields.stdout}Filename: fluent-bit.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
    )
    place = pool / "dists" / SUITE / "main" / "binary-amd64"
    place.mkdir(parents=True)
    lines = [f"Origin: test\nSuite: {SUITE}\nCodename: {SUITE}\nComponents: main\nArchitectures: amd64\nSHA256:"]
    for name, content in (("Packages", packages.encode()), ("Packages.gz", gzip.compress(packages.encode()))):
        (place / name).write_bytes(content)
        lines.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} main/binary-amd64/{name}")
    (pool / "Release").write_text("\n".join([*lines, ""]))


def forge(folder: Path) -> None:
    """Change what was signed, as somebody between us and the repository might."""
    signed = folder / "repository" / "debian" / SUITE / "dists" / SUITE / "InRelease"
    signed.write_text(signed.read_text().replace("Origin: test", "Origin: evil"))


def gpg(home: Path, *arguments: str) -> str:
    """Run gpg with a keyring of its own."""
    done = subprocess.run(["gpg", "--homedir", str(home), *arguments], capture_output=True, text=True, check=True)
    return done.stdout
