"""Where a rollback goes: what was interrupted is finished; what would lose something is refused, with the reason."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from release import chat_census
from release.layout import Layout
from release.rollback import Target, choose
from release.serving import Serving
from release.store import StoreError
from release_cases import Staging


@pytest.fixture
def serving(layout: Layout, staged: Staging, fake_docker: Path) -> Serving:
    """Three releases; the third serves, the second did before."""
    serving = Serving(layout)
    for number in (1, 2, 3):
        serving.store.point(staged(number, "passed").id)
    return serving


def database(home: Path, schema: str) -> None:
    folder = home / "s_hub-data"
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / "jupyterhub.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (schema,))


def test_without_a_name_it_goes_to_the_previous_one(serving: Serving) -> None:
    previous = serving.store.previous()
    assert previous and choose(serving).id == previous.id


def test_an_unambiguous_beginning_names_a_release(serving: Serving) -> None:
    oldest = serving.store.all()[-1]
    assert choose(serving, oldest.id[:15]).id == oldest.id


def links(serving: Serving) -> tuple[str, str]:
    current, previous = serving.store.current(), serving.store.previous()
    assert current and previous
    return current.id, previous.id


def test_what_serves_already_and_was_asked_for_is_where_it_goes(serving: Serving) -> None:
    current, _ = links(serving)
    assert choose(serving, current) == Target(current, finishes=False)


def test_a_rollback_that_was_interrupted_after_its_switch_is_finished_and_not_undone(serving: Serving) -> None:
    bad, good = links(serving)
    chat_census.write(serving.layout.census, "s", {}, (bad, good))
    assert choose(serving) == Target(good, finishes=False), "before the switch it goes where it went"
    serving.store.point(good)
    assert choose(serving) == choose(serving, good) == Target(good, finishes=True)
    assert choose(serving, bad) == Target(bad, finishes=False), "a name is obeyed"


def test_one_that_came_to_its_end_is_not_finished_again(serving: Serving) -> None:
    bad, good = links(serving)
    chat_census.write(serving.layout.census, "s", {}, (bad, good))
    serving.store.point(good)
    serving.layout.census.unlink()  # it was compared
    assert choose(serving) == Target(bad, finishes=False)


def test_a_deploy_since_then_ends_what_was_interrupted(serving: Serving) -> None:
    bad, good = links(serving)
    chat_census.write(serving.layout.census, "s", {}, (bad, good))
    serving.store.point(good)
    newer = serving.store.all()[-1].id
    serving.store.point(newer)
    assert choose(serving) == Target(good, finishes=False)
    serving.store.point(good)
    assert choose(serving) == Target(newer, finishes=False)


def test_the_census_of_a_quick_rollback_is_no_rollback(serving: Serving) -> None:
    _, good = links(serving)
    chat_census.write(serving.layout.census, "s", {}, (good, ""))
    assert choose(serving) == Target(good, finishes=False)


@pytest.mark.parametrize(("outcome", "how"), [("failed", r"failed \(\)"), ("", "never ran")])
def test_a_release_that_never_passed_its_gate_is_no_target(
    serving: Serving, staged: Staging, outcome: str, how: str
) -> None:
    release = staged(4, outcome)
    with pytest.raises(StoreError, match=f"the health gate of {release.id} {how}"):
        serving.target(release.id)


def test_a_damaged_current_release_can_be_left(serving: Serving) -> None:
    current, previous = serving.store.current(), serving.store.previous()
    assert current and previous
    (serving.layout.release(current.id) / "compose.yaml").write_text("services: {edited: {}}")
    assert serving.target().id == previous.id
    serving.store.point(previous.id)
    now = serving.store.current()
    assert now and now.id == previous.id


def test_an_image_that_is_gone_is_named(serving: Serving, fake_docker: Path) -> None:
    previous = serving.store.previous()
    assert previous
    (fake_docker / "gone").write_text(previous.images["hub"])
    with pytest.raises(StoreError, match="its image hub is not on this host any more"):
        choose(serving)


def test_a_database_of_another_schema_is_not_given_to_an_older_hub(serving: Serving, fake_docker: Path) -> None:
    database(fake_docker, "newer")
    with pytest.raises(StoreError, match=r"schema newer .* no hub takes a database back"):
        choose(serving)


def test_a_database_of_the_same_schema_is_no_hindrance(serving: Serving, fake_docker: Path) -> None:
    previous = serving.store.previous()
    assert previous
    database(fake_docker, previous.hub_schema)
    assert choose(serving).id == previous.id


def test_a_host_without_a_previous_release_says_so(layout: Layout, staged: Staging, fake_docker: Path) -> None:
    serving = Serving(layout)
    serving.store.point(staged(1).id)
    with pytest.raises(StoreError, match="there is no previous release"):
        choose(serving)
