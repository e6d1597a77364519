"""A CA for tests, as an institution has its own, and certificates of it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Files in a folder: `ca` is what a hub is told to trust."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ca = folder, folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("CA of a test")
        certificate = self._builder(self._name, self._key.public_key())
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = certificate.add_extension(usage, critical=True)
        self._write(self.ca, certificate.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True))

    def certificate(self, names: Sequence[str]) -> tuple[Path, Path]:
        """Certificate and key of a server with these names or addresses, the first one also the file's name."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(names[0]), key.public_key())
        said = x509.SubjectAlternativeName([_general(name) for name in names])
        self._write(self.folder / f"{names[0]}.pem", builder.add_extension(said, critical=False))
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file = self.folder / f"{names[0]}.key"
        file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
        return self.folder / f"{names[0]}.pem", file

    def context(self) -> ssl.SSLContext:
        """A browser that trusts this CA."""
        return ssl.create_default_context(cafile=str(self.ca))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
        now = datetime.now(UTC)
        identity = x509.SubjectKeyIdentifier.from_public_key(key)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.not_valid_before(now - DAY).not_valid_after(now + DAY)
        return builder.add_extension(identity, critical=False).add_extension(issuer, critical=False)

    def _write(self, file: Path, builder: x509.CertificateBuilder) -> None:
        signed = builder.sign(self._key, hashes.SHA256())
        file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        file.chmod(0o644)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
