"""What is there, what of it differs from what must be there, and the script that puts it right. Pure.

A script is what iptables-restore reads: each table is one transaction, so a packet meets the old rules or the new ones
and never half of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from firewall import rules
from firewall.rules import Jump, Ruleset, Wanted

LEADS = re.compile(r"-[jg] (\S+)")
OURS = re.compile(r"-[jg] JELAI-")
BUILT_IN = {"INPUT", "FORWARD", "OUTPUT"}
LETS_ALL_THROUGH = "-j ACCEPT"


@dataclass(frozen=True)
class Table:
    """A table of one family: every chain with its rules, in order."""

    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)


Found = dict[str, Table]
"""What is there of one family, by table."""


def parse(saved: str) -> Found:
    """The tables in what iptables-save printed."""
    found: dict[str, dict[str, list[str]]] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            found[table] = {}
        elif line.startswith(":"):
            found[table].setdefault(line[1:].split(" ", 1)[0], [])
        elif line.startswith("-A "):
            _, chain, rule = line.split(" ", 2)
            found[table].setdefault(chain, []).append(rule)
    return {table: Table({name: tuple(rules) for name, rules in chains.items()}) for table, chains in found.items()}


def differences(wanted: Wanted, found: Found) -> list[str]:
    """What is not as it must be, in words; empty when all is well."""
    return [
        f"{said} (table {table})"
        for table, ruleset in wanted.items()
        for said in _differences(ruleset, found.get(table, Table()))
    ]


def restore(wanted: Wanted, found: Found) -> str:
    """The script that makes it so, whatever is there. Rules that are not ours stay as and where they are."""
    return "".join(_script(table, _restore(ruleset, found.get(table, Table()))) for table, ruleset in wanted.items())


def removal(wanted: Iterable[str], found: Found) -> str:
    """The script that takes these chains away with all that leads to them; empty when nothing of them is there."""
    ours = set(wanted)
    return "".join(_script(name, lines) for name, table in found.items() if (lines := _removal(ours, table)))


def orphans(found: Found, devices: Collection[str]) -> set[str]:
    """Chains about a bridge that is not there any more, of a stack that was taken down."""
    ours = {chain: rules.bridges(chain) for table in found.values() for chain in table.chains}
    return {chain for chain, bridges in ours.items() if bridges and not bridges.intersection(devices)}


def _differences(wanted: Ruleset, found: Table) -> list[str]:
    said = []
    for name, wanted_rules in wanted.chains.items():
        if name not in found.chains:
            said.append(f"the chain {name} is missing")
        elif found.chains[name] != wanted_rules:
            said.append(f"the rules of {name} are not ours")
    said += [f"nothing leads from {jump.parent} to {_target(jump)}" for jump in wanted.jumps if not _leads(jump, found)]
    engine = wanted.engine
    if engine and not _engine_leads(engine, found):
        said.append(f"nothing leads from {engine.parent} to {_target(engine)}, the engine's chain")
    strays = _strays(wanted, found)
    return said + [f"{stray.parent} leads to {_target(stray)} once too often" for stray in strays]


def _restore(wanted: Ruleset, found: Table) -> list[str]:
    lines = []
    for name, wanted_rules in wanted.chains.items():
        lines += [f":{name} - [0:0]", *(f"-A {name} {rule}" for rule in wanted_rules)]
    # Only the engine can have lost a chain; those of the kernel are always there.
    missing = {jump.parent for jump in wanted.jumps} - found.chains.keys() - BUILT_IN
    lines += [f":{parent} - [0:0]" for parent in sorted(missing)]
    lines += [_delete(jump) for jump in _all_jumps(wanted.chains, found)]
    lines += [f"-I {jump.parent} 1 {jump.rule}" for jump in reversed(wanted.jumps)]
    if (engine := wanted.engine) and not _engine_leads(engine, found):
        lines += [_delete(engine)] * found.chains.get(engine.parent, ()).count(engine.rule)
        lines.append(f"-I {engine.parent} 1 {engine.rule}")
    return lines


def _removal(ours: set[str], found: Table) -> list[str]:
    there = sorted(ours & found.chains.keys())
    lines = [_delete(jump) for jump in _all_jumps(there, found)]
    return lines + [line for name in there for line in (f":{name} - [0:0]", f"-X {name}")]


def mentions(bridge: str, found: Found) -> bool:
    """Whether rules other than ours are about a bridge, as the engine's are when it has a network there."""
    filtering = found.get("filter", Table())
    device = re.compile(rf"-[io] {re.escape(bridge)}(?: |$)")
    return any(
        device.search(rule) and not OURS.search(rule)
        for name, rules in filtering.chains.items()
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


def _script(table: str, lines: Iterable[str]) -> str:
    return "\n".join([f"*{table}", *lines, "COMMIT", ""])
