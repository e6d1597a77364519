"""OpenLDAP's own server with a few people in it. It takes passwords over TLS only, and who has none may not search."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub_stack import free_port

BASE = "dc=example"
PEOPLE = f"ou=people,{BASE}"
COURSE = f"cn=course,{BASE}"
SEARCHER = f"cn=hub,{BASE}"
CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
security simple_bind=112
database mdb
suffix "{base}"
directory {folder}/database
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
"""
ENTRIES = f"""
dn: {BASE}
objectClass: domain
dc: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {SEARCHER}
objectClass: person
cn: hub
sn: hub
userPassword: searching

dn: {COURSE}
objectClass: groupOfNames
cn: course
member: uid=ada,{PEOPLE}
"""
PERSON = """
dn: uid={name},{people}
objectClass: inetOrgPerson
uid: {name}
cn: {name}
sn: {name}
userPassword: {name}-password
"""


@dataclass(frozen=True)
class Directory:
    """A server that runs: an address and two ports, the second of which speaks TLS from the first byte."""

    address: str
    port: int
    tls_port: int


@contextmanager
def directory(address: str, certificate: Path, key: Path, folder: Path, people: tuple[str, ...]) -> Iterator[Directory]:
    """Serve at an address of this machine. A person's password is NAME-password."""
    (folder / "database").mkdir()
    # Debian's AppArmor keeps the program in /usr/sbin away from a test's folder, but not a copy.
    program = shutil.copy("/usr/sbin/slapd", folder / "slapd")
    file, entries = folder / "slapd.conf", folder / "entries.ldif"
    file.write_text(CONFIGURATION.format(certificate=certificate, key=key, base=BASE, folder=folder))
    entries.write_text(ENTRIES + "".join(PERSON.format(name=name, people=PEOPLE) for name in people))
    filled = subprocess.run([program, "-Ta", "-f", file, "-l", entries], capture_output=True, text=True, check=False)
    assert filled.returncode == 0, filled.stderr
    found = Directory(address, free_port(), free_port())
    addresses = f"ldap://{address}:{found.port}/ ldaps://{address}:{found.tls_port}/"
    log = folder / "slapd.log"
    with log.open("w") as output:
        server = subprocess.Popen([program, "-d", "stats", "-f", file, "-h", addresses], stderr=output)
    try:
        end = time.monotonic() + 10
        while socket.socket().connect_ex((address, found.tls_port)):
            assert server.poll() is None and time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.05)
        yield found
    finally:
        server.terminate()
        server.wait(10)
