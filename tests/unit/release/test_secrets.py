"""Secrets are made once, given ones follow the vault, and only the hub may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from release.gate import Gate
from release.layout import HUB_USER, Layout
from release.secrets import MAKERS, apply, give_back, on_trial, passwords, plan, unseen
from release.serving import Serving
from release.store import Store
from release.switch import switch
from release_cases import Staging

GIVEN = {"llm_api_key": "k1"}


def ensure(layout: Layout, given: dict[str, str], authenticator: str = "shared") -> tuple[set[str], set[str]]:
    todo = plan(layout, given, authenticator)
    apply(layout, given, todo)
    return set(todo.make), set(todo.write)


def held(layout: Layout) -> dict[str, str]:
    return {path.name: path.read_text() for path in layout.secrets.iterdir()}


def test_the_first_deploy_makes_all_of_them(layout: Layout) -> None:
    assert ensure(layout, {}) == (set(MAKERS), set())
    found = held(layout)
    assert set(found) == set(MAKERS)
    assert len(set(found.values())) == len(found)


def test_what_was_made_is_never_made_again(layout: Layout) -> None:
    ensure(layout, {})
    before = held(layout)
    assert not plan(layout, {}, "shared").changed
    assert ensure(layout, GIVEN) == (set(), {"llm_api_key"})
    assert {name: value for name, value in held(layout).items() if name in MAKERS} == before


def test_one_that_is_missing_is_made_without_touching_the_others(layout: Layout) -> None:
    ensure(layout, {})
    before = held(layout)
    layout.secret("ops_token").unlink()
    assert ensure(layout, {}) == ({"ops_token"}, set())
    after = held(layout)
    assert after.pop("ops_token") != before.pop("ops_token") and after == before


def test_jupyterhub_takes_the_passwords(layout: Layout) -> None:
    ensure(layout, {})
    found = passwords(layout)
    assert set(found) == {"admin_password", "student_password"}
    assert len(found["admin_password"]) >= 32 and len(found["student_password"]) >= 8
    assert found["admin_password"] != found["student_password"]
    assert len(bytes.fromhex(layout.secret("crypt_key").read_text())) == 32


def test_passwords_are_made_for_the_authenticator_that_has_them(layout: Layout) -> None:
    assert "admin_password" not in ensure(layout, {}, "oauth")[0]
    assert passwords(layout) == {}
    assert ensure(layout, {}, "native")[0] == {"admin_password"}
    assert ensure(layout, {}, "shared")[0] == {"student_password"}


def test_the_operators_follow_the_vault(layout: Layout) -> None:
    assert ensure(layout, GIVEN)[1] == {"llm_api_key"}
    assert ensure(layout, GIVEN)[1] == set()
    assert ensure(layout, {"llm_api_key": "k2", "student_password": "course-2025"})[1] == {
        *("llm_api_key", "student_password")
    }
    assert held(layout)["llm_api_key"] == "k2" and held(layout)["student_password"] == "course-2025"
    assert ensure(layout, {}) == (set(), set()), "what left the vault stays: an older release may need it"
    assert held(layout)["llm_api_key"] == "k2"


def test_planning_changes_nothing(layout: Layout) -> None:
    assert plan(layout, GIVEN, "shared").changed
    assert not layout.secrets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_only_the_hub_may_read_them(layout: Layout) -> None:
    before = os.umask(0o077)
    try:
        ensure(layout, GIVEN)
    finally:
        os.umask(before)

    def who(path: Path) -> tuple[int, int, int]:
        facts = path.stat()
        return stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid

    assert who(layout.secrets) == (0o750, 0, HUB_USER)
    assert {who(path) for path in layout.secrets.iterdir()} == {(0o640, 0, HUB_USER)}


@pytest.fixture
def served(layout: Layout, staged: Staging, fake_docker: Path) -> Serving:
    """A release serves with a key, another one is to be tried with a new key and a secret more."""
    ensure(layout, {"llm_api_key": "good"})
    serving = Serving(layout)
    serving.store.point(staged(1, "passed").id)
    staged(2)
    ensure(layout, {"llm_api_key": "bad", "client_secret": "new"})
    return serving


def given(layout: Layout) -> dict[str, str]:
    return {name: value for name, value in held(layout).items() if name not in MAKERS}


def test_until_a_release_serves_with_them_the_ones_from_before_are_kept(served: Serving) -> None:
    assert given(served.layout) == {"llm_api_key": "bad", "client_secret": "new"}, "the gate tries them"
    assert on_trial(served.layout) == ["client_secret", "llm_api_key"]
    assert give_back(served.layout) == ["client_secret", "llm_api_key"]
    assert given(served.layout) == {"llm_api_key": "good"} and on_trial(served.layout) == []


def test_a_release_that_serves_keeps_the_new_ones(served: Serving) -> None:
    new = served.store.all()[0].id
    assert switch(served.layout, new, served.project).ok
    assert given(served.layout)["llm_api_key"] == "bad" and on_trial(served.layout) == []
    old = served.store.previous()
    assert old and switch(served.layout, old.id, served.project).ok
    assert given(served.layout)["llm_api_key"] == "bad", "a rollback leaves those that have served last"


def test_a_failed_gate_gives_the_old_ones_back(served: Serving) -> None:
    new = served.store.all()[0]
    (served.layout.release(new.id) / "broken").touch()
    assert new.manifest and not Gate.of(served.layout, new.manifest).run().passed
    assert given(served.layout) == {"llm_api_key": "good"}


def test_a_failed_switch_gives_the_old_ones_back(served: Serving) -> None:
    new = served.store.all()[0].id
    assert not switch(served.layout, new, served.project, lambda: "Juno does not answer").ok
    assert given(served.layout) == {"llm_api_key": "good"}


def test_a_deploy_that_was_killed_has_them_given_back_by_the_next_one(served: Serving) -> None:
    assert "no release came to serve with the new client_secret, llm_api_key" in served.recover()
    assert given(served.layout) == {"llm_api_key": "good"}
    assert served.recover() == ""


def test_passwords_are_shown_until_a_release_has_served(layout: Layout, store: Store, staged: Staging) -> None:
    def shown(given: dict[str, str]) -> list[str]:
        todo = plan(layout, given, "shared")
        names = unseen(layout, given, todo)
        apply(layout, given, todo)
        return names

    assert shown({}) == ["admin_password", "student_password"]
    assert shown({}) == ["admin_password", "student_password"], "the first deploy failed"
    assert shown({"student_password": "chosen-by-us"}) == ["admin_password"]
    store.point(staged(1, "passed").id)
    assert shown({}) == []
