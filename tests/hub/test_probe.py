"""The probe against a real hub: what it lets pass, and what it says of everything that may be wrong."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from probing import Scene, Tried, Try, ends_it, scene, starts_another, stops_juno
from release import probe_run

pytestmark = pytest.mark.timeout(400)  # a fixture's probes count for the test that asks first


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("overlay")) as found:
        yield found


@pytest.fixture(scope="module")
def rooms(hub: Scene) -> dict[str, Tried]:
    """Probes of servers with collaboration."""
    hub.tell(when={"DOWN": {"status": 503}, "GARBAGE": {"garbage": "html"}, "SLOW": {"delay": 20}})
    password = str(hub.stack.layout.secret("student_password"))
    found = hub.try_all(
        form=Try(hub.wanted(password_file=password, transport="room")),
        tutor_down=Try(hub.wanted(question="DOWN")),
        garbage=Try(hub.wanted(question="GARBAGE")),
        no_juno=Try(hub.wanted(seconds=4.0), stops_juno),
        slow=Try(hub.wanted(question="SLOW", seconds=3.0)),
        two=Try(hub.wanted(), starts_another),
        other_release=Try(hub.wanted(release="20200101-000000-00000000")),
        ends=Try(hub.wanted(), ends_it),
    )
    hub.tell()
    return found


@pytest.fixture(scope="module")
def sockets(hub: Scene) -> dict[str, Tried]:
    """Probes of servers without."""
    with hub.without_collaboration():
        return hub.try_all(
            token=Try(hub.wanted(transport="socket")),
            two=Try(hub.wanted(), starts_another),
            room=Try(hub.wanted(transport="room")),
        )


def test_a_student_who_logs_in_by_the_form_is_answered_in_a_room(hub: Scene, rooms: dict[str, Tried]) -> None:
    result = rooms["form"].result
    assert result.passed, result
    names = [step.name for step in result.steps]
    assert names == ["hub", "user", "login", "spawn", "kernel", "release", "chat", "file", "telemetry", "cleanup"]
    assert "signed in with the login form" in result.said
    assert f"of release {hub.stack.identity}" in result.said
    assert "(by room)" in result.said


def test_a_student_with_a_token_is_answered_without_collaboration(sockets: dict[str, Tried]) -> None:
    result = sockets["token"].result
    assert result.passed, result
    assert "signed in with a token" in result.said
    assert "(by socket)" in result.said


def test_nothing_is_left_of_any_student(hub: Scene, rooms: dict[str, Tried], sockets: dict[str, Tried]) -> None:
    for name, tried in [*rooms.items(), *sockets.items()]:
        assert tried.result.users == (tried.wanted.user,), name
        assert tried.result.left == "", name
        assert hub.left(tried.wanted.user) == [], name
        assert tried.wanted.user not in hub.users(), name


def failed(tried: Tried) -> str:
    assert not tried.result.passed, tried
    return tried.result.said


def test_a_server_of_another_release_does_not_pass(hub: Scene, rooms: dict[str, Tried]) -> None:
    assert failed(rooms["other_release"]) == (
        f"The student's server is of release {hub.stack.identity}, and 20200101-000000-00000000 was expected."
    )


def test_a_server_in_another_mode_than_expected_does_not_pass(sockets: dict[str, Tried]) -> None:
    assert failed(sockets["room"]) == "The server keeps chats by socket, and room was expected."


def test_a_tutor_that_is_down_is_an_apology_with_its_reference(rooms: dict[str, Tried]) -> None:
    said = failed(rooms["tutor_down"])
    assert said.startswith("Juno only apologised after ")
    assert "I cannot reach the tutor at the moment" in said
    assert "(ref " in said


def test_a_tutor_that_answers_garbage_does_not_pass(rooms: dict[str, Tried]) -> None:
    said = failed(rooms["garbage"])
    assert said.startswith("Juno only apologised after ")
    assert "the tutor answered garbage" in said


def test_a_juno_who_does_not_run_does_not_pass(rooms: dict[str, Tried]) -> None:
    said = failed(rooms["no_juno"])
    assert said == "Juno did not answer within 4 s (Juno's own status does not answer: it does not run)."


def test_a_juno_who_waits_for_the_tutor_too_long_says_so(rooms: dict[str, Tried]) -> None:
    said = failed(rooms["slow"])
    assert said.startswith("Juno did not answer within 3 s (Juno says of itself: room, ")
    assert "1 seen, 0 answered" in said


def test_two_answers_do_not_pass(rooms: dict[str, Tried], sockets: dict[str, Tried]) -> None:
    for tried in (rooms["two"], sockets["two"]):
        said = failed(tried)
        assert said.startswith("The question was answered twice, by ")
        assert "Juno" in said and "Second" in said


def test_a_server_that_ends_at_its_start_is_told_in_the_hubs_words(rooms: dict[str, Tried]) -> None:
    tried = rooms["ends"]
    assert failed(tried).startswith(f"The server of {tried.wanted.user} did not start: Spawn failed: ")
    assert "ended before its server listened: ExitCode=137" in tried.result.said
    assert tried.result.seconds < 30


def test_a_wrong_token_makes_nothing(hub: Scene) -> None:
    file = hub.stack.layout.root / "wrong_token"
    file.write_text("not-the-token")
    file.chmod(0o644)
    result = probe_run.probe(hub.wanted(token_file=str(file)))
    assert "refuses the probe's token: 403 Forbidden" in result.said
    assert not result.passed
    assert [step.name for step in result.steps] == ["hub"]


def test_a_wrong_password_is_the_login_forms(hub: Scene) -> None:
    said = probe_run.probe(hub.wanted(password_file=str(hub.stack.layout.secret("ops_token")))).said
    assert said.endswith(": Invalid username or password.")


def test_a_hub_that_is_not_there_is_named(hub: Scene) -> None:
    said = probe_run.probe(hub.wanted(api="http://hub:9/hub/api")).said
    assert said.startswith("The hub at http://hub:9/hub/api does not answer: ")


def test_a_student_with_such_a_name_is_left_alone(hub: Scene) -> None:
    wanted = hub.wanted(user="probe-adaada")
    with httpx.Client(base_url=hub.stack.url, trust_env=False) as browser:
        browser.get("/hub/login")
        form = {"username": wanted.user, "password": hub.stack.secret("student_password")}
        browser.post("/hub/login", data=form | {"_xsrf": browser.cookies["_xsrf"]})
    assert wanted.user in hub.users()
    assert "exists already and is not this probe's" in probe_run.probe(wanted).said
    swept = probe_run.sweep(replace(wanted, user="probe-0000", older_than=0.0))
    assert (swept.passed, swept.users, swept.kept) == (True, (), (wanted.user,))
    assert wanted.user in hub.users()
    hub.delete(wanted.user)


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_a_probe_that_is_ended_in_the_middle_leaves_nothing_for_long(hub: Scene, signal: str) -> None:
    wanted, found = hub.wanted(), []
    probing = threading.Thread(target=lambda: found.append(probe_run.probe(wanted)))
    with hub.once_up(wanted.user, lambda _: True):
        probing.start()
        while hub.container(wanted.user) is None:
            assert probing.is_alive()
        subprocess.run(["docker", "kill", f"--signal={signal}", wanted.container], check=True, capture_output=True)
        probing.join()
    [result] = found
    assert not result.passed
    assert hub.left(wanted.user) == []
    if signal == "TERM":
        assert result.said == "The probe was stopped by SIGTERM at the step spawn."
        assert wanted.user not in hub.users()
        return
    assert result.said == "The probe was cut off after its step login (exit code 137)."
    assert wanted.user in hub.users()
    assert probe_run.sweep(hub.wanted()).kept == (wanted.user,)  # it could be the student of a probe that runs now
    swept = probe_run.sweep(hub.wanted(older_than=0.0))
    assert (swept.passed, swept.users, swept.left) == (True, (wanted.user,), ""), swept
    assert wanted.user not in hub.users()
    assert hub.left(wanted.user) == []
