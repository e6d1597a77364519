"""Whatever was deployed, rolled back, killed and pruned: what serves, what a rollback needs and what runs stays."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from crashes import crash_at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from release.layout import Layout
from release.retention import Release, prunable
from release.store import Store, StoreError
from release_cases import made

IMAGES = st.sampled_from(["sha256:a", "sha256:b", "sha256:c", "sha256:d", "sha256:e"])


@st.composite
def hosts(draw: st.DrawFn) -> list[Release]:
    """Releases newest first; at most one is current, and one previous."""
    states = draw(st.lists(st.sampled_from(["kept", "failed", "staged", "damaged"]), max_size=8))
    for state in ("current", "previous"):
        place = draw(st.none() | st.integers(0, 8))
        if place is not None and place < len(states):
            states[place] = state
    releases = []
    for number, state in enumerate(states):
        manifest, _ = made(100 - number, {"hub": draw(IMAGES), "tutor": draw(IMAGES)})
        known = state != "damaged" and (state not in ("current", "previous") or draw(st.integers(0, 9)) > 0)
        damage = "" if known and draw(st.booleans()) else "not what was staged"
        releases.append(Release(manifest.id, state, manifest if known else None, damage))
    return releases


@given(hosts(), st.integers(0, 5), st.sets(st.integers(0, 8)), st.sets(IMAGES))
def test_what_is_needed_stays(found: list[Release], keep: int, numbers: set[int], used_images: set[str]) -> None:
    used_releases = {one.id for number, one in enumerate(found) if number in numbers}
    releases, images = prunable(found, keep, used_releases, used_images)
    staying = [one for one in found if one.id not in releases]
    gone = [one for one in found if one.id in releases]
    serving = [one for one in found if one.state in ("current", "previous")]
    assert all(one in staying for one in serving)
    assert not used_releases & set(releases)
    assert not used_images & set(images)
    assert not [one for one in staying if one.images & set(images)], "a release that stays lost an image"
    accounted = {image for one in serving for image in one.images}
    assert not [one for one in gone if one.images & used_images - accounted], "what a container runs lost its release"
    assert set(images) <= {image for one in gone for image in one.images}, "an image of nobody's release went"
    good = [one for one in found if one.state in ("current", "previous") or (one.state == "kept" and not one.damage)]
    assert len([one for one in staying if one in good]) >= min(keep, len(good))
    assert not [one for one in gone if one.manifest is None], "nobody knows what that one needs"


@given(hosts(), st.integers(2, 5), st.sets(IMAGES))
def test_pruning_twice_is_pruning_once(found: list[Release], keep: int, used_images: set[str]) -> None:
    releases, _ = prunable(found, keep, (), used_images)
    assert prunable([one for one in found if one.id not in releases], keep, (), used_images) == ([], [])


def release(number: int, state: str, hub: str) -> Release:
    manifest, _ = made(number, {"hub": hub, "tutor": "sha256:tutor"})
    return Release(manifest.id, state, manifest)


def test_of_many_good_ones_the_newest_stay_and_the_newest_failure_with_its_logs() -> None:
    states = ["failed", "current", "kept", "failed", "previous", "kept", "staged"]
    found = [release(9 - number, state, f"sha256:{number}") for number, state in enumerate(states)]
    releases, images = prunable(found, 3, (), ())
    assert releases == [found[3].id, found[5].id, found[6].id]
    assert images == ["sha256:3", "sha256:5", "sha256:6"]


def test_an_image_that_all_releases_share_keeps_none_of_them() -> None:
    found = [release(9 - number, state, f"sha256:{number}") for number, state in enumerate(["current", "kept", "kept"])]
    assert prunable(found, 1, (), {"sha256:tutor", "sha256:0"}) == (
        [found[1].id, found[2].id],
        ["sha256:1", "sha256:2"],
    )


class Host(RuleBasedStateMachine):
    """A host that is deployed to, rolled back, pruned and killed in any order; a model says what must serve."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store(Layout(self.folder / "jelai"))
        self.store.layout.make()
        self.allowed = {("", "")}

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def links(self) -> tuple[str, str]:
        current, previous = self.store.current(), self.store.previous()
        return current.id if current else "", previous.id if previous else ""

    def ids(self) -> list[str]:
        return [one.id for one in self.store.all()]

    @rule(number=st.integers(0, 5))
    def stage(self, number: int) -> None:
        manifest = self.store.stage(*made(number))
        assert self.store.get(manifest.id) == manifest

    @precondition(lambda self: self.ids())
    @rule(data=st.data(), moment=st.none() | st.integers(0, 30))
    def point(self, data: st.DataObject, moment: int | None) -> None:
        identity = data.draw(st.sampled_from(self.ids()))
        old = self.links()
        new = old if identity == old[0] else (identity, old[0])
        if moment is None:
            self.store.point(identity)
            self.allowed = {new}
            return
        with crash_at(moment):
            self.store.point(identity)
        self.store.repair()
        self.allowed = {old, new}

    @precondition(lambda self: self.ids())
    @rule(data=st.data(), outcome=st.sampled_from(["passed", "failed"]))
    def gate(self, data: st.DataObject, outcome: str) -> None:
        self.store.record(data.draw(st.sampled_from(self.ids())), gate={"outcome": outcome})

    @rule(keep=st.integers(0, 3), moment=st.none() | st.integers(0, 20))
    def prune(self, keep: int, moment: int | None) -> None:
        for identity in self.store.prunable(keep, (), ())[0]:
            if moment is None:
                self.store.remove(identity)
                assert identity not in self.ids()
            else:
                with crash_at(moment):
                    self.store.remove(identity)
        self.store.repair()

    @precondition(lambda self: self.ids())
    @rule(data=st.data())
    def remove_anything(self, data: st.DataObject) -> None:
        identity = data.draw(st.sampled_from(self.ids()))
        try:
            self.store.remove(identity)
        except StoreError:
            assert identity in self.links()
        else:
            assert identity not in self.links()

    @invariant()
    def what_serves_is_what_was_last_pointed_at(self) -> None:
        links = self.links()
        assert links in self.allowed
        self.allowed = {links}
        assert links == ("", "") or links[0] != links[1]

    @invariant()
    def nothing_is_damaged_or_half_done(self) -> None:
        assert [one.damage for one in self.store.all() if one.damage] == []
        assert self.store.repair() == []


Host.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHost = Host.TestCase
