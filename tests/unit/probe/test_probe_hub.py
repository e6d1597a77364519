"""The probe at the hub's API, and what it cleans up: its own students, and nobody else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from hub_in_memory import Users

from probe import cleanup
from probe.cleanup import Swept, remove, sweep
from probe.hub import MARK, Hub
from probe.report import Failed


def swept(users: Users, name: str = "", older_than: float = 10.0) -> Swept:
    found = Swept()
    asyncio.run(sweep(users.hub(), found, name, older_than, 1.0))
    return found


def test_a_user_is_made_and_marked() -> None:
    users = Users()

    async def make() -> str:
        hub = users.hub()
        await hub.create("probe-1234")
        await hub.mark("probe-1234")
        return await hub.token_for("probe-1234", 60)

    assert asyncio.run(make()) == "very-secret"
    assert users.tokens["probe-1234"][1:] == [MARK, MARK]


def test_a_user_who_was_there_before_is_not_touched() -> None:
    users = Users()
    users.add("probe-1234")
    with pytest.raises(Failed, match=r"^The user probe-1234 exists already and is not this probe's"):
        asyncio.run(users.hub().create("probe-1234"))
    assert users.calls == ["POST /users/probe-1234"]


def test_a_token_that_is_refused_is_called_that() -> None:
    users = Users(refusals={"GET /user": [(403, {"message": "Forbidden"})]})
    with pytest.raises(Failed, match=r"refuses the probe's token: 403 Forbidden\.$"):
        asyncio.run(users.hub().check_token())


def test_a_token_that_allows_too_little_is_told_what_it_lacks() -> None:
    with pytest.raises(Failed, match=r"lacks scopes: read:servers, tokens\.$"):
        asyncio.run(Users(scopes=["admin:users", "list:users"]).hub().check_token())


def test_what_answers_and_is_no_hub_is_called_that() -> None:
    users = Users(refusals={"GET /": [(200, {"hello": "world"})]})
    with pytest.raises(Failed, match=r"^What answers at http://hub:8081/hub/api is no hub: 200 OK\.$"):
        asyncio.run(users.hub().version())


def test_a_hub_that_does_not_answer_is_named_with_its_address() -> None:
    with pytest.raises(Failed, match=r"^The hub at http://127\.0\.0\.1:9/hub/api does not answer: .+\.$"):
        asyncio.run(Hub("http://127.0.0.1:9/hub/api", "secret").version())


def test_removing_waits_for_a_server_that_is_starting_or_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    users = Users()
    users.add("probe-1234", servers={"": {"name": "", "pending": "spawn"}})

    async def pause(_: float) -> None:
        users.users["probe-1234"]["servers"] = {}

    monkeypatch.setattr("probe.cleanup.asyncio.sleep", pause)
    asyncio.run(remove(users.hub(), "probe-1234", 5))
    assert users.calls == ["GET /users/probe-1234", "GET /users/probe-1234", "DELETE /users/probe-1234"]


def test_what_cannot_be_removed_is_said_with_the_hubs_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "PAUSE", 0.01)
    users = Users(refusals={"DELETE /users/probe-1234": [(500, {"message": "no disk"})] * 1000})
    users.add("probe-1234")
    with pytest.raises(
        Failed, match=r"^The throw-away student probe-1234 could not be removed .*the hub says 500 no disk"
    ):
        asyncio.run(remove(users.hub(), "probe-1234", 0.05))


def test_a_sweep_takes_what_probes_left_and_nobody_else() -> None:
    users = Users()
    for name in ("ada", "probe-1111", "probe-2222", "probe-of-ada", "probe-xyz1"):
        users.add(name)
    users.add("probe-aaaa", marked=False)  # somebody's own account, with such a name
    users.add("probe-bbbb", admin=True)
    users.add("probe-cccc", created=datetime.now(UTC).isoformat())  # of a probe that runs now
    users.add("probe-dddd", marked=False, last_activity=None)  # who just signed in for the first time
    found = swept(users)
    assert found.removed == ["probe-1111", "probe-2222"]
    assert found.young == ["probe-cccc"]
    assert found.others == ["probe-aaaa", "probe-bbbb", "probe-dddd"]
    assert {"ada", "probe-of-ada", "probe-xyz1", *found.young, *found.others} == set(users.users)
    assert found.sentence() == (
        "Removed probe-1111, probe-2222; made by no probe, and left alone: probe-aaaa, probe-bbbb, probe-dddd."
    )


def test_a_sweep_by_name_takes_that_one_at_any_age() -> None:
    users = Users()
    users.add("probe-1111")
    users.add("probe-2222", created=datetime.now(UTC).isoformat())
    assert swept(users, "probe-2222").removed == ["probe-2222"]
    assert set(users.users) == {"probe-1111"}


def test_a_sweep_by_the_name_of_a_student_is_refused() -> None:
    users = Users()
    users.add("probe-1111", marked=False)
    with pytest.raises(Failed, match=r"^The user probe-1111 was made by no probe and is left alone\.$"):
        swept(users, "probe-1111")


def test_a_sweep_without_anything_to_do_says_so() -> None:
    assert swept(Users()).sentence() == "No throw-away student was left behind."


def test_the_hubs_message_is_kept_when_it_is_no_json() -> None:
    users = Users()
    hub = users.hub()
    hub.client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(502, text="<html>")))
    with pytest.raises(Failed, match=r"^The hub did not make the user probe-1234: 502 Bad Gateway\.$"):
        asyncio.run(hub.create("probe-1234"))
