"""Ansible's output as a person would tell it: what was changed, what was found, what went wrong. Nothing of the rest.

Whether a task will change anything is not known when it begins, so it is told when it has ended, with its seconds where
those matter. One that can take long has a name that ends in an ellipsis, and is told when it begins too. `-v` adds the
tasks that changed nothing.

A debug task whose message is a mapping of `table` and `rows` shows a result: the table as it is for people, in colours
where the output is a terminal. With the extra variable `jelai_json` the rows of all hosts are what is printed, one JSON
object by host, and every word goes to stderr.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.color import ANSIBLE_COLOR

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: narrate
type: stdout
short_description: Tells what was changed and what went wrong, in plain lines
description:
  - One line a change, with its duration; messages of debug tasks; the message of a failure.
"""

WORTH_TELLING = 1.0
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def plain_name(task: Any) -> str:
    """A task's name without its role's."""
    return str(task.get_name()).rpartition(" : ")[2]


class CallbackModule(CallbackBase):
    """Prints `role: task (seconds)`; the host's name only where it is not this machine."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "narrate"

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()
        self._announced = False
        self._json = False
        self._hosts: list[str] = []
        self._nobody = False
        self._rows: dict[str, Any] = {}

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._hosts = [str(pattern) for pattern in play.hosts or []]
        self._json = boolean(play.get_variable_manager().extra_vars.get("jelai_json", False), strict=False)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        if self._hosts and not self._nobody:  # none at all is a play that is left out on purpose
            self._nobody = True
            said = f"nothing was done: no host of {', '.join(self._hosts)} is in this inventory and limit"
            self._display.display(f"ansible: {said}", color="red", stderr=True)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._began = time.monotonic()
        self._announced = False

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if not self._announced and task.get_name().endswith("…"):
            self._announced = True
            self._say(task, host, plain_name(task))

    def _say(self, task: Any, host: Any, text: str, error: bool = False) -> None:
        role, name = task._role, host.get_name()
        who = (role.get_name() if role else "ansible") + ("" if name == "localhost" else f" on {name}")
        self._display.display(f"{who}: {text}", color="red" if error else None, stderr=error or self._json)

    def _show(self, host: str, result: Mapping[str, Any]) -> None:
        """A result: its rows for programs at the end, or its table for people now."""
        if self._json:
            self._rows[host] = result["rows"]
            return
        text = str(result["table"])
        head = "" if host == "localhost" else f"{host}:\n"
        self._display.display(head + (text if ANSIBLE_COLOR else COLOURS.sub("", text)))

    def _tell(self, result: Any, text: str, error: bool = False) -> None:
        self._say(result._task, result._host, text, error)

    def v2_runner_on_ok(self, result: Any) -> None:
        outcome = result._result
        if result._task.action.rpartition(".")[2] == "debug":
            for told in outcome.get("results", [outcome]):
                if isinstance(told.get("msg"), Mapping) and {"rows", "table"} <= set(told["msg"]):
                    self._show(result._host.get_name(), told["msg"])
                elif "msg" in told:
                    self._tell(result, str(told["msg"]))
        elif outcome.get("changed") or self._announced or self._display.verbosity:
            seconds = time.monotonic() - self._began
            took = f" ({seconds:.0f} s)" if seconds >= WORTH_TELLING else ""
            done = "done" if self._announced else plain_name(result._task)
            self._tell(result, done + took)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        outcome = result._result
        items = [str(one["msg"]) for one in outcome.get("results", ()) if one.get("failed") and one.get("msg")]
        said = items or [str(outcome.get("msg") or "failed")]
        if streams := [outcome[key].strip() for key in ("stderr", "stdout") if outcome.get(key)]:
            said.append(streams[0])
        self._tell(result, "\n".join(said), error=not ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._tell(result, f"cannot be reached: {result._result.get('msg', '')}", error=True)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._json:
            print(json.dumps(self._rows, indent=2, default=str), flush=True)
            return
        for host in sorted(stats.processed):
            numbers = stats.summarize(host)
            if numbers["changed"] or self._display.verbosity:
                self._display.display(f"ansible: {host}: {numbers['changed']} changed, {numbers['ok']} checked")
