"""What is there, what of it differs from what must be there, and the script that puts it right. Pure.

A script is what iptables-restore reads: one transaction, so a packet meets the old rules or the new ones and never half
of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from firewall.rules import Jump, Ruleset

LEADS = re.compile(r"-[jg] (\S+)")
OURS = re.compile(r"-[jg] JELAI-")
BUILT_IN = {"INPUT", "FORWARD", "OUTPUT"}
LETS_ALL_THROUGH = "-j ACCEPT"


@dataclass(frozen=True)
class Table:
    """The table `filter` of one family: every chain with its rules, in order."""

    chains: dict[str, tuple[str, ...]]


def parse(saved: str) -> Table:
    """The table in what iptables-save printed."""
    chains: dict[str, list[str]] = {}
    for line in saved.splitlines():
        if line.startswith(":"):
            chains.setdefault(line[1:].split(" ", 1)[0], [])
        elif line.startswith("-A "):
            _, chain, rule = line.split(" ", 2)
            chains.setdefault(chain, []).append(rule)
    return Table({name: tuple(rules) for name, rules in chains.items()})


def differences(wanted: Ruleset, found: Table) -> list[str]:
    """What is not as it must be, in words; empty when all is well."""
    said = []
    for name, rules in wanted.chains.items():
        if name not in found.chains:
            said.append(f"the chain {name} is missing")
        elif found.chains[name] != rules:
            said.append(f"the rules of {name} are not ours")
    said += [f"nothing leads from {jump.parent} to {_target(jump)}" for jump in wanted.jumps if not _leads(jump, found)]
    engine = wanted.engine
    if engine and not _engine_leads(engine, found):
        said.append(f"nothing leads from {engine.parent} to {_target(engine)}, the engine's chain")
    strays = _strays(wanted, found)
    said += [f"{stray.parent} leads to {_target(stray)} once too often" for stray in strays]
    return said


def restore(wanted: Ruleset, found: Table) -> str:
    """The script that makes it so, whatever is there. Rules that are not ours stay as and where they are."""
    lines = []
    for name, rules in wanted.chains.items():
        lines += [f":{name} - [0:0]", *(f"-A {name} {rule}" for rule in rules)]
    # Only the engine can have lost a chain; those of the kernel are always there.
    missing = {jump.parent for jump in wanted.jumps} - found.chains.keys() - BUILT_IN
    lines += [f":{parent} - [0:0]" for parent in sorted(missing)]
    lines += [_delete(jump) for jump in _all_jumps(wanted.chains, found)]
    lines += [f"-I {jump.parent} 1 {jump.rule}" for jump in reversed(wanted.jumps)]
    if (engine := wanted.engine) and not _engine_leads(engine, found):
        lines += [_delete(engine)] * found.chains.get(engine.parent, ()).count(engine.rule)
        lines.append(f"-I {engine.parent} 1 {engine.rule}")
    return _script(lines)


def removal(chains: Iterable[str], found: Table) -> str:
    """The script that takes our chains away with all that leads to them; empty when there is nothing of ours."""
    there = [name for name in chains if name in found.chains]
    lines = [_delete(jump) for jump in _all_jumps(there, found)]
    lines += [line for name in there for line in (f":{name} - [0:0]", f"-X {name}")]
    return _script(lines) if lines else ""


def mentions(bridge: str, found: Table) -> bool:
    """Whether rules other than ours are about a bridge, as the engine's are when it has a network there."""
    device = re.compile(rf"-[io] {re.escape(bridge)}(?: |$)")
    return any(
        device.search(rule) and not OURS.search(rule)
        for name, rules in found.chains.items()
        if not name.startswith("JELAI-")
        for rule in rules
    )


def _leads(jump: Jump, found: Table) -> bool:
    """Whether the jump is there, before every rule that is not a jump of ours or of another stack's."""
    for rule in found.chains.get(jump.parent, ()):
        if rule == jump.rule:
            return True
        if not OURS.search(rule):
            return False
    return False


def _engine_leads(engine: Jump, found: Table) -> bool:
    rules = found.chains.get(engine.parent, ())
    return engine.rule in rules and LETS_ALL_THROUGH not in rules[: rules.index(engine.rule)]


def _all_jumps(chains: Iterable[str], found: Table) -> list[Jump]:
    """Every rule, wherever it is, that leads to one of these chains."""
    ours = set(chains)
    return [
        Jump(parent, rule)
        for parent, rules in found.chains.items()
        for rule in rules
        if (target := LEADS.search(rule)) and target[1] in ours
    ]


def _strays(wanted: Ruleset, found: Table) -> list[Jump]:
    there = _all_jumps(wanted.chains, found)
    for jump in wanted.jumps:
        if jump in there:
            there.remove(jump)
    return there


def _target(jump: Jump) -> str:
    return jump.rule.rsplit(" ", 1)[-1]


def _delete(jump: Jump) -> str:
    return f"-D {jump.parent} {jump.rule}"


def _script(lines: Iterable[str]) -> str:
    return "\n".join(["*filter", *lines, "COMMIT", ""])
