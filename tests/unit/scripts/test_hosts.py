"""Which hosts a verb means, asked of the real Ansible; a mistake names those that there are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hosts import BIN, chosen, confirmed, inventory
from verbs import OptionError

TWO = "all: {children: {hubs: {hosts: {localhost: , hub2: }}, others: {hosts: {lamp: }}}}\n"


@pytest.fixture
def two(tmp_path: Path) -> str:
    file = tmp_path / "hosts.yml"
    file.write_text(TWO)
    return str(file)


def test_a_limit_means_the_hosts_that_it_names_and_no_other(two: str) -> None:
    assert chosen("rollback", {"INVENTORY": two, "LIMIT": "hub2"}) == ["hub2"]
    assert chosen("rollback", {"INVENTORY": two, "LIMIT": "hub*,!localhost"}) == ["hub2"]
    assert chosen("rollback", {"INVENTORY": two}) == ["localhost", "hub2"]


@pytest.mark.parametrize("limit", ["hbu2", "lamp"])
def test_a_limit_that_leaves_no_hub_names_those_that_there_are(two: str, limit: str) -> None:
    with pytest.raises(OptionError, match=rf"LIMIT='{limit}' is not valid.*known: localhost, hub2"):
        chosen("rollback", {"INVENTORY": two, "LIMIT": limit})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("all: {hosts: {hub1: }}\n", "it has no host in the group hubs"),
        ("all: [\n", r"cannot be read: YAML parsing failed: .* \(.*hosts.yml:2"),
    ],
)
def test_an_inventory_without_hubs_and_a_broken_one_are_a_sentence(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "hosts.yml"
    file.write_text(text)
    with pytest.raises(OptionError, match=words):
        chosen("status", {"INVENTORY": str(file)})


@pytest.mark.parametrize(
    ("password", "words"), [(None, "it has a vault, so say VAULT=ask"), ("wrong", "not the password of its vault")]
)
def test_a_vault_that_cannot_be_opened_is_found_out_first(
    two: str, password: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "right").write_text("right")
    vault = tmp_path / "group_vars" / "hubs.yml"
    vault.parent.mkdir()
    vault.write_text("jelai_secrets: {}")
    argv: list[str | Path] = [BIN / "ansible-vault", "encrypt", "--vault-password-file", tmp_path / "right", vault]
    subprocess.run(argv, check=True, capture_output=True)
    if password:
        (tmp_path / "given").write_text(password)
        monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(tmp_path / "given"))
    with pytest.raises(OptionError, match=words):
        chosen("deploy", {"INVENTORY": two})


def test_a_broken_file_of_variables_is_named(two: str, tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "hubs.yml").write_text("jelai:\n  hub_port: 8000\n bad: [\n")
    with pytest.raises(OptionError, match=r"cannot be read: group_vars/hubs.yml, line \d+: "):
        chosen("deploy", {"INVENTORY": str(tmp_path)})


def test_an_unknown_inventory_names_those_that_are_known() -> None:
    with pytest.raises(OptionError, match="known: example, local"):
        inventory("exmaple")


def test_only_the_host_whose_name_was_said_is_destroyed(two: str) -> None:
    assert chosen("destroy", {"INVENTORY": two, "CONFIRM": "hub2"}) == ["hub2"]
    assert confirmed("", ["hub2"]) == ["hub2"]
    for options, words in (({}, "CONFIRM is not set: say which host"), ({"CONFIRM": "lamp"}, "localhost or hub2")):
        with pytest.raises(OptionError, match=words):
            chosen("destroy", {"INVENTORY": two, **options})
