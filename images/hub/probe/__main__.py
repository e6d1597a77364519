"""Runs a probe, or only cleans up: prints its lines, ends with 0 when all went well, else with 1.

What was made is removed in every case: after a failure, after the deadline, and on SIGTERM or Ctrl-C. Only SIGKILL
leaves something, which `--cleanup-only` removes.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from .cleanup import Swept, remove, sweep
from .hub import Hub
from .options import Options, parse, secret
from .report import Failed, Report
from .run import Probe


class Stop:
    """Signals cancel the probe, once; the cleaning up is not disturbed by more of them."""

    def __init__(self) -> None:
        self.by = ""
        self._task: asyncio.Task[str] | None = None

    def watch(self, task: asyncio.Task[str]) -> None:
        self._task = task
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop, number.name)

    def _stop(self, name: str) -> None:
        if not self.by and self._task is not None:
            self.by = name
            self._task.cancel()


async def probe(options: Options, report: Report) -> int:
    """Probe, clean up, and say how it ended."""
    one, stop = Probe(options, report), Stop()
    work = asyncio.create_task(one.run())
    stop.watch(work)
    passed, sentence = await _ending(work, options, report, stop)
    if one.made and not options.keep:
        try:
            with report.step("cleanup") as step:
                async with Hub(options.api, secret(options.token_file, "the probe's token")) as hub:
                    await remove(hub, options.user, options.cleanup_seconds)
                step.said = f"stopped the server and deleted {options.user}; its volumes are the caller's to delete"
        except Failed as failure:
            passed, sentence = False, sentence if not passed else str(failure)
    return report.outcome(passed, sentence, user=options.user if one.made else "")


async def _ending(work: asyncio.Task[str], options: Options, report: Report, stop: Stop) -> tuple[bool, str]:
    """Wait for the probe; whether it passed, and the sentence."""
    done, _ = await asyncio.wait({work}, timeout=options.deadline)
    if not done:
        work.cancel()
        await asyncio.wait({work})
    if not work.cancelled():
        error = work.exception()
        if error is None:
            return True, work.result()
        if isinstance(error, Failed):
            return False, str(error)
        return False, f"The probe itself broke at the step {report.current}: {type(error).__name__}: {error}."
    if stop.by:
        return False, f"The probe was stopped by {stop.by} at the step {report.current}."
    return False, f"The probe was not done within {options.deadline:g} s; it was at the step {report.current}."


async def clean(options: Options, report: Report) -> int:
    """Remove what interrupted probes left."""
    swept = Swept()
    try:
        with report.step("cleanup") as step:
            async with Hub(options.api, secret(options.token_file, "the probe's token")) as hub:
                await hub.check_token()
                await sweep(hub, swept, options.user, options.older_than, options.cleanup_seconds)
                step.said = swept.sentence()
    except Failed as failure:
        return report.outcome(False, str(failure), users=swept.removed)
    return report.outcome(True, step.said, users=swept.removed, kept=swept.young + swept.others)


def main() -> int:
    """Run with the command line's arguments."""
    report = Report(sys.stdout)
    try:
        options = parse(sys.argv[1:])
    except Failed as failure:
        return report.outcome(False, str(failure))
    return asyncio.run(clean(options, report) if options.cleanup_only else probe(options, report))


if __name__ == "__main__":
    raise SystemExit(main())
