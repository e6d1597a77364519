"""Turns telemetry into what a student did, notebook by notebook, as it happens.

In: `telemetry.jsonl` and the full files beside it. Out: one append-only file of JSON lines a notebook, in the
`processed` folder, each line an event: {"time", "time_ms", "notebook", "event", "cell_index", …} with JELAI's names;
docs/telemetry.md lists them.
"""
