"""The container's health check: asks the collector that runs beside it, and says what is wrong."""

from __future__ import annotations

import http.client
import json
import sys

from collector.settings import SettingsError, load


def main() -> int:
    """Return 0 when the collector says that it is well."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", load().admin_port, timeout=4)
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        said = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException, SettingsError) as error:
        print(f"the collector does not answer: {error}")
        return 1
    print(json.dumps(said))
    return 0 if response.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
