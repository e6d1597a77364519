"""A release is there whole or not at all, never changes, and its name is enough to find it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from release.layout import Layout
from release.manifest import content_digest
from release.store import Store, StoreError
from release_cases import Staging, contents, made


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_staged_release_holds_its_files_and_its_manifest(store: Store, layout: Layout, staged: Staging) -> None:
    release = staged(1)
    assert release.id.startswith("20250301-120100-") and release.id.endswith(release.content[:8])
    found = files_of(layout.release(release.id))
    assert found["compose.yaml"] == b"services: {}\n"
    assert json.loads(found["settings.json"])["number"] == 1
    assert json.loads(found["manifest.json"])["images"] == {"hub": "sha256:hub1", "tutor": "sha256:tutor"}
    assert store.get(release.id) == release


def test_its_own_name_is_put_into_its_files(layout: Layout, staged: Staging) -> None:
    release = staged(1)
    assert (layout.release(release.id) / "compose.env").read_text() == f"RELEASE={release.id}\n"


def test_the_same_content_is_the_same_release(store: Store, layout: Layout, staged: Staging) -> None:
    first = staged(1)
    manifest, files = made(1)
    later = type(manifest)(**{**vars(manifest), "id": f"20260101-000000-{manifest.content[:8]}"})
    assert store.stage(later, files) == first
    assert [path.name for path in layout.releases.iterdir()] == [first.id]


def test_of_two_releases_of_the_same_content_the_current_one_counts(store: Store, staged: Staging) -> None:
    older, newer = staged(1), staged(2)
    store.point(older.id)
    assert store.same(older.content) == older
    assert store.same(newer.content) == newer


def test_a_damaged_release_is_reported_and_not_used_again(store: Store, layout: Layout, staged: Staging) -> None:
    release = staged(1)
    (layout.release(release.id) / "compose.yaml").write_text("services: {other: {}}\n")
    assert [(one.id, one.state) for one in store.all()] == [(release.id, "staged")]
    assert "not those that were staged" in store.all()[0].damage
    assert store.same(release.content) is None
    with pytest.raises(StoreError, match="cannot be used: the files in"):
        store.get(release.id)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": 1}'])
def test_a_manifest_that_cannot_be_read_is_reported(text: str, store: Store, layout: Layout, staged: Staging) -> None:
    release, other = staged(1), staged(2)
    layout.manifest(release.id).write_text(text)
    assert [(one.id, one.state, bool(one.damage)) for one in store.all()] == [
        (other.id, "staged", False),
        (release.id, "damaged", True),
    ]
    assert str(layout.manifest(release.id)) in store.all()[1].damage


def test_states_are_told_newest_first(store: Store, staged: Staging) -> None:
    for number, gate in enumerate(("passed", "passed", "passed", "failed", "")):
        staged(number, gate)
    names = [one.id for one in store.all()]
    store.point(names[3])
    store.point(names[2])
    assert [one.state for one in store.all()] == ["staged", "failed", "current", "previous", "kept"]


def test_a_beginning_is_enough_when_it_is_unambiguous(store: Store, staged: Staging) -> None:
    one, two = staged(1), staged(2)
    assert store.get("20250301-1201") == one
    assert store.get(two.content[:8]) == two
    with pytest.raises(StoreError, match=f"could be {two.id} or {one.id}: write more of it"):
        store.get("2025")
    with pytest.raises(StoreError, match="no release 'nonsense' on this host; it has: 2025"):
        store.get("nonsense")
    with pytest.raises(StoreError):
        store.get("")


def test_a_host_without_releases_has_none(tmp_path: Path) -> None:
    store = Store(Layout(tmp_path / "nothing"))
    assert store.all() == [] and store.current() is None and store.previous() is None


def test_what_is_known_later_is_added_and_nothing_else_changes(store: Store, layout: Layout, staged: Staging) -> None:
    release = staged(1)
    before = files_of(layout.release(release.id))
    store.record(release.id, gate={"outcome": "passed"}, seconds=12.5)
    after = files_of(layout.release(release.id))
    assert store.get(release.id).gate == {"outcome": "passed"} and store.get(release.id).seconds == 12.5
    assert {name for name in after if after[name] != before.get(name)} == {"manifest.json"}
    with pytest.raises(StoreError, match="images of a release cannot change"):
        store.record(release.id, images={})


def test_logs_are_not_part_of_what_a_release_is(store: Store, layout: Layout, staged: Staging) -> None:
    release = staged(1)
    (layout.release(release.id) / "logs" / "gate.log").write_text("no answer\n")
    assert store.all()[0].damage == ""


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "manifest.json", "logs/x", ""])
def test_a_file_cannot_be_put_outside(name: str, store: Store) -> None:
    manifest, files = made(1)
    with pytest.raises(StoreError, match="cannot be a file of a release"):
        store.stage(manifest, files | {name: b""})


def test_a_manifest_of_other_files_is_refused(store: Store, layout: Layout) -> None:
    manifest, files = made(1)
    with pytest.raises(StoreError, match="does not belong to these files"):
        store.stage(manifest, files | {"compose.yaml": b"other\n"})
    assert store.all() == []


def test_current_and_previous_cannot_be_removed(store: Store, staged: Staging) -> None:
    one, two, three = staged(1), staged(2), staged(3)
    store.point(one.id)
    store.point(two.id)
    for release in (one, two):
        with pytest.raises(StoreError, match="cannot be removed"):
            store.remove(release.id)
    store.remove(three.id)
    assert [release.id for release in store.all()] == [two.id, one.id]


def test_the_digest_depends_on_content_and_not_on_its_order() -> None:
    files = contents({"a": 1, "b": 2})
    turned = dict(reversed(files.items()))
    digest = content_digest({"x": "1", "y": "2"}, files, {"a": 1, "b": 2})
    assert digest == content_digest({"y": "2", "x": "1"}, turned, {"b": 2, "a": 1})
    assert digest != content_digest({"x": "1", "y": "3"}, files, {"a": 1, "b": 2})
    assert digest != content_digest({"x": "1", "y": "2"}, files, {"a": 1, "b": 3})
    assert digest != content_digest({"x": "1", "y": "2"}, files | {"n": b""}, {"a": 1, "b": 2})
