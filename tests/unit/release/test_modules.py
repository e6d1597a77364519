"""The modules as ansible runs them: what they change, and that neither a second run nor check mode does."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plays import Task, dry, play
from release import audit, journal, lock
from release.layout import Layout
from release.owner import from_dict, owner_here
from release.store import Store
from release.tables import unpainted
from release_cases import Staging

WANTED = {
    "images": {"hub": "sha256:hub", "tutor": "sha256:tutor"},
    "files": {"compose.yaml": "services: {}\n", "compose.env": "RELEASE=@RELEASE_ID@\n"},
    "settings": {"stack_name": "jelai", "notebook_cpus": 2.0, "admin_users": ["admin"]},
    "who": "ada",
    "git": {"revision": "abc", "dirty": True},
    "layers": {"ydoc": "installed"},
    "hub_schema": "4621fec11365",
}


@pytest.fixture
def root(layout: Layout) -> str:
    return str(layout.root)


def changed(results: list[dict[str, Any]]) -> list[bool]:
    assert not [one for one in results if one.get("failed")], results
    return [one["changed"] for one in results]


def test_settings_fail_with_all_sentences_at_once(tmp_path: Path) -> None:
    good: Task = {"jelai_settings": {"settings": {"hub_port": 8443}, "secrets": {"llm_api_key": "secret-key"}}}
    bad: Task = {"jelai_settings": {"settings": {"hub_prot": 1, "tls_key": "/k", "juno_name": "secret-key"}}}
    bad["jelai_settings"]["secrets"] = {"llm_api_key": "secret-key"}
    right, wrong = play(tmp_path, dry(good), dry(bad))
    assert right["settings"]["hub_port"] == 8443 and right["settings"]["juno_name"] == "Juno" and not right["changed"]
    assert wrong["failed"] and len(wrong["mistakes"]) == 3
    assert wrong["msg"].splitlines() == ["the settings have 3 mistakes:", *wrong["mistakes"]]
    assert "secret-key" not in json.dumps([right, wrong])


def test_a_release_is_staged_once(tmp_path: Path, root: str, layout: Layout) -> None:
    task: Task = {"jelai_release": {"root": root, **WANTED}}
    planned, nothing, first, second = play(tmp_path, dry(task), {"jelai_releases": {"root": root}}, task, task)
    assert planned["changed"] and not planned["is_current"] and nothing["releases"] == []
    assert changed([first, second]) == [True, False]
    assert first["id"] == second["id"] and first["path"] == str(layout.release(first["id"]))
    assert (Path(first["path"]) / "compose.env").read_text() == f"RELEASE={first['id']}\n"
    assert json.loads((Path(first["path"]) / "settings.json").read_text()) == WANTED["settings"]
    assert first["manifest"]["git"] == {"revision": "abc", "dirty": True} and first["manifest"]["who"] == "ada"


def test_the_same_moment_gives_the_same_name_on_every_host(tmp_path: Path) -> None:
    made = {**WANTED, "created": "2025-03-01T12:00:00+00:00"}
    one, two = play(tmp_path, *({"jelai_release": {"root": str(tmp_path / name), **made}} for name in "ab"))
    assert one["id"] == two["id"] and one["id"].startswith("20250301-120000-")


def test_a_release_becomes_current_and_gets_its_facts(tmp_path: Path, root: str, store: Store, staged: Staging) -> None:
    release = staged(1)
    point: Task = {"jelai_release": {"root": root, "state": "current", "id": release.content[:8]}}
    note: Task = {"jelai_release": {"root": root, "state": "recorded", "id": release.id}}
    note["jelai_release"]["facts"] = {"gate": {"outcome": "passed"}, "seconds": 12.5}
    planned, noted, *results = play(tmp_path, dry(point), dry(note), point, note, point, note)
    assert changed([planned, noted]) == [True, True] and not planned["is_current"] and noted["manifest"]["gate"] == {}
    assert changed(results) == [True, True, False, False] and results[0]["is_current"]
    found = store.current()
    assert found and found.id == release.id and found.gate == {"outcome": "passed"} and found.seconds == 12.5


def test_a_release_that_is_not_there_is_one_sentence(tmp_path: Path, root: str) -> None:
    (said,) = play(tmp_path, {"jelai_release": {"root": root, "state": "current", "id": "nonsense"}})
    assert said["msg"] == "there is no release 'nonsense' on this host; it has: none"


def test_the_list_of_releases(tmp_path: Path, root: str, layout: Layout, store: Store, staged: Staging) -> None:
    old, new, broken = staged(1, "passed"), staged(2, "passed"), staged(3)
    store.point(old.id)
    store.point(new.id)
    layout.manifest(broken.id).write_text("")
    (found,) = play(tmp_path, dry({"jelai_releases": {"root": root}}))
    assert changed([found]) == [False]
    assert [(row["id"], row["state"]) for row in found["releases"]] == [
        (broken.id, "damaged"),
        (new.id, "current"),
        (old.id, "previous"),
    ]
    assert found["current"] == new.id and found["previous"] == old.id
    store.record(new.id, seconds=95.0, tests={"passed": 613, "failed": 0})
    store.record(old.id, tests={"passed": 612, "failed": 1})
    (found,) = play(tmp_path, {"jelai_releases": {"root": root}})
    lines = unpainted(found["table"]).splitlines()
    assert "613 passed" in lines[2] and "1 min" in lines[2] and "1 of 613 failed" in lines[3]
    row = found["releases"][1]
    assert row["gate"] == "passed" and row["age"] > 0 and row["missing"] == ["hub", "tutor"] and row["size"] == 0


def test_the_lock_is_the_plays_and_not_the_modules(tmp_path: Path, root: str, layout: Layout) -> None:
    who: Task = {"jelai_owner": {"who": "ada"}, "register": "me"}
    take: Task = {"jelai_lock": {"root": root, "owner": "{{ me.owner }}"}, "register": "locked"}
    free: Task = {"jelai_lock": {"root": root, "state": "absent", "token": "{{ locked.token }}"}}
    results = play(tmp_path, who, dry(take), take, take, dry(take), dry(free), free, free)
    assert changed(results) == [False, True, True, False, False, True, True, False]
    me, planned, first, again, *_ = results
    assert planned["token"] == "" and first["token"] == again["token"] and me["owner"]["owner"] == "ada"
    assert lock.look(layout) is None


def test_the_lock_of_a_play_that_died_is_taken_over(tmp_path: Path, root: str) -> None:
    take: Task = {"jelai_lock": {"root": root, "owner": "{{ me.owner }}", "verb": "rollback"}}
    play(tmp_path, {"jelai_owner": {}, "register": "me"}, take)
    _, taken = play(tmp_path, {"jelai_owner": {}, "register": "me"}, take)
    assert taken["changed"] and "its process is gone" in taken["took_over"]


def test_a_dead_play_s_lock_on_another_host_is_judged_where_the_play_was(
    tmp_path: Path, root: str, layout: Layout
) -> None:
    far = {**owner_here(who="bob").as_dict(), "host": "elsewhere"}  # as the hub host sees a process of the operator's
    lock.acquire(layout, from_dict(far), "deploy", 60)
    look: Task = {"jelai_lock": {"root": root, "state": "looked"}, "register": "held"}
    gone: Task = {"jelai_owner": {"other": {**owner_here().as_dict(), "started": 1}}, "register": "me"}
    unknown: Task = {"jelai_owner": {"other": "{{ held.owner }}"}, "register": "me"}
    take: Task = {"jelai_lock": {"root": root, "owner": "{{ me.owner }}", "token": "{{ held.token }}"}}
    take["jelai_lock"]["life"] = "{{ me.life }}"
    found, unseen, kept_out, seen, planned, taken, nothing = play(
        tmp_path, dry(look), unknown, take, gone, dry(take), take, {"jelai_owner": {"other": {}}}
    )
    assert found["owner"] == far and unseen["life"] == "unknown" and "another machine" in kept_out["msg"]
    assert seen["life"] == "gone" and changed([planned, taken]) == [True, True] and nothing["life"] == "unknown"
    assert "deploy by bob on elsewhere" in taken["took_over"] and "its process is gone" in taken["took_over"]


def test_a_held_lock_is_one_sentence_and_can_be_broken(tmp_path: Path, root: str, layout: Layout) -> None:
    lock.acquire(layout, owner_here(who="bob"), "drain", 60)
    who: Task = {"jelai_owner": {}, "register": "me"}
    take: Task = {"jelai_lock": {"root": root, "owner": "{{ me.owner }}"}}
    force: Task = {"jelai_lock": {**take["jelai_lock"], "break": True}}
    _, *results = play(tmp_path, who, dry(take), dry(force), take, force)
    for held, forced in (results[:2], results[2:]):
        assert held["failed"] and "drain by bob" in held["msg"] and "BREAK_LOCK=1" in held["msg"]
        assert forced["changed"] and "drain by bob" in forced["took_over"]


def test_what_a_play_does_is_written_down(tmp_path: Path, root: str, layout: Layout) -> None:
    who: Task = {"jelai_owner": {}, "register": "me"}
    start: Task = {"jelai_audit": {"root": root, "state": "started", "verb": "deploy", "owner": "{{ me.owner }}"}}
    start["register"] = "started"
    end: Task = {"jelai_audit": {"root": root, "state": "ended", "id": "{{ started.id }}", "outcome": "done"}}
    read: Task = {"jelai_audit": {"root": root, "state": "read"}}
    results = play(tmp_path, who, dry(start), dry(end), read, start, end, start, read)
    assert changed(results) == [False, True, True, False, True, True, True, False]
    assert results[3]["history"] == []
    assert [(one["verb"], one["outcome"]) for one in results[-1]["history"]] == [
        ("deploy", "running"),
        ("deploy", "done"),
    ]
    assert [one.outcome for one in audit.history(layout)] == ["interrupted", "done"], "the play has ended"


def test_the_last_sentence_says_what_really_serves(tmp_path: Path, root: str, store: Store, staged: Staging) -> None:
    def end(before: str | None, outcome: str = "failed") -> Task:
        given = {"root": root, "verb": "deploy", "outcome": outcome, "said": "it broke."}
        return {"jelai_outcome": given if before is None else {**given, "before": before}}

    (nothing,) = play(tmp_path, end(""))
    assert nothing["failed"] and nothing["msg"] == "deploy failed: it broke. nothing serves on this host yet."
    old, new = staged(1).id, staged(2).id
    store.point(new)
    done, as_before, untold, after = play(tmp_path, end(old, "serves"), end(new), end(None), end(old))
    assert done["said"] == f"deploy done: {new} serves (it broke)"
    assert as_before["msg"] == untold["msg"] == f"deploy failed: it broke. {new} serves as before."
    assert after["msg"] == f"deploy failed at its end: {new} serves now, but it broke."
    journal.write(store.layout, new, old, owner=replace(owner_here(), started=1))
    (torn,) = play(tmp_path, end(new))
    assert torn["msg"].endswith(f"{new} should serve, but a switch to {old} did not end: the next deploy mends that.")
    journal.write(store.layout, new, old)
    (running,) = play(tmp_path, end(new))
    assert f"The switch to {old} goes on by itself" in running["msg"]


def test_secrets_are_made_once_and_never_printed(tmp_path: Path, root: str, layout: Layout) -> None:
    task: Task = {"jelai_secrets": {"root": root, "given": {"llm_api_key": "k-of-the-operator"}}}
    show: Task = {"jelai_secrets": {**task["jelai_secrets"], "show": True}}
    planned, first, second, shown = play(tmp_path, dry(task), task, task, show)
    assert changed([planned, first, second, shown]) == [True, True, False, False]
    assert planned["made"] == first["made"], "check mode has not made them"
    assert set(first["made"]) == {path.name for path in layout.secrets.iterdir()} - {"llm_api_key"}
    assert first["written"] == ["llm_api_key"]
    printed = json.dumps([first, second])
    assert not [path.name for path in layout.secrets.iterdir() if path.read_text() in printed]
    assert set(shown["passwords"]) == {"admin_password", "student_password"}
    assert shown["passwords"]["student_password"] == layout.secret("student_password").read_text()


def test_preflight_says_what_is_in_the_way(tmp_path: Path, root: str) -> None:
    settings = {"stack_name": "jelai", "hub_address": "127.0.0.1", "hub_port": 45871, "notebook_memory": "256M"}
    settings |= {"students_subnet": "10.99.0.0/16", "tls_certificate": "", "tls_key": "", "ca_bundle": ""}
    good, bad = play(
        tmp_path,
        dry({"jelai_preflight": {"root": root, "settings": settings | {"disk_free_gb": 0}}}),
        {"jelai_preflight": {"root": root, "settings": settings | {"disk_free_gb": 1e6, "notebook_memory": "1T"}}},
    )
    blocked = [line for line in bad["problems"] if "GB free" in line or "of memory" in line]
    assert len(blocked) >= 2 and bad["msg"] == "\n".join(bad["problems"])
    # What this machine lacks (an engine, say) is no mistake of the module's.
    assert good["problems"] == [line for line in bad["problems"] if line not in blocked]


@pytest.mark.skipif(os.system("docker info >/dev/null 2>&1") != 0, reason="asks a Docker Engine what it runs")
def test_pruning_lists_in_check_mode_and_then_does_it(tmp_path: Path, root: str, store: Store, staged: Staging) -> None:
    names = [staged(number, "passed").id for number in range(5)]
    store.point(names[0])
    store.point(names[4])
    task: Task = {"jelai_prune": {"root": root, "keep": 3}}
    planned, there, first, second = play(tmp_path, dry(task), {"jelai_releases": {"root": root}}, task, task)
    assert changed([planned, first, second]) == [True, True, False] and len(there["releases"]) == 5
    assert planned["releases"] == first["releases"] == [names[2], names[1]]
    assert [one.id for one in store.all()] == [names[4], names[3], names[0]]
