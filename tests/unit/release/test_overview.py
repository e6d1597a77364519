"""What serves on a host, at a glance."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from release import audit, journal
from release.docker_cli import Answer, Docker
from release.files import point_link
from release.layout import Layout
from release.lock import acquire
from release.manifest import Manifest, content_digest
from release.override import record
from release.overview import Overview, overview, services, shown
from release.owner import owner_here
from release.store import StoreError
from release.tables import RED, paint, unpainted

ID, OLDER = "20260101-000000-00000001", "20250101-000000-00000001"
IMAGES = {
    "hub": "sha256:h",
    "proxy": "sha256:p",
    "tutor": "sha256:t",
    "firewall": "sha256:f",
    "socket-proxy": "sha256:s",
}


def container(service: str, **fields: Any) -> dict[str, Any]:
    state = {"Status": "running", "StartedAt": "2026-01-01T10:00:00Z", "Health": {"Status": "healthy"}}
    return {
        "Name": f"/jelai-{service}-1",
        "Image": IMAGES.get(service, "sha256:x"),
        "RestartCount": 0,
        "Config": {"Labels": {"com.docker.compose.service": service}},
        "State": state,
        "NetworkSettings": {"Ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}], "1/tcp": None}},
        **fields,
    }


def engine(*rows: dict[str, Any]) -> Docker:
    def answer(argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
        if argv[1] == "ps":
            assert "--filter=label=com.docker.compose.project=jelai" in argv
            return Answer(0, "\n".join(json.dumps({"ID": str(number)}) for number in range(len(rows))))
        return Answer(0, json.dumps(rows))

    return Docker(answer)


WELL = engine(*(container(name) for name in IMAGES))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A host with a release and one before it."""
    found = Layout(tmp_path)
    found.make()
    settings = {"stack_name": "jelai", "use_ydoc_chat": "auto"}
    for name in (OLDER, ID):
        folder = found.release(name)
        folder.mkdir()
        data = json.dumps(settings).encode()
        (folder / "settings.json").write_bytes(data)
        manifest = Manifest(
            id=name, content=content_digest(IMAGES, {"settings.json": data}, settings),
            created="2026-01-01T09:00:00+00:00", who="ops", host="h", git={"revision": "abcdef" * 6, "dirty": True},
            images=IMAGES, layers={}, settings_digest="", hub_schema="",
        )  # fmt: skip
        (folder / "manifest.json").write_bytes(manifest.to_json())
    point_link(found.current, f"releases/{ID}")
    point_link(found.previous, f"releases/{OLDER}")
    return found


def text(found: Overview) -> str:
    return unpainted(shown(found, datetime(2026, 1, 1, 12, tzinfo=UTC)))


def test_release_services_and_settings_are_told(layout: Layout) -> None:
    found = overview(layout, WELL)
    assert (found.stack, found.manifest.id, found.previous, found.use_ydoc_chat) == ("jelai", ID, OLDER, "auto")
    assert [one.ailing for one in found.services] == [""] * 5 and found.notes == ()
    said = text(found)
    assert f"{ID}, made 3 h ago by ops from abcdefabcdef+" in said and "USE_YDOC_CHAT=auto\n" in said
    assert "127.0.0.1:80" in said and "2 h" in said
    assert json.loads(json.dumps(found.as_dict()))["services"][0]["name"] == "proxy"


@pytest.mark.parametrize(
    ("row", "ailing"),
    [
        (container("hub", Image="sha256:other"), "runs another image than the release has"),
        (container("hub", State={"Status": "exited", "StartedAt": ""}), "is exited"),
        (
            container("hub", State={"Status": "running", "StartedAt": "", "Health": {"Status": "starting"}}),
            "is starting",
        ),
        (container("hub", State={"Status": "running", "StartedAt": "", "Health": None}), ""),
    ],
)
def test_a_service_that_is_not_as_it_should_be_says_so(row: dict[str, Any], ailing: str) -> None:
    [hub] = [one for one in services("jelai", IMAGES, engine(row)) if one.name == "hub"]
    assert hub.ailing == ailing


def test_a_service_that_is_missing_or_unknown_has_a_row() -> None:
    rows = services("jelai", IMAGES, engine(container("collector")))
    assert [one.name for one in rows] == ["proxy", "hub", "socket-proxy", "firewall", "tutor", "collector"]
    assert rows[0].ailing == "does not run" and rows[-1].ailing == ""


def test_a_service_that_a_release_does_not_have_is_not_missing_in_it() -> None:
    assert "collector" not in [one.name for one in services("jelai", IMAGES, WELL)]
    [collector] = [
        one for one in services("jelai", IMAGES | {"collector": "sha256:c"}, WELL) if one.name == "collector"
    ]
    assert collector.ailing == "does not run"


def test_an_override_is_told_with_what_it_stands_for(layout: Layout) -> None:
    record(layout.override, "false", "ann")
    found = overview(layout, WELL)
    assert found.use_ydoc_chat == "false"
    assert "USE_YDOC_CHAT=false (override since" in text(found) and "by ann; the setting is auto)" in text(found)
    layout.override.write_text("{")
    assert "is damaged" in overview(layout, WELL).notes[0] and overview(layout, WELL).use_ydoc_chat == "auto"


def test_who_is_at_work_and_what_was_done_last_is_told(layout: Layout) -> None:
    first = audit.start(layout, "deploy")
    audit.end(layout, first, "serves")
    audit.start(layout, "rollback")
    acquire(layout, owner_here(), "rollback", 60)
    found = overview(layout, WELL)
    assert found.last.startswith("deploy at 20") and found.last.endswith(": serves")
    assert found.busy.startswith("rollback by ") and "at work    rollback by" in text(found)


def test_a_release_before_it_that_is_damaged_is_a_note_in_red(layout: Layout) -> None:
    (layout.release(OLDER) / "settings.json").write_text("{}")
    found = overview(layout, WELL)
    assert found.previous == "" and found.notes[0].startswith("a rollback is not possible: release")
    assert paint(found.notes[0], RED) in shown(found, datetime.now(UTC))
    layout.previous.unlink()
    assert "before     none" in text(overview(layout, WELL))


def test_where_nothing_is_deployed_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^nothing is deployed on this host: there is no .*/current$"):
        overview(Layout(tmp_path), WELL)


def test_an_interrupted_switch_and_a_damaged_release_are_notes(layout: Layout) -> None:
    journal.write(layout, OLDER, ID)
    assert overview(layout, WELL).notes == (), "it is under way"
    with subprocess.Popen(["sleep", "60"]) as process:
        journal.write(layout, OLDER, ID, owner=owner_here(process.pid))
        process.kill()
    (layout.release(ID) / "compose.yaml").write_text("services: {}")
    damaged, interrupted = overview(layout, WELL).notes
    assert damaged.startswith(f"{ID} serves, but the files in")
    assert interrupted.startswith(f"a switch to {ID} was interrupted")
