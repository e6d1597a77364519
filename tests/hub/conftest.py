"""The stack that the tests of this suite share, and what a hub without Docker needs around it, of each module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from authority import Authority
from containers import Stand, image
from directory import Directory, directory
from hub_stack import HUB, HubStack, hub_root, hub_stack, write_secret, write_secrets
from identity_provider import SECRET, Provider
from lone_hub import Proxy, gateway
from release.layout import Layout


@pytest.fixture(scope="session")
def stack() -> Iterator[HubStack]:
    """A hub that serves. Tests leave its settings as they found them."""
    with hub_stack(course_groups=["python101"], telemetry_off_groups=["silent"]) as found:
        found.release()
        yield found


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    with hub_root() as root:
        found = Layout(root)
        write_secrets(found)
        found.state.mkdir()
        write_secret(found, "client_secret", SECRET)
        write_secret(found, "searching", "searching")
        yield found


@pytest.fixture(scope="module")
def proxy(place: Stand, layout: Layout) -> Proxy:
    token = {str(layout.secret("proxy_token")): {"bind": "/run/jelai/secrets/proxy_token", "mode": "ro"}}
    given: dict[str, Any] = {"environment": {"API_HOST": "0.0.0.0"}, "volumes": token, "group_add": [HUB]}
    found = Proxy(place.run(image("proxy"), alias="proxy-api", ports={"8000/tcp": ("127.0.0.1", None)}, **given))
    found.wait_healthy()
    return found


@pytest.fixture(scope="module")
def authority(layout: Layout) -> Authority:
    return Authority(layout.root)


@pytest.fixture(scope="module")
def people(place: Stand, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    certificate, key = authority.certificate(["directory.test"])
    folder = tmp_path_factory.mktemp("directory")
    with directory(gateway(place), certificate, key, folder, ("ada", "grace", "boss")) as found:
        yield found


@pytest.fixture(scope="module")
def provider(place: Stand, authority: Authority) -> Iterator[Provider]:
    found = Provider(gateway(place), *authority.certificate([gateway(place)]))
    yield found
    found.close()
