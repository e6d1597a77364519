"""Runs in the hub's image: for each case what `choose` makes of its settings, and whom that lets in.

`try_authenticators.py FILE`: a JSON object `{"settings", "logins": [[NAME, PASSWORD], …]}` a line. Prints one a line.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jelai_hub.authenticators import choose
from jelai_hub.settings import ConfigError, Settings


async def tried(settings: dict[str, Any], logins: Sequence[Sequence[str]]) -> dict[str, Any]:
    try:
        found, traits = choose(Settings(**settings))
    except ConfigError as error:
        return {"error": str(error)}
    answer: dict[str, Any] = {"class": found.__name__, "in": [], "allow_all": bool(traits.get("allow_all"))}
    if found.__name__ == "NativeAccounts":  # which needs a database
        return answer
    authenticator: Any = found(**traits)
    for name, password in logins:
        try:
            person = await authenticator.get_authenticated_user(None, {"username": name, "password": password})
        except Exception as error:  # whatever: the test says which
            answer["in"].append(type(error).__name__)
        else:
            answer["in"].append(person and {True: "admin"}.get(person["admin"], person["name"]))
    return answer


if __name__ == "__main__":
    logging.disable()
    for line in Path(sys.argv[1]).read_text().splitlines():
        case = json.loads(line)
        print(json.dumps(asyncio.run(tried(case["settings"], case.get("logins", [])))), flush=True)
