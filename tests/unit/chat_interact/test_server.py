"""The notebook server next door: found where it really listens, asked by calls that fail with clear words."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from notebook_peer import TOKEN, Peer

from chat_interact.server import Api, LiveChat, NoServer, Rtc, Server, find
from chat_interact.transports.base import ChatMissing, TransportError, Unreachable, WrongMode

CHAT = "chats/lesson 1 ä.chat"


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    peer = Peer(tmp_path)
    peer.chat(CHAT)
    return peer


def ask(peer: Peer, call: Callable[[Api], Awaitable[Any]], token: str = TOKEN) -> Any:
    """Make one call to the peer."""

    async def run() -> Any:
        async with peer.running() as good:
            api = Api(replace(good.server, token=token))
            try:
                return await call(api)
            finally:
                await api.close()

    return asyncio.run(run())


def running(folder: Path, pid: int, port: int, **more: Any) -> None:
    """Write what a server that runs leaves in Jupyter's runtime folder."""
    info = {"pid": pid, "port": port, "base_url": "/", "hostname": "localhost", "token": "t", "root_dir": "/srv/work"}
    (folder / f"jpserver-{pid}.json").write_text(json.dumps({**info, **more}))


def dead_pid() -> int:
    """Return the number of a process that ran and ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_hub_says_where_the_server_is(tmp_path: Path) -> None:
    found = find(
        {
            "JUPYTERHUB_API_TOKEN": "hub",
            "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
            "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8899/user/ada/",
            "JUPYTER_RUNTIME_DIR": str(tmp_path),
        }
    )
    assert found == Server("http://127.0.0.1:8899/user/ada/", "hub", None)


def test_the_newest_server_that_lives_is_found(tmp_path: Path) -> None:
    running(tmp_path, os.getppid(), 8001)
    os.utime(tmp_path / f"jpserver-{os.getppid()}.json", (1, 1))
    running(tmp_path, os.getpid(), 8002, hostname="0.0.0.0", base_url="/lab/")
    running(tmp_path, dead_pid(), 8003)
    (tmp_path / "jpserver-7.json").write_text('{"pid":')
    found = find({"JUPYTER_RUNTIME_DIR": str(tmp_path)})
    assert found == Server("http://127.0.0.1:8002/lab/", "t", Path("/srv/work"))


def test_no_server_is_found_where_none_lives(tmp_path: Path) -> None:
    running(tmp_path, dead_pid(), 8003)
    assert find({"JUPYTER_RUNTIME_DIR": str(tmp_path)}) is None
    assert find({"JUPYTER_RUNTIME_DIR": str(tmp_path / "none")}) is None


@pytest.mark.parametrize("announce", [True, False])
@pytest.mark.parametrize("rtc", [True, False])
def test_the_mode_is_read_from_the_page_or_from_the_routes(peer: Peer, rtc: bool, announce: bool) -> None:
    peer.rtc, peer.announce = rtc, announce
    expected = Rtc(True, "jupyter_server_ydoc") if rtc else Rtc(False, None)
    assert ask(peer, lambda api: api.rtc()) == expected


def test_a_session_and_a_file_id_are_given_for_any_name(peer: Peer) -> None:
    assert ask(peer, lambda api: api.session(CHAT)) == (CHAT.replace("/", "~"), "s1")
    assert ask(peer, lambda api: api.file_id(CHAT)) == CHAT.replace("/", "~")


@pytest.mark.parametrize(
    ("said", "kind"), [("API endpoint does not exist", WrongMode), ("File 'x.chat' does not exist", ChatMissing)]
)
def test_a_route_that_is_gone_is_told_from_a_chat_that_is_gone(
    peer: Peer, said: str, kind: type[TransportError]
) -> None:
    peer.no_session = said
    with pytest.raises(TransportError) as caught:
        ask(peer, lambda api: api.session(CHAT))
    assert type(caught.value) is kind


def test_who_juno_is_and_what_exists(peer: Peer) -> None:
    assert ask(peer, lambda api: api.whoami()) == "ada"
    assert ask(peer, lambda api: api.exists(CHAT)) is True
    assert ask(peer, lambda api: api.exists("chats/none.chat")) is False


def test_live_chats_are_known_only_to_chat_guard(peer: Peer) -> None:
    assert ask(peer, lambda api: api.live_chats()) is None
    peer.guard = [{"path": CHAT, "clients": 2, "messages": 7}]
    assert ask(peer, lambda api: api.live_chats()) == [LiveChat(CHAT, 2, 7)]
    peer.guard = [{"odd": "answer"}]
    assert ask(peer, lambda api: api.live_chats()) is None


@pytest.mark.parametrize(
    "call",
    [Api.rtc, Api.whoami, lambda api: api.session(CHAT), lambda api: api.exists(CHAT), lambda api: api.file_id(CHAT)],
)
def test_a_refused_token_is_told_without_the_token(peer: Peer, call: Callable[[Api], Awaitable[Any]]) -> None:
    with pytest.raises(Unreachable, match="the token was refused") as caught:
        ask(peer, call, token="wrong-secret")
    assert "wrong-secret" not in str(caught.value)


def test_nothing_listening_is_told_from_a_server_that_is_only_slow() -> None:
    async def call(port: int) -> TransportError:
        api = Api(Server(f"http://127.0.0.1:{port}/", "secret"))
        api._client.timeout = 0.3
        with pytest.raises(TransportError) as caught:
            await api.rtc()
        await api.close()
        assert "secret" not in str(caught.value) + repr(api.server)
        return caught.value

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        assert type(asyncio.run(call(port))) is Unreachable
    assert type(asyncio.run(call(port))) is NoServer


def test_websocket_addresses_keep_the_base_path() -> None:
    assert Api(Server("http://127.0.0.1:1/user/ada/", "t")).ws_url("api/x") == "ws://127.0.0.1:1/user/ada/api/x"


def test_proxies_of_the_environment_are_not_asked(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert ask(peer, lambda api: api.whoami()) == "ada"


def test_all_but_the_room_can_be_imported_without_the_ydoc_layer() -> None:
    code = (
        "import sys; sys.modules['pycrdt'] = None\n"
        "import chat_interact.server, chat_interact.mode, chat_interact.transports.socket\n"
        "assert not chat_interact.mode.ydoc_layer()"
    )
    sidecar = Path(sys.modules["chat_interact"].__file__ or "").parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(sidecar)})
