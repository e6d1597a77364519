"""Every setting of a deployment: its name, default, meaning and check. `check` judges all of them at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import setting_kinds as kinds
from . import setting_rules as rules
from .setting_kinds import Check, number

LAYER = kinds.choice("auto", "required", "off")
LONGEST = 31_536_000
TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false", list: "list", dict: "mapping"}


@dataclass(frozen=True)
class Setting:
    """One setting."""

    name: str
    default: Any
    check: Check
    meaning: str

    @property
    def type(self) -> str:
        """What it is, in a word or two."""
        return TYPES[type(self.default)]


SETTINGS = (
    Setting("stack_name", "jelai", kinds.stack_name, "Name of the compose project, its networks and volumes."),
    Setting("hub_address", "127.0.0.1", kinds.address, "Where the hub listens; 0.0.0.0 for every address of the host."),
    Setting("hub_port", 8000, number(int, 1, 65535), "The only port that is published."),
    Setting("tls_certificate", "", kinds.file, "Certificate chain on the host; empty: the hub speaks plain HTTP."),
    Setting("tls_key", "", kinds.file, "The certificate's private key on the host."),
    Setting("ca_bundle", "", kinds.file, "CAs of your own, for LDAP, OAuth and LTI: a PEM file on the host."),
    Setting("authenticator", "shared", kinds.choice(*rules.OPTIONS), "How people log in."),
    Setting("authenticator_options", {}, kinds.options, 'Its options; a secret one is `{"secret": "NAME"}`.'),
    Setting("admin_users", ["admin"], kinds.users, "Administrators; with oauth, lti and ldap by default nobody."),
    Setting("allowed_users", [], kinds.users, "Who may log in, administrators besides; empty: see Authenticators."),
    Setting("use_ydoc_chat", "auto", kinds.switch, "Chats by real-time collaboration: auto, true or false."),
    Setting("chat_dir", "chats", kinds.folder, "Folder of the chats, inside the student's work folder."),
    Setting("ta_middleware_url", "", kinds.url, "Who answers instead of the tutor of this deployment."),
    Setting("llm_base_url", "", kinds.url, "OpenAI-compatible server behind the tutor; empty: course notes only."),
    Setting("llm_model", "", kinds.text, "The model's name at that server."),
    Setting("juno_name", "Juno", kinds.name, "The tutor's name in the chat."),
    Setting("juno_reply_to", "all", kinds.choice("all", "mentions"), "Answer all messages, or mentions only."),
    Setting("juno_answer_window", 3600, number(int, 1, LONGEST), "Answer questions younger than this, seconds."),
    Setting("juno_idle_seconds", 300, number(int, 1, 86400), "Juno leaves a chat after so long without a change."),
    Setting("juno_concurrency", 8, number(int, 1, 256), "Questions of one student with the tutor at the same time."),
    Setting(
        "telemetry",
        "on",
        kinds.choice("on", "local", "off"),
        "Record what students do: on, local (not shipped) or off.",
    ),
    Setting("telemetry_off_for", [], kinds.users, "Students of whom nothing is recorded."),
    Setting("telemetry_off_groups", [], kinds.groups, "Groups of the hub (courses) of whom nothing is recorded."),
    Setting("telemetry_events", "default", kinds.events, "Which events and fields: docs/telemetry.md."),
    Setting("telemetry_forward", "", kinds.host_port, "Middleware that gets it instead, by fluent-bit's forward."),
    Setting("telemetry_retention_days", 0, number(int, 0, 36_500), "Delete events older than so many days; 0: never."),
    Setting("course", "", kinds.course, "Course of who is in no course group; empty: stack_name."),
    Setting("course_groups", [], kinds.groups, "Groups of the hub that are courses."),
    Setting("notebook_memory", "2G", kinds.memory, "Memory of a student's server."),
    Setting("notebook_cpus", 2.0, number(float, 0.1, 1024), "CPUs of a student's server."),
    Setting("notebook_pids", 512, number(int, 64, 100_000), "Processes and threads of a student's server."),
    Setting(
        "cull_idle_seconds",
        3600,
        number(int, 0, LONGEST),
        "Stop a server without an open page and without output of a kernel for so long; 0: never.",
    ),
    Setting("cull_max_age_seconds", 0, number(int, 0, LONGEST), "Stop a server that is so old, busy or not; 0: never."),
    Setting("max_servers", 0, number(int, 0, 100_000), "Students' servers at the same time; 0: no limit."),
    Setting("students_subnet", "172.30.0.0/16", kinds.subnet, "Network of the students' servers."),
    Setting("students_internet", True, kinds.yes_or_no, "Whether a student's server reaches the internet."),
    Setting("ydoc_layer", "auto", LAYER, "Real-time collaboration in the image: auto, required or off."),
    Setting("fluent_bit_layer", "auto", LAYER, "fluent-bit in the image: auto, required or off."),
    Setting("notebook_packages", "minimal", kinds.choice("minimal", "scipy"), "What a student can import."),
    Setting("keep_releases", 3, number(int, 2, 100), "Releases that stay, current and previous among them."),
    Setting("gate_seconds", 60, number(int, 5, 3600), "How long the health gate waits for Juno's answer."),
    Setting("disk_free_gb", 5.0, number(float, 0, 100_000), "A deploy needs so much free disk, GB."),
    Setting("registry", "", kinds.registry, "Where images go on their way to the hosts; empty: by SSH."),
)
NAMES = [one.name for one in SETTINGS]


def check(given: Mapping[str, Any], secrets: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Every setting with its value, and a sentence for each mistake. An empty value means the default."""
    settings: dict[str, Any] = {}
    wrong = [rules.unknown(str(name), NAMES) for name in given if name not in NAMES]
    bad: set[str] = set()
    for one in SETTINGS:
        value = given.get(one.name)
        settings[one.name] = _copy(one.default)
        if value is None or value == "":
            continue
        try:
            settings[one.name] = one.check(value)
        except ValueError as error:
            bad.add(one.name)
            wrong.append(f"{one.name} is {_shown(one.name, value)}: expected {error}")
    if settings["authenticator"] in rules.ELSEWHERE and given.get("admin_users") in (None, ""):
        settings["admin_users"] = []
    # A default stands in the place of what is wrong in itself: nobody is to be blamed for that.
    wrong += [said for names, said in rules.pairs(settings) if not names & bad]
    if not bad & {"authenticator", "authenticator_options"}:
        wrong += rules.authenticator(settings, secrets)
    wrong += rules.vault(settings, secrets)
    return settings, wrong


def table() -> str:
    """All settings as a table in Markdown, as docs/settings-deployment.md has it."""
    lines = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{one.name}` | {one.type} | {_default(one.default)} | {one.meaning} |" for one in SETTINGS]
    return "\n".join(lines)


def _default(value: Any) -> str:
    if value in ("", [], {}):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _shown(name: str, value: Any) -> str:
    """A wrong value as a message may have it: short, and without what might be a password."""
    if name == "authenticator_options":
        return f"a {type(value).__name__}"
    shown = re.sub(r"//[^/@\s]*@", "//…@", repr(value))
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))
