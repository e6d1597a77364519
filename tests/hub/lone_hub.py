"""A hub without Docker, for tests of who may log in: its container, and a browser that keeps cookies."""

from __future__ import annotations

import html
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from containers import Running, Stand, image
from release.layout import Layout

CA = "/run/jelai/ca.pem"
FIELD = re.compile(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"')


def settings(kind: str, options: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Settings of a hub whose administrator is `boss`."""
    return {"authenticator": kind, "authenticator_options": options, "admin_users": ["boss"]} | more


@contextmanager
def lone_hub(
    place: Stand, layout: Layout, *, ca: Path | None = None, data: str = "", **settings: Any
) -> Iterator[Running]:
    """The hub with these settings; `ca` as overlays/ca.yaml gives it, `data` is a volume for what it keeps."""
    file = layout.root / "settings.json"
    file.write_text(json.dumps(settings))
    mounts = {str(file): "/etc/jelai/settings.json", str(layout.secrets): "/run/jelai/secrets"}
    mounts |= {str(ca): CA} if ca else {}
    volumes = {source: {"bind": target, "mode": "ro"} for source, target in mounts.items()}
    volumes |= {data: {"bind": "/srv/hub", "mode": "rw"}} if data else {}
    environment = {"JELAI_STACK": "t", "JELAI_RELEASE": "r", "STUDENTS_NETWORK": "n", "NOTEBOOK_IMAGE": "sha256:0"}
    container = place.run(
        image("hub"),
        ["python3", "-I", "-m", "jelai_hub", "--log-level=INFO"],
        alias="hub",
        read_only=True,
        cap_drop=["ALL"],
        tmpfs={"/tmp": ""} | ({} if data else {"/srv/hub": "uid=64610,gid=64610"}),
        environment=environment | ({"SSL_CERT_FILE": CA} if ca else {}),
        extra_hosts={"directory.test": gateway(place)},
        volumes=volumes,
    )
    try:
        yield Running(container)
    finally:
        container.remove(force=True)
        place.containers.remove(container)


def gateway(place: Stand) -> str:
    """This machine, as containers and tests reach it."""
    place.network.reload()
    return str(place.network.attrs["IPAM"]["Config"][0]["Gateway"])


class Proxy(Running):
    """The proxy, as a browser on this machine sees it."""

    port = 8000


class Browser(httpx.Client):
    """Keeps cookies, follows redirects, trusts a CA."""

    def __init__(self, url: str, trusted: ssl.SSLContext | None = None) -> None:
        verify = trusted or ssl.create_default_context()
        super().__init__(base_url=url, verify=verify, follow_redirects=True, trust_env=False, timeout=20)

    def send_form(self, page: httpx.Response, **given: str) -> httpx.Response:
        """Fill in the page's form and send it where it says."""
        action = re.search(r'<form[^>]*?action="([^"]*)"', page.text)
        fields = {name: html.unescape(value) for name, value in FIELD.findall(page.text)}
        address = page.url.join(html.unescape(action[1])) if action else page.url
        return self.post(address, data=fields | given)

    def sign_in(self, name: str, password: str) -> httpx.Response:
        """Use the login form."""
        return self.send_form(self.get("/hub/login?next=/hub/home"), username=name, password=password)

    def person(self) -> tuple[str, bool] | None:
        """Who the hub says that this is, and whether an administrator."""
        answer = self.get("/hub/api/user")
        return (answer.json()["name"], answer.json()["admin"]) if answer.status_code == 200 else None
