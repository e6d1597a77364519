"""The operator's certificate, key and CAs: whether proxy and hub can use them. One sentence for each mistake."""

from __future__ import annotations

import grp
import hashlib
import os
import ssl
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .layout import HUB_USER

MISMATCH = "KEY_VALUES_MISMATCH"


def problems(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with the files that the settings name; nothing where they name none."""
    paths = {name: str(settings[name]) for name in ("tls_certificate", "tls_key", "ca_bundle") if settings.get(name)}
    wrong = [said for name, path in paths.items() if (said := _unreadable(name, path))]
    if wrong:
        return wrong
    bundle = paths.pop("ca_bundle", "")
    found = (_no_bundle(bundle) if bundle else "", _unusable(**paths) if len(paths) == 2 else "")
    return [said for said in found if said]


def mark(settings: Mapping[str, Any]) -> str:
    """Changes when the certificate does; empty where there is none, or none that can be read.

    The proxy reads its files only when it starts, so with another mark it is made anew.
    """
    try:
        return hashlib.sha256(Path(settings["tls_certificate"]).read_bytes()).hexdigest()[:12]
    except OSError:
        return ""


def _unreadable(name: str, path: str) -> str:
    """Proxy and hub are no root, and of the group that has the hub's secrets."""
    try:
        status = os.stat(path)
    except OSError as error:
        return f"{name} {path} cannot be read ({error.strerror}): put it on this host, or correct the path"
    if not stat.S_ISREG(status.st_mode):
        return f"{name} {path} is no file: give the path of a PEM file on this host"
    if not _readable(status):
        how = f"chgrp {HUB_USER} {path} && chmod g+r {path}"
        return f"{name} {path} cannot be read by group {HUB_USER}{_name(HUB_USER)}, as which proxy and hub run: {how}"
    return ""


def _no_bundle(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        return f"ca_bundle {path} cannot be used ({error}): give a PEM file with the certificates of CAs"
    return ""


def _unusable(tls_certificate: str, tls_key: str) -> str:
    """Serve one connection in memory with them, and be the browser of it, who trusts this certificate."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        server.load_cert_chain(tls_certificate, tls_key, password=lambda: "")  # else it asks at the terminal
        client.load_verify_locations(tls_certificate)
        _shake_hands(server, client)
    except ssl.SSLCertVerificationError as error:
        return f"tls_certificate {tls_certificate} is not valid ({error.verify_message}): renew it"
    except ssl.SSLError as error:
        if error.reason == MISMATCH:
            said = f"tls_key {tls_key} is not the key of tls_certificate {tls_certificate}"
            return f"{said}: give the two that belong together"
        how = "give a PEM file with the certificate first, and its key without a password"
        return f"tls_certificate {tls_certificate} and tls_key {tls_key} cannot be used ({error}): {how}"
    return ""


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)
    for _ in range(3):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue  # the other's turn


def _readable(status: os.stat_result) -> bool:
    if status.st_mode & stat.S_IROTH:
        return True
    return status.st_gid == HUB_USER and bool(status.st_mode & stat.S_IRGRP)


def _name(group: int) -> str:
    try:
        return f" ({grp.getgrgid(group).gr_name})"
    except KeyError:
        return ""
