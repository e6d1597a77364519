"""The docker commands that build the images, and what their output says. Pure: nothing is run here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LAYER_STAGES = {"environments-ydoc": "ydoc", "fluent-bit": "fluent-bit", "fluent-bit-download": "fluent-bit"}
"""The build stage that makes each optional layer."""

COMPLAINT = re.compile(r"(?i:e|error|failed|no solution|hash mismatch)\b|[A-Z][A-Z_]+:")
"""How the programs of a build begin to say what is wrong: apt, pip, uv, docker, and our own scripts."""

Outcomes = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Build:
    """One image to build."""

    folder: Path
    tag: str
    arguments: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Path] = field(default_factory=dict)
    target: str = ""

    def argv(self, iidfile: Path) -> list[str]:
        """The command. Secrets are files, so nothing of them is in the list of arguments."""
        argv = ["docker", "buildx", "build", "--load", "--progress=plain", "--provenance=false"]
        # A build finds a mirror on this machine by the name that the containers have for it.
        argv += [f"--tag={self.tag}", f"--iidfile={iidfile}", "--add-host=host.docker.internal:host-gateway"]
        argv += [f"--build-arg={name}={value}" for name, value in self.arguments.items()]
        argv += [f"--build-context={name}={place}" for name, place in self.contexts.items()]
        argv += [f"--secret=id={name},src={file}" for name, file in self.secrets.items()]
        argv += [f"--target={self.target}"] if self.target else []
        return [*argv, str(self.folder)]


def first_outcomes(wanted: dict[str, str], *, fluent_bit_source: str) -> Outcomes:
    """What is installed if all goes well."""
    outcomes: Outcomes = {}
    for layer, want in wanted.items():
        reason = "switched off" if want == "off" else ""
        if not reason and layer == "fluent-bit" and fluent_bit_source == "none":
            reason = "neither a package nor a repository was given (FLUENT_BIT_PACKAGE, FLUENT_BIT_REPOSITORY)"
        outcomes[layer] = {"wanted": want, "installed": not reason, "reason": reason}
    return outcomes


def label(outcome: dict[str, Any]) -> str:
    """A layer's outcome as an image label."""
    if outcome["installed"]:
        return "installed"
    return "off" if outcome["wanted"] == "off" else f"missing: {outcome['reason']}"


def layer_arguments(outcomes: Outcomes) -> dict[str, str]:
    """Build arguments that record the outcomes in the image."""
    return {
        "LAYERS": json.dumps(outcomes, sort_keys=True),
        "LAYER_YDOC": label(outcomes["ydoc"]),
        "LAYER_FLUENT_BIT": label(outcomes["fluent-bit"]),
    }


def failed_layer(output: str) -> str:
    """The optional layer whose stage failed, or nothing where something else did."""
    stages = re.findall(r"^ > \[(\S+) +\d+/\d+\]", output, re.MULTILINE)
    return LAYER_STAGES.get(stages[-1], "") if stages else ""


def reason(output: str) -> str:
    """Why a build failed, in one line that names no address (an index's address can hold a password)."""
    failed = re.search(r"^#(\d+) ERROR: process", output, re.MULTILINE)
    if failed:  # what the step that failed printed
        said = re.findall(rf"^#{failed[1]} \d+\.\d+ (.*)", output, re.MULTILINE)
    else:
        said = re.findall(r"^ERROR: .*", output, re.MULTILINE)
    lines = [found for line in said if (found := line.strip(" ×╰─▶│├·"))]
    starts = [i for i, line in enumerate(lines) if COMPLAINT.match(line)]
    first = starts[0] if starts else max(len(lines) - 2, 0)
    words = " ".join(lines[first : first + 2]) or "see the build's log"
    return re.sub(r"\S+://\S+", "(address)", words)[:300]
