"""The report of `make verify`: one HTML page that needs nothing else. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; --dim: #6e7781 }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p.sum { font-size: 1.1rem; margin-top: .25rem } p.sum.failed { color: var(--bad) } p.sum.passed { color: var(--good) }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid var(--line); padding: .4rem .6rem }
td { vertical-align: top } td:first-child { width: 1.5rem; text-align: center; font-weight: bold }
td:last-child { text-align: right; white-space: nowrap; color: var(--dim) } .said { color: var(--dim) }
.passed td:first-child { color: var(--good) } .failed td:first-child, .failed .said { color: var(--bad) }
.skipped { color: var(--dim) } pre { overflow-x: auto; font-size: 12px; background: #8881; padding: .6rem }
"""
MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}
GROUPS = {
    "release": "What lies on the host",
    "services": "Services",
    "isolation": "A student's network, seen from inside",
    "students": "Students' servers",
    "probe": "A throw-away student",
}


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """How it ended, in a sentence."""
    count = Counter(row["outcome"] for row in rows)
    parts = [f"{count['passed']} of {len(rows)} checks passed"]
    parts += [f"{count[key]} {word}" for key, word in (("failed", "failed"), ("skipped", "left out")) if count[key]]
    return ", ".join(parts)


def page(rows: Sequence[Mapping[str, Any]], hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """The page."""
    outcome = "failed" if any(row["outcome"] == "failed" for row in rows) else "passed"
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    body = [f"<h1>JELAI verify</h1><p class='sum {outcome}'>{escape(summary(rows))}</p><p>{made}</p>"]
    for host in dict.fromkeys(str(row["host"]) for row in rows):
        release = hosts.get(host, {}).get("release", {}).get("id", "")
        body.append(f"<h2>{escape(host)} <small>{escape(release)}</small></h2>")
        own = [row for row in rows if row["host"] == host]
        for group in dict.fromkeys(str(row["group"]) for row in own):
            body.append(f"<h2>{escape(GROUPS.get(group, group))}</h2><table>")
            body += [_row(row) for row in own if row["group"] == group]
            body.append("</table>")
    head = f"<meta charset='utf-8'><title>JELAI verify: {outcome}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>\n"


def _row(row: Mapping[str, Any]) -> str:
    said = f"<br><span class='said'>{escape(str(row['said']))}</span>" if row["said"] else ""
    details = f"<details><summary>details</summary><pre>{escape(str(row['details']))}</pre></details>"
    more = details if row["details"] else ""
    mark, text = MARKS[str(row["outcome"])], escape(str(row["check"]))
    cells = f"<td>{mark}</td><td>{text}{said}{more}</td><td>{float(row['seconds']):.1f} s</td>"
    return f"<tr class='{row['outcome']}'>{cells}</tr>"
