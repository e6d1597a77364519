"""What a probe is told, and how it says what it found."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from probe.__main__ import main
from probe.options import NAME, parse, secret
from probe.report import Failed, Report

NEEDED = ["--api=http://hub:8081/hub/api", "--token-file=/token"]
URL = "--url=http://proxy:8000/"


def test_a_name_is_made_up_when_none_is_given() -> None:
    options = parse([*NEEDED, URL])
    assert NAME.fullmatch(options.user)
    assert options.user != parse([*NEEDED, URL]).user
    assert options.url == "http://proxy:8000"


def test_cleaning_up_needs_no_proxy_and_names_nobody() -> None:
    options = parse([*NEEDED, "--cleanup-only"])
    assert (options.cleanup_only, options.user, options.url) == (True, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: --api, --token-file"),
        (NEEDED, "--url is missing"),
        ([*NEEDED, URL, "--user=ada"], "'ada' is no name of a throw-away student, which is like probe-3f2a"),
        ([*NEEDED, URL, "--user=probe-3F2A"], "'probe-3F2A' is no name of a throw-away student"),
        ([*NEEDED, URL, "--seconds=0"], "'0' is no number of seconds above 0"),
        ([*NEEDED, URL, "--seconds=nan"], "'nan' is no number of seconds above 0"),
        ([*NEEDED, "--url=proxy:8000"], "'proxy:8000' is no address like http://hub:8081/hub/api"),
        ([*NEEDED, URL, "--transport=file"], "invalid choice: 'file'"),
    ],
)
def test_a_wrong_call_is_a_sentence(arguments: list[str], said: str) -> None:
    with pytest.raises(Failed) as failed:
        parse(arguments)
    assert said in str(failed.value)


def test_a_wrong_call_ends_as_every_failure_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["probe", "--user=ada"])
    assert main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["outcome"] == "failed"


def test_a_secret_is_read_without_the_end_of_its_line(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc\n")
    assert secret(file, "the token") == "abc"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "The file with the token, .*, cannot be read: No such file or directory"),
        (b"", "The file with the token, .*, is empty"),
        (b"\xff", "cannot be read: it is no text"),
    ],
)
def test_a_secret_that_cannot_be_read_is_a_sentence(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Failed, match=said):
        secret(file, "the token")


def told(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_step_is_a_line_when_it_ends() -> None:
    stream = io.StringIO()
    report = Report(stream)
    with report.step("hub") as step:
        assert stream.getvalue() == ""
        step.said = "answers"
    with pytest.raises(Failed), report.step("user"):
        raise Failed("It is there already.")
    with pytest.raises(KeyboardInterrupt), report.step("spawn"):
        raise KeyboardInterrupt
    assert report.outcome(False, "It is there already.", user="") == 1
    *steps, last = told(stream)
    assert [(one["step"], one["ok"], one["said"]) for one in steps] == [
        ("hub", True, "answers"),
        ("user", False, "It is there already."),
        ("spawn", False, "was not finished"),
    ]
    assert all(isinstance(one["seconds"], float) for one in steps)
    assert (last["outcome"], last["said"], last["user"]) == ("failed", "It is there already.", "")


def test_nobody_who_listens_is_no_reason_to_stop() -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    assert Report(Gone()).outcome(True, "It works.") == 0
