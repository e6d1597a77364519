"""The variables of compose/compose.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from release import compose_env
from release.layout import Layout
from release.stack import overlays

ROOT = Path(__file__).resolve().parents[3]
IMAGES = {name: f"sha256:{number}" for number, name in enumerate(compose_env.IMAGES)}
SETTINGS: dict[str, Any] = {
    "stack_name": "jelai",
    "hub_address": "127.0.0.1",
    "hub_port": 8000,
    "students_subnet": "172.30.0.0/16",
    "students_internet": True,
    "llm_base_url": "",
    "llm_model": "",
    "juno_concurrency": 8,
    "tls_certificate": "",
    "tls_key": "",
    "ca_bundle": "",
    "course": "",
    "course_groups": [],
    "telemetry_retention_days": 0,
}


def variables(release: str = "R1", secrets: frozenset[str] = frozenset(), **changed: Any) -> dict[str, str]:
    layout = Layout("/srv/jelai")
    return compose_env.compose_environment(
        SETTINGS | changed, IMAGES, layout, release=release, docker_gid=105, secrets=secrets
    )


def test_compose_has_every_variable_that_it_asks_for_and_no_other() -> None:
    files = [
        ROOT / "compose/compose.yaml",
        *(ROOT / f"compose/overlays/{name}.yaml" for name in ("tls", "ca", "candidate")),
    ]
    asked = {name for file in files for name in re.findall(r"\$\{([A-Z_]+)", file.read_text())}
    assert asked == set(variables())


def test_files_of_tls_are_given_to_who_reads_them_where_the_settings_name_them() -> None:
    assert overlays(SETTINGS) == ()
    assert overlays(SETTINGS | {"ca_bundle": "/ca.pem"}) == ("ca",)
    assert overlays(SETTINGS | {"ca_bundle": "/ca.pem", "tls_certificate": "/c"}) == ("tls", "ca")


def test_only_the_hub_is_told_which_release_it_is() -> None:
    one, other = variables("R1"), variables("R2")
    changed = {name for name in one if one[name] != other[name]}
    assert changed == {"JELAI_RELEASE", "JELAI_RELEASE_DIR"}
    text = (ROOT / "compose/compose.yaml").read_text()
    services = dict(re.findall(r"^  ([a-z-]+):\n((?:    .*\n|\n)+)", text.split("\nservices:\n")[1], re.MULTILINE))
    assert [name for name, body in services.items() if any(f"${{{one}" in body for one in changed)] == ["hub"]


def test_services_have_the_first_addresses_and_students_the_upper_half() -> None:
    found = variables(students_subnet="10.1.2.0/24")
    assert [found[f"{name}_ADDRESS_INTERNAL"] for name in ("HUB", "PROXY", "TUTOR", "COLLECTOR")] == [
        "10.1.2.2",
        "10.1.2.3",
        "10.1.2.4",
        "10.1.2.5",
    ]
    assert (found["STUDENTS_GATEWAY"], found["STUDENTS_RANGE"]) == ("10.1.2.1", "10.1.2.128/25")


def test_the_key_of_the_model_is_a_file_and_only_where_there_is_one() -> None:
    assert variables()["LLM_API_KEY_SOURCE"] == ""
    assert variables(secrets=frozenset({"llm_api_key"}))["LLM_API_KEY_SOURCE"] == "/srv/jelai/secrets/llm_api_key"


def test_the_tutor_takes_all_that_a_students_juno_asks_at_once() -> None:
    found = [variables(juno_concurrency=number)["QUESTIONS_AT_ONCE"] for number in (1, 8, 30)]
    assert found == ["8", "8", "30"]


def test_the_course_is_the_stack_unless_it_is_named() -> None:
    assert (variables()["COURSE"], variables()["COURSE_GROUPS"]) == ("jelai", "")
    found = variables(course="Python 101", course_groups=["/courses/py", "stats"], telemetry_retention_days=365)
    assert (found["COURSE"], found["COURSE_GROUPS"], found["RETENTION_DAYS"]) == (
        "Python 101",
        "/courses/py,stats",
        "365",
    )


def test_a_candidate_never_has_the_address_of_the_real_database() -> None:
    assert variables()["TELEMETRY_DATABASE_SOURCE"] == ""
    found = variables(secrets=frozenset({"telemetry_database_url"}))
    assert found["TELEMETRY_DATABASE_SOURCE"] == "/srv/jelai/secrets/telemetry_database_url"
    overlay = (ROOT / "compose/overlays/candidate.yaml").read_text()
    assert 'TELEMETRY_DATABASE_URL_FILE: ""' in overlay


def test_a_renewed_certificate_makes_the_proxy_anew_and_nothing_else() -> None:
    asks = [path.name for path in (ROOT / "compose").rglob("*.yaml") if "${TLS_MARK" in path.read_text()]
    assert asks == ["tls.yaml"]
    overlay = (ROOT / "compose/overlays/tls.yaml").read_text()
    assert re.findall(r"^  ([a-z-]+):$", overlay, re.MULTILINE) == ["proxy"]


def test_a_candidate_has_a_name_of_its_own() -> None:
    assert compose_env.candidate_environment(variables()) == {"JELAI_STACK": "jelai-gate"}


def test_an_image_that_is_missing_is_no_variable_that_is_empty() -> None:
    with pytest.raises(KeyError, match="hub"):
        compose_env.compose_environment(SETTINGS, {}, Layout("/srv"), release="R1", docker_gid=1)
