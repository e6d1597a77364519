"""Every setting of the collector: name, default, type, meaning and check. All come from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from jelai_service import settings as service
from jelai_service.settings import SettingsError, file_content, level, number, optional_url, read, setting

__all__ = ["Settings", "SettingsError", "load", "table"]

DEFAULT_DATABASE = "sqlite:////srv/telemetry/telemetry.db"
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
SHORTEST_KEY = 16


def _database(value: str) -> URL | None:
    if not value.strip():
        return None
    try:
        url = make_url(value.strip())
    except (ArgumentError, ValueError):  # the message of either may show the password
        url = None
    if url is None or url.get_backend_name() not in DRIVERS or not url.database:
        raise ValueError("expected an address like postgresql://NAME:PASSWORD@HOST/DATABASE") from None
    return url.set(drivername=DRIVERS[url.get_backend_name()])


def _database_file(value: str) -> URL | None:
    return _database(file_content(value))


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _key_file(value: str) -> str:
    key = file_content(value)
    if key and len(key) < SHORTEST_KEY:
        raise ValueError(f"the key has fewer than {SHORTEST_KEY} characters")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the collector was told, checked."""

    host: str = setting("COLLECTOR_HOST", "0.0.0.0", str.strip, "The address to listen on.")  # noqa: S104
    port: int = setting("COLLECTOR_PORT", "8005", number(int, 0, 65535), "The port that takes events.")
    admin_port: int = setting(
        "COLLECTOR_ADMIN_PORT", "9091", number(int, 0, 65535), "The port for operators (/metrics, /healthz); 0: none."
    )
    log_level: str = setting("COLLECTOR_LOG_LEVEL", "INFO", level, "How much is logged; never a record.")
    hub_api_url: str = setting(
        "HUB_API_URL", "", optional_url, "The hub that says whose a token is, as http://hub:8081/hub/api."
    )
    database_given: URL | None = setting(
        "TELEMETRY_DATABASE_URL",
        "",
        _database,
        "PostgreSQL to store in; empty: SQLite in /srv/telemetry/telemetry.db.",
        secret=True,
    )
    database_from_file: URL | None = setting(
        "TELEMETRY_DATABASE_URL_FILE", "", _database_file, "A file that holds that address.", secret=True
    )
    course: str = setting("COURSE", "", str.strip, "The course of a student who is in none of COURSE_GROUPS.")
    course_groups: tuple[str, ...] = setting(
        "COURSE_GROUPS", "", _names, "Groups of the hub that are courses, comma-separated; a student's first counts."
    )
    retention_days: int = setting(
        "RETENTION_DAYS", "0", number(int, 0, 36500), "Events are deleted so many days after they came; 0: never."
    )
    rate_events: float = setting(
        "RATE_EVENTS", "1000", number(float, 0.1, 1e6), "Events a second of one student, ten seconds' worth at once."
    )
    rate_bytes: float = setting(
        "RATE_BYTES", "2000000", number(float, 1000, 1e9), "Unpacked bytes a second of one student, likewise."
    )
    max_body: int = setting("MAX_BODY", "2000000", number(int, 1000, 100_000_000), "Longest body as it comes, bytes.")
    max_body_unpacked: int = setting(
        "MAX_BODY_UNPACKED", "8000000", number(int, 1000, 100_000_000), "Longest body when unpacked, bytes."
    )
    max_record: int = setting("MAX_RECORD", "2000000", number(int, 100, 100_000_000), "Longest record, bytes.")
    disk_reserve_mb: int = setting(
        "DISK_RESERVE_MB", "500", number(int, 0, 1_000_000), "With less free disk nothing is taken (SQLite only)."
    )
    pseudonym_key: str = setting(
        "PSEUDONYM_KEY_FILE", "", _key_file, "A file with the secret that pseudonyms are made with.", secret=True
    )

    @property
    def database(self) -> URL:
        """Where events are stored."""
        return self.database_from_file or self.database_given or make_url(DEFAULT_DATABASE)

    @property
    def folder(self) -> Path | None:
        """The folder of a database that is a file of ours."""
        url = self.database
        return Path(url.database or "").parent if url.get_backend_name() == "sqlite" else None


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings; raise SettingsError with one line for each that is wrong."""
    values, wrong = read(Settings, environ)
    if environ.get("TELEMETRY_DATABASE_URL", "").strip() and environ.get("TELEMETRY_DATABASE_URL_FILE", "").strip():
        wrong.append("TELEMETRY_DATABASE_URL and TELEMETRY_DATABASE_URL_FILE are both set: leave one of them away.")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Settings(**values)


def table() -> str:
    """Return all settings as a table in Markdown, as docs/telemetry.md has it."""
    return service.table(Settings)
