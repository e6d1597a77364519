#!/usr/bin/env python3
"""A docker client for tests of the switch: remembers which release's folder is up, and breaks where a file says so.

In the release's folder: `broken` makes `up` fail; `kill-before` and `kill-after` end the calling process around `up`;
`logs/schema` is what its hub brings the database to, and a hub that finds a newer one than its own does not come up.
"""

import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path


def main(argv: list[str]) -> int:
    home = Path(os.environ["HOME"])
    state = home / "up.json"
    if argv[1:2] == ["inspect"]:
        return inspect(argv[0], argv[2:], home)
    if argv[0] != "compose":  # nothing else is there, and what is made or deleted is not looked at
        return 0
    folder = Path(argv[argv.index("--project-directory") + 1])
    if "up" in argv:
        if (folder / "kill-before").exists():
            os.kill(os.getppid(), signal.SIGKILL)
            return 137
        broken = (folder / "broken").exists() or not database(folder, home / "s_hub-data" / "jupyterhub.sqlite")
        state.write_text(json.dumps({"release": folder.name, "broken": broken}))
        if (folder / "kill-after").exists():
            os.kill(os.getppid(), signal.SIGKILL)
        return 1 if broken else 0
    if "stop" in argv:
        if state.exists():
            state.write_text(json.dumps({**json.loads(state.read_text()), "stopped": argv[-1]}))
        return 0
    if "down" in argv:
        state.unlink(missing_ok=True)
        return 0
    if "ps" in argv:
        up = json.loads(state.read_text()) if state.exists() else None
        if up:
            health = "unhealthy" if up["broken"] else "healthy"
            print(json.dumps({"Service": "hub", "State": "running", "Health": health}))
        return 0
    print(f"the fake docker does not know {argv}", file=sys.stderr)
    return 1


def database(folder: Path, path: Path) -> bool:
    """Bring the database to the schema of this release; whether its hub can work with it."""
    if not (folder / "logs" / "schema").exists() or not path.exists():
        return True
    wanted = (folder / "logs" / "schema").read_text()
    with closing(sqlite3.connect(path)) as connection, connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if found < wanted:
            connection.execute(f"CREATE TABLE made_by_{wanted} (id INTEGER)")
            connection.execute("INSERT INTO users VALUES ('since')")
            connection.execute("UPDATE alembic_version SET version_num = ?", (wanted,))
    return str(found) <= wanted


def inspect(kind: str, names: list[str], home: Path) -> int:
    """Images are there unless `gone` names them; every volume is a folder."""
    if kind == "volume":
        print(json.dumps([{"Name": name, "Mountpoint": str(home / name)} for name in names]))
        return 0
    gone = (home / "gone").read_text().split() if (home / "gone").exists() else []
    print(json.dumps([{"Id": name} for name in names if name not in gone]))
    for name in set(names) & set(gone):
        print(f"Error: No such image: {name}", file=sys.stderr)
    return 1 if set(names) & set(gone) else 0


sys.exit(main(sys.argv[1:]))
