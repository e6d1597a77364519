"""What is wrong with a certificate and its key is a sentence before anything is done."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from release.layout import HUB_USER
from release.tls_files import mark, problems

NOW = datetime.now(UTC)


def pair(folder: Path, name: str, *, days: tuple[int, int] = (-1, 2), password: bytes = b"") -> dict[str, str]:
    """A certificate and its key, which everybody may read."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub.example")])
    made = x509.CertificateBuilder().subject_name(called).issuer_name(called).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(NOW + timedelta(days[0])).not_valid_after(NOW + timedelta(days[1]))
    certificate, file = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    return {"tls_certificate": str(certificate), "tls_key": str(file)}


def test_what_belongs_together_is_right_and_so_is_nothing(tmp_path: Path) -> None:
    assert problems(pair(tmp_path, "a")) == []
    assert problems({"tls_certificate": "", "tls_key": ""}) == []


def test_a_chain_is_right_too(tmp_path: Path) -> None:
    one, other = pair(tmp_path, "a"), pair(tmp_path, "b")
    chain = tmp_path / "chain.pem"
    chain.write_text(Path(one["tls_certificate"]).read_text() + Path(other["tls_certificate"]).read_text())
    assert problems(one | {"tls_certificate": str(chain)}) == []
    (line,) = problems(other | {"tls_certificate": str(chain)})
    assert "is not the key of" in line


def test_a_bundle_of_cas_must_hold_some(tmp_path: Path) -> None:
    one = pair(tmp_path, "a")
    assert problems(one | {"ca_bundle": one["tls_certificate"]}) == []
    (line,) = problems({"tls_certificate": "", "tls_key": "", "ca_bundle": one["tls_key"]})
    assert line.startswith(f"ca_bundle {one['tls_key']} cannot be used (") and "certificates of CAs" in line
    (line,) = problems(one | {"ca_bundle": "/none/ca.pem"})
    assert line.startswith("ca_bundle /none/ca.pem cannot be read (No such file")


def test_the_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    one, other = pair(tmp_path, "a"), pair(tmp_path, "b")
    (line,) = problems(one | {"tls_key": other["tls_key"]})
    assert line.startswith(f"tls_key {other['tls_key']} is not the key of tls_certificate {one['tls_certificate']}: ")


@pytest.mark.parametrize(("days", "word"), [((-9, -1), "expired"), ((1, 9), "not yet valid")])
def test_a_certificate_out_of_its_time_is_told(tmp_path: Path, days: tuple[int, int], word: str) -> None:
    given = pair(tmp_path, "a", days=days)
    (line,) = problems(given)
    assert line.startswith(f"tls_certificate {given['tls_certificate']} is not valid (") and word in line


def test_what_is_no_pem_or_has_a_password_is_told_and_nothing_is_asked(tmp_path: Path) -> None:
    given = pair(tmp_path, "a")
    for wrong in (pair(tmp_path, "b", password=b"word"), given | {"tls_key": given["tls_certificate"]}):
        (line,) = problems(wrong)
        assert "cannot be used" in line and "its key without a password" in line


@pytest.mark.skipif(os.geteuid() != 0, reason="files of another group can only be made by root")
def test_files_that_the_proxy_cannot_read_are_named_with_the_remedy(tmp_path: Path) -> None:
    settings: Mapping[str, Any] = pair(tmp_path, "a")
    key = Path(settings["tls_key"])
    key.chmod(0o600)
    (line,) = problems(settings)
    assert f"tls_key {key} cannot be read by group {HUB_USER}" in line and f"chgrp {HUB_USER} {key}" in line
    os.chown(key, 0, HUB_USER)
    assert problems(settings), "the group has no right to it yet"
    key.chmod(0o640)
    assert problems(settings) == []
    (line,) = problems({**settings, "tls_key": str(tmp_path / "gone.pem")})
    assert "No such file" in line
    (line,) = problems({**settings, "tls_key": str(tmp_path)})
    assert "is no file" in line


def test_the_mark_follows_the_certificate_through_a_link(tmp_path: Path) -> None:
    one, other, link = pair(tmp_path, "a"), pair(tmp_path, "b"), tmp_path / "live.pem"
    settings = {"tls_certificate": str(link)}
    assert mark(settings) == ""
    link.symlink_to(one["tls_certificate"])
    before = mark(settings)
    assert before == mark(one) != ""
    link.unlink()
    link.symlink_to(other["tls_certificate"])
    assert mark(settings) == mark(other) != before
