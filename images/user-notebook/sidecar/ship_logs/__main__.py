"""ship_logs: sends telemetry.jsonl and juno.jsonl to TELEMETRY_URL as they grow; bin/run-shipper says when it runs."""

import os
import signal
import sys

from ship_logs.collector import Collector, SettingsError
from ship_logs.shipper import Shipper


def main() -> int:
    """Run until told to stop."""
    try:
        shipper = Shipper.from_environment(os.environ, Collector.from_environment(os.environ))
    except SettingsError as error:
        print(f"ship_logs: {error}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipper.stop.set())
    shipper.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
