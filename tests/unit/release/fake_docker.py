#!/usr/bin/env python3
"""A docker client for tests of the switch: remembers which release's folder is up, and breaks where a file says so.

In the release's folder: `broken` makes `up` fail; `kill-before` and `kill-after` end the calling process around `up`.
"""

import json
import os
import signal
import sys
from pathlib import Path


def main(argv: list[str]) -> int:
    state = Path(os.environ["HOME"]) / "up.json"
    folder = Path(argv[argv.index("--project-directory") + 1])
    if "up" in argv:
        if (folder / "kill-before").exists():
            os.kill(os.getppid(), signal.SIGKILL)
            return 137
        state.write_text(json.dumps({"release": folder.name, "broken": (folder / "broken").exists()}))
        if (folder / "kill-after").exists():
            os.kill(os.getppid(), signal.SIGKILL)
        return 1 if (folder / "broken").exists() else 0
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


sys.exit(main(sys.argv[1:]))
