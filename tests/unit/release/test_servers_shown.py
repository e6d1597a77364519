"""The table of `make status`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from release.servers import Seen, Server
from release.servers_shown import shown, summary
from release.tables import YELLOW, paint, unpainted

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN = Server(
    "ann", "c", "R2", state="running", started="2026-01-01T09:00:00Z", memory=114_000_000, mode="room", queue=0,
    kernels=2, busy=1, known=True, last_activity="2026-01-01T11:45:00Z", use_ydoc_chat="auto", collaboration=True,
    telemetry="local",
)  # fmt: skip
BOB = Server("bob", "d", "R1", state="running", known=False, said=("it cannot be asked",))


def lines(*servers: Server, notes: tuple[str, ...] = ()) -> list[str]:
    return unpainted(shown(Seen(list(servers), list(notes)), "R2", NOW)).splitlines()


def test_a_row_has_what_an_operator_asks_for() -> None:
    head, row, summed = lines(ANN)
    assert head.split() == ["USER", "RELEASE", "AGE", "CHAT", "TELEMETRY", "WAITING", "KERNELS", "MEMORY", "ACTIVE"]
    assert row.split("  ")[0] == "ann"
    assert [cell.strip() for cell in row.split("  ") if cell] == [
        "ann", "R2", "3 h", "room", "local", "0", "2 (1 busy)", "114 MB", "15 min",
    ]  # fmt: skip
    assert summed == "1 server"


def test_one_that_is_silent_stands_out_and_says_why() -> None:
    row, summed = lines(BOB)[1:]
    assert "silent" in row and "the hub does not know it; it cannot be asked" in row
    assert summed == "1 server, 1 of another release than R2, 1 without an answer of Juno"


def test_another_release_stands_out() -> None:
    painted = shown(Seen([ANN, BOB]), "R2", NOW)
    assert paint("R1", YELLOW) in painted and paint("R2", YELLOW) not in painted


def test_kernels_that_nobody_knows_are_a_dash() -> None:
    assert "  -  " in lines(replace(ANN, kernels=None))[1]
    assert "2 (1 busy)" not in lines(replace(ANN, busy=0))[1]


def test_a_server_that_keeps_its_rooms_after_a_quick_rollback_says_so() -> None:
    assert "collaboration until its next start" in lines(replace(ANN, use_ydoc_chat="false"))[1]
    assert "collaboration until" not in lines(replace(ANN, use_ydoc_chat="false", collaboration=False))[1]


def test_one_that_starts_and_one_that_is_ill_say_so() -> None:
    assert "the hub is at it (stop)" in lines(replace(ANN, pending="stop"))[1]
    assert "unhealthy" in lines(replace(ANN, health="unhealthy"))[1]
    row, summed = lines(Server("eve", pending="spawn", known=True, said=("the hub is at it (spawn)",)))[1:]
    assert row.count("the hub is at it") == 1 and summed == "0 servers, 1 not running"


def test_without_a_server_there_is_one_sentence_and_the_notes() -> None:
    assert lines(notes=("the hub was not asked: x",)) == ["no student has a server now", "the hub was not asked: x"]


def test_sums() -> None:
    assert summary([ANN, ANN, BOB], "R2") == "3 servers, 1 of another release than R2, 1 without an answer of Juno"
