"""The container's health: asks the hub whether it answers. `python3 -m jelai_hub.health`"""

from __future__ import annotations

import sys
import urllib.request

URL = "http://127.0.0.1:8081/hub/health"


def main() -> int:
    """Return 0 when the hub answers."""
    try:
        with urllib.request.urlopen(URL, timeout=4):
            return 0
    except OSError as error:
        print(f"the hub does not answer: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
