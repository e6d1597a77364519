"""A PostgreSQL server of Debian's package for tests, in a folder of its own, gone at the end."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

_INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
BINARIES = _INSTALLED[-1] if _INSTALLED else None


@dataclass
class Postgres:
    """A server on a socket in a folder."""

    binaries: Path
    folder: Path

    def new_database(self) -> str:
        """Make a database; its address."""
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(host=str(self.folder), user="jelai", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://jelai@/{name}?host={self.folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c max_connections=50"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once: whoever is connected is thrown out."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        argv = [str(self.binaries / program), "-D", str(self.folder / "data"), *arguments]
        done = subprocess.run(  # type: ignore[call-overload]
            argv,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            **who,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def postgres_runs(binaries: Path) -> Iterator[Postgres]:
    """A server until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="jelai-postgres-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = Postgres(binaries, folder)
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        server._run("initdb", "-A", "trust", "-U", "jelai", "--no-sync", "-E", "UTF8")
        server.start()
        try:
            yield server
        finally:
            server.stop()
