"""The docker commands that build images, and what is read from their output."""

from __future__ import annotations

from pathlib import Path

import image_commands
from image_commands import Build

FAILED = """\
#20 [environments-ydoc 1/1] RUN --mount=type=bind /build/online /build/ydoc
#20 2.113   × Failed to download `jupyter-collaboration==5.0.4`
#20 2.113   ╰─▶ Hash mismatch for `jupyter-collaboration==5.0.4`
#20 ERROR: process "/bin/bash -euo pipefail -c /build/online /build/ydoc" did not complete successfully: exit code: 1
------
 > [environments-ydoc 1/1] RUN --mount=type=bind /build/online /build/ydoc:
2.113   × Failed to download `jupyter-collaboration==5.0.4`
2.113   ╰─▶ Hash mismatch for `jupyter-collaboration==5.0.4`

------
ERROR: failed to solve: process "/bin/bash -euo pipefail -c /build/online /build/ydoc" did not complete successfully
"""


def test_no_secret_is_an_argument() -> None:
    build = Build(Path("images/x"), "x:dev", {"A": "1"}, {"more": "/more"}, {"pip_index_url": Path("/tmp/file")})
    argv = build.argv(Path("/tmp/iid"))
    assert "--secret=id=pip_index_url,src=/tmp/file" in argv
    assert argv[-1] == "images/x"
    assert not any("pip_index_url" in word for word in argv if "secret" not in word)


def test_the_layer_whose_stage_failed_is_known() -> None:
    assert image_commands.failed_layer(FAILED) == "ydoc"
    assert image_commands.failed_layer(FAILED.replace("environments-ydoc", "fluent-bit")) == "fluent-bit"


def test_another_stage_is_no_layer() -> None:
    assert image_commands.failed_layer(FAILED.replace("environments-ydoc", "environments")) == ""
    assert image_commands.failed_layer("") == ""


def test_the_reason_is_the_first_thing_that_went_wrong() -> None:
    name = "`jupyter-collaboration==5.0.4`"
    assert image_commands.reason(FAILED) == f"Failed to download {name} Hash mismatch for {name}"


def test_the_last_words_of_a_program_that_names_no_error_are_the_reason() -> None:
    assert image_commands.reason("#9 0.1 one\n#9 0.2 two\n#9 0.3 three\n#9 ERROR: process x\n") == "two three"
    assert image_commands.reason("ERROR: failed to solve: no such file\n") == "ERROR: failed to solve: no such file"
    assert image_commands.reason("") == "see the build's log"


def test_a_reason_names_no_address_because_it_may_hold_a_password() -> None:
    said = "error: Request failed: https://user:secret@index.example/simple/six/ (401)"
    found = image_commands.reason(f"#9 1.2 {said}\n#9 ERROR: process x\n")
    assert found == "error: Request failed: (address) (401)"


def test_a_layer_that_is_off_is_not_missing() -> None:
    outcomes = image_commands.first_outcomes({"ydoc": "off", "fluent-bit": "auto"}, fluent_bit_source="none")
    assert image_commands.label(outcomes["ydoc"]) == "off"
    assert image_commands.label(outcomes["fluent-bit"]).startswith("missing: neither a package")


def test_a_layer_that_can_be_made_is_expected_to_be() -> None:
    outcomes = image_commands.first_outcomes({"ydoc": "required", "fluent-bit": "auto"}, fluent_bit_source="package")
    assert {image_commands.label(outcome) for outcome in outcomes.values()} == {"installed"}
