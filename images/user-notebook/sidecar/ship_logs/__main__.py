"""ship_logs: sends telemetry.jsonl to TELEMETRY_URL as it grows; without that setting it says so once and waits.

It sits in every student's container, so nothing is imported before it is needed.
"""

import os
import signal
import sys


def main() -> int:
    """Run until told to stop."""
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    if not os.environ.get("TELEMETRY_URL", "").strip():
        signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
        print("ship_logs: no collector configured; telemetry stays on the volume", flush=True)
        signal.sigwait(stop_signals)
        return 0
    from ship_logs.shipper import SettingsError, Shipper

    try:
        shipper = Shipper.from_environment(os.environ)
    except SettingsError as error:
        print(f"ship_logs: {error}", file=sys.stderr)
        return 2
    for number in stop_signals:
        signal.signal(number, lambda *_: shipper.stop())
    shipper.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
