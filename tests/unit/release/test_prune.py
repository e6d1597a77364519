"""What nobody needs goes; what a container runs, and what has a name of another use, does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from release import image_names, prune
from release.docker_cli import Answer, Docker
from release.layout import Layout
from release.store import Store
from release_cases import Staging


class FakeDocker:
    """Images with their names, and containers; `stuck` images cannot be removed."""

    def __init__(self, images: Mapping[str, list[str]], containers: Sequence[tuple[str, str]] = ()) -> None:
        self.images, self.containers = dict(images), list(containers)
        self.stuck: set[str] = set()
        self.docker = Docker(self.execute)

    def execute(self, argv: Sequence[str], seconds: float, env: Mapping[str, str] | None, given: str | None) -> Answer:
        if argv[1] == "ps":
            return Answer(0, "\n".join(str(number) for number, _ in enumerate(self.containers)))
        if argv[1:3] == ["container", "inspect"]:
            rows = [{"Image": i, "Config": {"Labels": {"org.jelai.release": r}}} for i, r in self.containers]
            return Answer(0, json.dumps(rows))
        if argv[1:3] == ["image", "inspect"]:
            found = [{"Id": name, "RepoTags": self.images[name]} for name in argv[3:] if name in self.images]
            gone = "".join(f"Error: No such image: {name}\n" for name in argv[3:] if name not in self.images)
            return Answer(1 if gone else 0, json.dumps(found), gone)
        if argv[1] == "tag":
            self.images[argv[2]].append(argv[3])
            return Answer(0)
        for name in argv[3:]:
            identity = next(one for one, names in self.images.items() if name in (one, *names))
            if identity in self.stuck:
                return Answer(1, "", "Error response from daemon: conflict: image is being used")
            self.images[identity] = [one for one in self.images[identity] if one != name]
            if not self.images[identity]:
                del self.images[identity]
        return Answer(0)


def host(store: Store, staged: Staging) -> list[str]:
    """Five good releases, the last two of which serve."""
    names = [staged(number, "passed").id for number in range(5)]
    store.point(names[3])
    store.point(names[4])
    return names


def images(*numbers: int) -> dict[str, list[str]]:
    names = [*(f"sha256:hub{number}" for number in numbers), "sha256:tutor"]
    return {name: [] for name in names}


def run(layout: Layout, docker: Docker, keep: int = 2) -> tuple[prune.Plan, list[str]]:
    todo = prune.plan(layout, keep, docker)
    return todo, prune.apply(layout, todo, docker)


def test_old_releases_go_with_their_images(layout: Layout, store: Store, staged: Staging) -> None:
    names, fake = host(store, staged), FakeDocker(images(0, 1, 2, 3, 4))
    todo, left = run(layout, fake.docker)
    assert todo.releases == [names[2], names[1], names[0]] and left == [] and todo.changed
    assert [one.id for one in store.all()] == [names[4], names[3]]
    assert set(fake.images) == {"sha256:hub3", "sha256:hub4", "sha256:tutor"}
    assert not prune.plan(layout, 2, fake.docker).changed


def test_a_plan_changes_nothing(layout: Layout, store: Store, staged: Staging) -> None:
    host(store, staged)
    fake = FakeDocker(images(0, 1, 2, 3, 4))
    prune.plan(layout, 2, fake.docker)
    assert len(store.all()) == 5 and len(fake.images) == 6


def test_what_a_container_runs_stays(layout: Layout, store: Store, staged: Staging) -> None:
    names = host(store, staged)
    fake = FakeDocker(images(0, 1, 2, 3, 4), [("sha256:hub0", names[0]), ("sha256:hub1", "")])
    run(layout, fake.docker)
    assert [one.id for one in store.all()] == [names[4], names[3], names[1], names[0]]
    assert "sha256:hub0" in fake.images and "sha256:hub1" in fake.images and "sha256:hub2" not in fake.images


def test_an_image_with_a_name_of_another_use_stays(layout: Layout, store: Store, staged: Staging) -> None:
    names = host(store, staged)
    fake = FakeDocker(images(0, 1, 2, 3, 4))
    fake.images["sha256:hub0"] = ["jelai/hub:dev"]
    fake.images["sha256:hub1"] = [f"jelai/hub:{names[1]}", f"registry.example:5000/jelai/hub:{names[1]}"]
    todo, _ = run(layout, fake.docker)
    assert todo.left == ["image hub0 stays: it is jelai/hub:dev"]
    assert "sha256:hub0" in fake.images and "sha256:hub1" not in fake.images


def test_an_image_that_cannot_be_removed_is_said_and_stops_nothing(
    layout: Layout, store: Store, staged: Staging
) -> None:
    host(store, staged)
    fake = FakeDocker(images(0, 1, 2, 3, 4))
    fake.stuck = {"sha256:hub0"}
    _, left = run(layout, fake.docker)
    assert left == ["image hub0 stays: docker image rm: conflict: image is being used"]
    assert len(store.all()) == 2 and "sha256:hub2" not in fake.images


def test_an_image_that_is_gone_already_is_no_error(layout: Layout, store: Store, staged: Staging) -> None:
    host(store, staged)
    todo, left = run(layout, FakeDocker(images(3, 4)).docker)
    assert len(todo.releases) == 3 and todo.images == {} and left == []


def test_copies_of_the_database_that_no_release_could_use_go_and_the_newest_stays(
    layout: Layout, store: Store, staged: Staging
) -> None:
    host(store, staged)
    schema = store.all()[0].manifest.hub_schema  # type: ignore[union-attr]
    layout.backups.mkdir(parents=True, exist_ok=True)
    names = [
        f"hub-2025010{day}-120000-{found}.sqlite" for day, found in ((1, "old"), (2, schema), (3, "old"), (4, "next"))
    ]
    for name in names:
        (layout.backups / name).touch()
    todo, _ = run(layout, FakeDocker(images(*range(5))).docker)
    assert sorted(path.name for path in todo.backups) == [names[0], names[2]]
    assert sorted(path.name for path in layout.backups.iterdir()) == [names[1], names[3]]
    assert run(layout, FakeDocker(images(*range(5))).docker)[0].backups == []


def named(layout: Layout, fake: FakeDocker) -> image_names.Plan:
    todo = image_names.plan(layout, fake.docker)
    image_names.apply(todo, fake.docker)
    return todo


def test_every_image_of_a_release_has_a_name_that_no_clean_up_takes(
    layout: Layout, store: Store, staged: Staging
) -> None:
    names, fake = host(store, staged), FakeDocker(images(3, 4))
    assert named(layout, fake).changed
    assert fake.images["sha256:hub4"] == [f"jelai/hub:{names[4]}"]
    assert fake.images["sha256:tutor"] == [f"jelai/tutor:{name}" for name in sorted(names)]
    assert not named(layout, fake).changed, "a deploy with nothing new changes nothing"
    fake.images["sha256:hub4"] = []
    assert named(layout, fake).add == {f"jelai/hub:{names[4]}": "sha256:hub4"}, "what lost its name gets it again"


def test_the_name_of_a_registry_goes_when_the_image_has_one_of_its_release(
    layout: Layout, store: Store, staged: Staging
) -> None:
    identity = "sha256:" + "a" * 64
    release = staged(9, "passed", {"hub": identity})
    fake = FakeDocker({identity: ["images.example:5000/x/jelai/hub:" + "a" * 20, "mine/hub:" + "a" * 20]})
    named(layout, fake)
    assert fake.images[identity] == ["mine/hub:" + "a" * 20, f"jelai/hub:{release.id}"]


def test_a_release_that_goes_takes_its_names_from_images_that_others_need(
    layout: Layout, store: Store, staged: Staging
) -> None:
    names, fake = host(store, staged), FakeDocker(images(0, 1, 2, 3, 4))
    named(layout, fake)
    _, left = run(layout, fake.docker)
    assert left == [] and set(fake.images) == {"sha256:hub3", "sha256:hub4", "sha256:tutor"}
    assert fake.images["sha256:tutor"] == [f"jelai/tutor:{name}" for name in names[3:]]
    assert not prune.plan(layout, 2, fake.docker).changed


def test_the_only_name_of_an_image_that_is_needed_stays(layout: Layout, store: Store, staged: Staging) -> None:
    names, fake = host(store, staged), FakeDocker(images(3, 4))
    fake.images["sha256:tutor"] = [f"jelai/tutor:{names[0]}"]
    run(layout, fake.docker)
    assert fake.images["sha256:tutor"] == [f"jelai/tutor:{names[0]}"]
