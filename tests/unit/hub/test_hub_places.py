"""Who gets one of the places for servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jelai_hub.places import FOR_PROBES, is_free


@dataclass
class FakeUser:
    name: str
    settings: dict[str, Any]
    spawners: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class FakeSpawner:
    user: FakeUser
    active: bool = False
    pending: str | None = None
    has_place: bool = False


class FakeHub:
    """Its users, each with a server, which starts when it is asked to."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.users: dict[str, FakeUser] = {}

    def server(self, name: str, **state: Any) -> FakeSpawner:
        user = self.users.setdefault(name, FakeUser(name, {"users": self.users}))
        found: FakeSpawner = user.spawners.setdefault("", FakeSpawner(user))
        for attribute, value in state.items():
            setattr(found, attribute, value)
        return found

    def running(self, *names: str) -> None:
        for name in names:
            self.server(name, active=True)

    def lets_in(self, name: str) -> bool:
        server = self.server(name, active=True, pending="spawn")
        server.has_place = is_free(server, self.most)
        return server.has_place


def test_students_get_as_many_places_as_there_are() -> None:
    hub = FakeHub(2)
    assert [hub.lets_in(name) for name in ("ada", "bob", "eve")] == [True, True, False]


def test_two_who_come_for_the_last_place_at_the_same_moment_do_not_keep_each_other_out() -> None:
    hub = FakeHub(1)
    for name in ("ada", "bob"):
        hub.server(name, active=True, pending="spawn")
    assert [hub.lets_in(name) for name in ("ada", "bob")] == [True, False]


def test_a_server_that_ran_before_the_hub_started_has_its_place_and_one_that_stops_still_has_it() -> None:
    hub = FakeHub(2)
    hub.running("ada")
    hub.server("bob", active=True, pending="stop")
    assert not hub.lets_in("eve")
    hub.server("bob", active=False, pending=None)
    assert hub.lets_in("eve")


def test_a_throw_away_student_gets_in_where_the_class_is_full_and_takes_nobodys_place() -> None:
    hub = FakeHub(1)
    hub.running("probe-0001")
    assert hub.lets_in("ada")
    assert hub.lets_in("probe-0002")


def test_who_takes_the_name_of_a_throw_away_student_does_not_get_round_the_limit_for_long() -> None:
    hub = FakeHub(1)
    hub.running(*(f"probe-000{number}" for number in range(FOR_PROBES)))
    assert not hub.lets_in("probe-ffff")


def test_without_a_limit_all_get_in() -> None:
    hub = FakeHub(0)
    hub.running("ada", "bob")
    assert hub.lets_in("eve")
