"""What a build and `make dev` are told is checked before anything happens."""

from __future__ import annotations

from pathlib import Path

import dev
import dev_settings
import image_settings
import pytest


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("USE_YDOC_CHAT", "banana"),
        ("TELEMETRY", "banana"),
        ("TELEMETRY_EVENTS", "banana"),
        ("YDOC_LAYER", "banana"),
        ("FLUENT_BIT_LAYER", "yes"),
        ("NOTEBOOK_PACKAGES", "everything"),
        ("EXTRA_CA_BUNDLE", "/no/such.pem"),
        ("FLUENT_BIT_PACKAGE", "/no/such.deb"),
        ("FLUENT_BIT_PACKAGE", "/etc"),
        ("FLUENT_BIT_REPOSITORY", "packages.example"),
        ("FLUENT_BIT_VERSION", "5.1.1; true"),
        ("FLUENT_BIT_FINGERPRINT", "C3C0"),
        ("DEV_PORT", "0"),
        ("DEV_PORT", "65536"),
        ("DEV_PORT", "x"),
        ("DEV_PORT", "٣"),
        ("DEV_TOKEN", "a b"),
        ("TA_MIDDLEWARE_URL", "tutor:8004"),
        ("TA_MIDDLEWARE_URL", "http://localhost:8004"),
        ("LLM_BASE_URL", "ollama"),
        ("JUNO_REPLY_TO", "nobody"),
        ("CHAT_GUARD", "maybe"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(name: str, value: str) -> None:
    with pytest.raises(dev_settings.SettingsError) as error:
        dev_settings.load({name: value})
    lines = str(error.value).splitlines()
    assert len(lines) == 1 and name in lines[0] and lines[0].endswith(".")


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(dev_settings.SettingsError) as error:
        dev_settings.load({"USE_YDOC_CHAT": "banana", "YDOC_LAYER": "banana", "DEV_PORT": "banana"})
    assert len(str(error.value).splitlines()) == 3


def test_a_wrong_token_is_not_repeated() -> None:
    with pytest.raises(dev_settings.SettingsError) as error:
        dev_settings.load({"DEV_TOKEN": "secret/word"})
    assert "secret" not in str(error.value)


def test_nothing_set_is_well() -> None:
    found = dev_settings.load({})
    assert found.url == "http://127.0.0.1:8888/lab?token=dev"
    assert found.build.layers == {"ydoc": "auto", "fluent-bit": "auto"}


def test_the_hosts_own_ca_bundle_is_used_when_its_clients_use_one(tmp_path: Path) -> None:
    bundle, extra = tmp_path / "ca.pem", tmp_path / "extra.pem"
    bundle.write_text("host")
    extra.write_text("extra")
    assert image_settings.load({"SSL_CERT_FILE": str(bundle)}).ca_bundle == bundle
    assert image_settings.load({"SSL_CERT_FILE": str(bundle), "EXTRA_CA_BUNDLE": str(extra)}).ca_bundle == extra
    assert image_settings.load({}).ca_bundle is None


def test_compose_gets_the_overlay_of_the_mode() -> None:
    assert any("json-chat" in word for word in dev.compose("up", use_ydoc_chat="false"))
    assert any("ydoc.yaml" in word for word in dev.compose("up", use_ydoc_chat="auto"))


def test_the_command_fails_with_2_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("USE_YDOC_CHAT", "banana")
    assert dev.main(["up"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1


def test_the_address_of_a_repository_is_not_repeated_for_it_may_hold_a_password() -> None:
    with pytest.raises(image_settings.SettingsError) as error:
        image_settings.load({"FLUENT_BIT_REPOSITORY": "https://me:secret@packages example"})
    assert "secret" not in str(error.value) and "FLUENT_BIT_REPOSITORY" in str(error.value)


def test_fluent_bit_comes_from_the_operators_package_before_any_repository(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/fluent-bit").write_text("")
    repository = {"FLUENT_BIT_REPOSITORY": "https://packages.example/"}
    assert image_settings.load({}).fluent_bit_source == "none"
    assert image_settings.load(repository).fluent_bit_source == "repository"
    assert image_settings.load(repository).fluent_bit_repository == "https://packages.example"
    assert image_settings.load(repository | {"FLUENT_BIT_PACKAGE": str(tmp_path)}).fluent_bit_source == "package"
