"""Looks at a student's server from inside its container: what Juno observes, and which kernels run. Prints JSON.

The host sends the source of this file into the container, so that a server of an older release can be asked too. It
asks with what is in there: no token of ours goes into a student's container. Standard library only; being asked is no
activity.
"""

from __future__ import annotations

import json
import os
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

SECONDS = 3
MOST = 1_000_000


def ask(port: int, path: str, token: str = "") -> Any:
    """JSON of an address of this container. Raises OSError, HTTPException or ValueError."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": f"token {token}"} if token else {})
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"{path.partition('?')[0]} answers {answer.status}")
        return json.loads(answer.read(MOST))
    finally:
        connection.close()


def notebook(environment: dict[str, str]) -> tuple[int, str, str]:
    """Port, base address and token of the notebook server, by its own note in Jupyter's runtime folder."""
    folder = Path(environment.get("JUPYTER_RUNTIME_DIR", "/run/jelai/jupyter"))
    notes = sorted(folder.glob("jpserver-*.json"), key=lambda path: path.stat().st_mtime)
    if not notes:
        raise ValueError("no notebook server runs")
    note = json.loads(notes[-1].read_text())
    return int(note["port"]), str(note["base_url"]), str(note["token"] or environment.get("JUPYTERHUB_API_TOKEN", ""))


def look(environment: dict[str, str]) -> dict[str, Any]:
    """What Juno says, and the server's kernels; what does not answer is None, with a sentence in `said`."""
    found: dict[str, Any] = {"juno": None, "kernels": None, "activity": None, "said": []}
    failures = (OSError, HTTPException, ValueError, KeyError, TypeError)
    try:
        found["juno"] = ask(int(environment.get("JUNO_STATUS_PORT") or 9464), "/status")
    except failures as error:
        found["said"].append(f"Juno does not answer: {error}")
    try:
        port, base, token = notebook(environment)
        kernels = ask(port, f"{base}api/kernels?no_track_activity=1", token)
        found["activity"] = ask(port, f"{base}api/status?no_track_activity=1", token)["last_activity"]
        found["kernels"] = [{key: one[key] for key in ("execution_state", "last_activity")} for one in kernels]
    except failures as error:
        found["said"].append(f"the notebook server does not answer: {error}")
    return found


if __name__ == "__main__":
    print(json.dumps(look(dict(os.environ))))
