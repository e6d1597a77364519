"""Starts collectors, a hub that knows their students, and PostgreSQL where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from collector_process import Running, Start, begin
from postgres_server import BINARIES, Postgres, postgres_runs
from token_hub import Hub, hub_runs

from collector.database import Database
from collector.settings import load


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub that knows ada and bob."""
    with hub_runs() as server:
        yield server


@pytest.fixture
def start(hub: Hub, database_url: str) -> Iterator[Start]:
    """Start a collector with the settings given; it ends with the test."""
    started: list[Running] = []

    def start(**settings: str) -> Running:
        started.append(begin(**({"HUB_API_URL": hub.url, "TELEMETRY_DATABASE_URL": database_url} | settings)))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A new SQLite database."""
    return f"sqlite:///{tmp_path}/telemetry.db"


@pytest.fixture
def collector(start: Start) -> Running:
    """A collector with the usual settings."""
    return start()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    if BINARIES is None:
        pytest.skip("there is no PostgreSQL in /usr/lib/postgresql: ansible/playbooks/tests.yml installs it")
    with postgres_runs(BINARIES) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/telemetry.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def database(any_url: str) -> Iterator[Database]:
    """A new database of each kind, opened."""
    found = Database(load({"TELEMETRY_DATABASE_URL": any_url}))
    found.open()
    yield found
    found.close()
