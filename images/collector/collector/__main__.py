"""The collector's program: `serve`, and what an operator does with the events that are there."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable

from collector import columns, dump, upkeep
from collector.app import create
from collector.database import Database, StoreError
from collector.migrations import SchemaError
from collector.settings import Settings, SettingsError, load
from jelai_service import server

log = logging.getLogger(__name__)

GRACE_SECONDS = 8
"""How long a request may go on after the signal to stop: docker kills after ten."""


class OperatorError(Exception):
    """What was asked for cannot be done; the message says why."""


def serve(settings: Settings, database: Database, _: argparse.Namespace) -> int:
    """Take events until told to stop."""
    if not settings.hub_api_url:
        raise OperatorError("HUB_API_URL is not set: only the hub can say whose events are sent.")
    if settings.folder and not os.access(settings.folder, os.W_OK):
        raise OperatorError(f"{settings.folder} is no folder that user {os.getuid()} can write to: events go there.")
    try:
        database.open()
    except StoreError as error:
        log.warning("no events are taken until the database can be used: %s", error)
    log.info("events go to %s, schema %s", database.engine.url.render_as_string(), database.revision or "not known yet")
    return 0 if asyncio.run(_serve(settings, database)) else 1


async def _serve(settings: Settings, database: Database) -> bool:
    applications = create(settings, database)
    try:
        return await server.serve(
            applications.students,
            applications.operators,
            host=settings.host,
            port=settings.port,
            admin_port=settings.admin_port,
            grace_seconds=GRACE_SECONDS,
        )
    except server.PortTaken as error:
        raise OperatorError(str(error)) from error


def write_dump(settings: Settings, database: Database, options: argparse.Namespace) -> int:
    """Write events to stdout, as JSON lines, with gzip."""
    if options.pseudonyms and not settings.pseudonym_key:
        raise OperatorError("PSEUDONYM_KEY_FILE is not set: pseudonyms need a key that is kept.")
    if sys.stdout.isatty():
        raise OperatorError("a dump is gzip data: send it to a file.")
    key = settings.pseudonym_key if options.pseudonyms else ""
    wanted = dump.Wanted(options.begin, options.end, options.course, key)
    events = dump.write(database, wanted, sys.stdout.buffer)
    print(f"{events} events", file=sys.stderr)
    return 0


def forget(_: Settings, database: Database, options: argparse.Namespace) -> int:
    """Delete all that is known of a student."""
    said = upkeep.forget(database, options.student, dry_run=options.dry_run, wiping=not options.no_wipe)
    print(json.dumps(said))
    return 0 if said["wiped"] or options.dry_run or options.no_wipe else 1


def prune(settings: Settings, database: Database, _: argparse.Namespace) -> int:
    """Delete what is older than RETENTION_DAYS."""
    if not settings.retention_days:
        raise OperatorError("RETENTION_DAYS is 0: events are kept for ever.")
    print(json.dumps({"events": upkeep.prune(database, settings.retention_days)}))
    return 0


def status(_: Settings, database: Database, options: argparse.Namespace) -> int:
    """Tell what is stored."""
    found = upkeep.status(database)
    print(json.dumps(found) if options.json else "\n".join(f"{name:<18} {value}" for name, value in found.items()))
    return 0


def show_columns(_: Settings, __: Database, ___: argparse.Namespace) -> int:
    """Print the data dictionary."""
    print(json.dumps([{"name": one.name, "type": one.type, "meaning": one.meaning} for one in columns.COLUMNS]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="collector", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, do: Callable[[Settings, Database, argparse.Namespace], int]) -> argparse.ArgumentParser:
        found = verbs.add_parser(name, help=do.__doc__, description=do.__doc__)
        found.set_defaults(do=do)
        return found

    verb("serve", serve)
    dumping = verb("dump", write_dump)
    when = "YYYY-MM-DD (UTC) or a time like 2026-03-01T14:00+01:00"
    dumping.add_argument("--from", dest="begin", type=dump.begin, help=f"events from then on: {when}")
    dumping.add_argument("--to", dest="end", type=dump.end, help="events until then: a day with all of it, or a time")
    dumping.add_argument("--course", help="events of this course only")
    dumping.add_argument("--pseudonyms", action="store_true", help="say s-… instead of students' names")
    forgetting = verb("forget", forget)
    forgetting.add_argument("student", help="the name at the hub")
    forgetting.add_argument("--dry-run", action="store_true", help="only tell what there is")
    forgetting.add_argument("--no-wipe", action="store_true", help="leave the bytes to be written over: much faster")
    verb("prune", prune)
    verb("status", status).add_argument("--json", action="store_true", help="for programs")
    verb("columns", show_columns)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked for; a sentence on stderr where that is not possible."""
    options = _parser().parse_args(arguments)
    try:
        settings = load()
        serving = options.do is serve
        database = Database(settings, hurried=serving)
        logging.basicConfig(
            level=settings.log_level,
            stream=sys.stdout if serving else sys.stderr,
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
        for chatty in ("httpx", "httpcore", "alembic"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        status: int = options.do(settings, database, options)
        return status
    except (SettingsError, OperatorError) as error:
        print(error, file=sys.stderr)
        return 2
    except (StoreError, SchemaError) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the dump has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
