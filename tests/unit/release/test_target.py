"""A rollback that would lose something is refused, with the reason."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from release.layout import Layout
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
    assert previous and serving.target().id == previous.id


def test_an_unambiguous_beginning_names_a_release(serving: Serving) -> None:
    oldest = serving.store.all()[-1]
    assert serving.target(oldest.id[:15]).id == oldest.id


def test_what_serves_already_is_no_target(serving: Serving) -> None:
    current = serving.store.current()
    assert current
    with pytest.raises(StoreError, match=f"{current.id} serves already"):
        serving.target(current.id)


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
        serving.target()


def test_a_database_of_another_schema_is_not_given_to_an_older_hub(serving: Serving, fake_docker: Path) -> None:
    database(fake_docker, "newer")
    with pytest.raises(StoreError, match=r"schema newer .* no hub takes a database back"):
        serving.target()


def test_a_database_of_the_same_schema_is_no_hindrance(serving: Serving, fake_docker: Path) -> None:
    previous = serving.store.previous()
    assert previous
    database(fake_docker, previous.hub_schema)
    assert serving.target().id == previous.id


def test_a_host_without_a_previous_release_says_so(layout: Layout, staged: Staging, fake_docker: Path) -> None:
    serving = Serving(layout)
    serving.store.point(staged(1).id)
    with pytest.raises(StoreError, match="there is no previous release"):
        serving.target()
