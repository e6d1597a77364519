"""Wires Juno together from its settings, and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Any

from jelai_telemetry import settings as telemetry_settings

from . import context, memory, mode, status
from . import server as servers
from .answering import Policy, Question
from .chats import Chats
from .conversation import Desk
from .discover import Discovery
from .drafts import Drafts
from .events import Changed, Opened
from .look import Looker
from .mode import Mode
from .observe import Observer
from .outbox import Outbox
from .settings import Settings
from .switch import Switch
from .telemetry import Journal
from .transports.base import Transport, TransportError, User
from .transports.file import FileTransport
from .tutor import Tutor
from .ways import Ways

log = logging.getLogger(__name__)

SWITCH_LOOK = 0.5
"""Seconds between looks at the switch."""

HOUSEKEEPING = 60.0
"""Seconds between two rounds of looking for what was missed."""


class Juno:
    """All of Juno. `run` returns only by being cancelled."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.began = time.monotonic()
        self.user = User(
            settings.username,
            settings.name,
            settings.name,
            initials=settings.name[0].upper(),
            color="var(--jp-collaborator-color7)",  # JELAI's colour for Juno
            avatar_url=settings.avatar_url or None,
            bot=True,
        )
        names = tuple({settings.name, settings.name.replace(" ", "-"), settings.username})
        policy = Policy(settings.username, names, settings.reply_to, settings.answer_window)
        self.metrics = status.Metrics()
        self.outbox = Outbox(settings.state_dir)
        self.tutor = Tutor(settings.tutor_url, settings.tutor_timeout, settings.tutor_retries, _hub_token(settings))
        self.switch = Switch(settings.switch_file, settings.use_ydoc_chat)
        self.observer = Observer(self.switch.setting, lambda: servers.find(os.environ))
        self.looker = Looker(settings.root, settings.state_dir / "backups", policy, settings.chat_max_bytes)
        self.journal = Journal(telemetry_settings.load(os.environ, log.warning))
        self.drafts = Drafts(
            self.tutor,
            self.outbox,
            self._context,
            self.journal,
            student_id=settings.student_id,
            concurrency=settings.concurrency,
        )
        desk = Desk(policy, self.drafts, self.outbox, self.metrics, settings.idle_seconds)
        ways = Ways(self.observer.look, self.observer.forget, self._transport, self._peek, self._is_watched)
        self.chats = Chats(desk, ways)
        self.discovery = Discovery(
            settings.root, settings.chat_dir, self._server, self.chats.handle, self._stream_changed
        )
        self.waiting: dict[str, int] = {}
        self._tidied = 0
        self._changing = 0
        self._joining: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Start everything and look after it until cancelled."""
        log.info("%s", mode.log_line(self.switch.setting, self.observer.layer))
        await self.outbox.open()
        server = await status.serve(self.settings.status_port, self.status, self.metrics)
        discovering = asyncio.create_task(self.discovery.run(), name="discovery")
        keeping = asyncio.create_task(self._keep_house(), name="housekeeping")
        following = asyncio.create_task(self._follow_switch(), name="switch")
        try:
            await asyncio.gather(discovering, keeping, following)
        finally:
            for task in (discovering, keeping, following):
                task.cancel()
            server.close()
            await self.chats.close()
            await self.drafts.close()
            await self.tutor.close()
            await self.observer.close()
            await self.outbox.close()
            self.journal.close()

    def status(self) -> dict[str, Any]:
        """Return what is observed, as `--status --json` prints it."""
        return {
            "mode": self.observer.mode.transport,
            "reason": self.observer.mode.reason,
            "use_ydoc_chat": self.observer.setting,
            "use_ydoc_chat_from": self.switch.source,
            "use_ydoc_chat_problem": self.switch.problem,
            "changing": self._changing + self.chats.changing,
            "ydoc_layer": self.observer.layer,
            "server": self.observer.status(),
            "tutor": {"url": self.settings.tutor_url, "last_error": self.tutor.last_error},
            "chats": self.chats.status(),
            "problems": [{"path": path, "problem": text} for path, text in sorted(self.chats.problems.items())],
            "outbox": sum(self.waiting.values()),
            "outbox_problem": self.outbox.problem,
            "seen": status.count(self.metrics.seen),
            "answered": status.count(self.metrics.answered),
            "retried": self.tutor.retried,
            "reconnects": status.count(self.metrics.reconnects),
            "last_answer": self.metrics.last_answer,
            "uptime_seconds": round(time.monotonic() - self.began, 1),
            "pid": os.getpid(),
        }

    async def _keep_house(self) -> None:
        """Look for what nobody told us: at the start, and every now and then."""
        for path in await self.outbox.chats_waiting():
            self.chats.handle(Changed(path))
        while True:
            self.waiting = await self.outbox.chats_waiting()
            for found in await asyncio.to_thread(self.discovery.scan):
                self.chats.rescan(found.path, (found.mtime, found.size))
            await self.outbox.prune()
            for _ in range(int(HOUSEKEEPING)):
                await asyncio.sleep(1)
                await self._observe()

    async def _observe(self) -> None:
        self.waiting = await self.outbox.chats_waiting()
        if not self.chats.status():
            await self.observer.look()
        if self._tidied != self.chats.left and not self.drafts.in_work():
            self._tidied = self.chats.left
            memory.release()

    async def _follow_switch(self) -> None:
        while True:
            await asyncio.sleep(SWITCH_LOOK)
            if self.switch.look():
                await self._change_setting(self.switch.setting)

    async def _change_setting(self, setting: str) -> None:
        """Go over to another USE_YDOC_CHAT."""
        self._changing += 1
        try:
            self.observer.follow(setting)
            log.info("%s", mode.log_line(setting, self.observer.layer))
            log.info("USE_YDOC_CHAT is %s now, from %s", setting, self.switch.source)
            await self.observer.look()
            await self.chats.change_ways()
        finally:
            self._changing -= 1

    def _stream_changed(self, connected: bool) -> None:
        log.debug("the server's event stream is %s", "connected" if connected else "lost")
        self.chats.server_changed()
        if connected:
            self._joining = asyncio.create_task(self._join_open_chats(), name="join open chats")

    async def _join_open_chats(self) -> None:
        """Join what was open before anybody listened: no event tells of it; outside the chat folder no file does."""
        await self.observer.look()
        for path in await self.observer.live_chats():
            self.chats.handle(Opened(path))

    async def _server(self) -> servers.Server | None:
        return servers.find(os.environ)

    def _transport(self, how: Mode, path: str) -> Transport:
        if how.transport == "file":
            settings = self.settings
            return FileTransport(
                settings.root,
                path,
                self.user,
                settings.state_dir,
                settings.chat_max_bytes,
                may_write=lambda: self.observer.may_write_file(path),
            )
        api, rtc = self.observer.api, self.observer.rtc
        if api is None or rtc is None:
            raise TransportError(f"{path}: the notebook server went away just now")
        if how.transport == "room":
            from .transports.room import RoomTransport

            return RoomTransport(api, path, self.user, rtc.provider or servers.YDOC)
        if how.bridge:
            from .transports.bridge import BridgeTransport

            return BridgeTransport(api, path, self.user)
        from .transports.socket import SocketTransport

        return SocketTransport(api, path, self.user)

    async def _peek(self, path: str) -> bool:
        sight = await asyncio.to_thread(self.looker.look, path)
        # What a server opens, chat_guard mends there; two that mend the same chat would make two of some messages.
        if sight.odd and (await self.observer.look(path)).transport == "file":
            await asyncio.to_thread(self.looker.mend, path)
        return sight.waits

    def _is_watched(self, path: str) -> bool:
        return path.startswith(f"{self.settings.chat_dir}/")

    async def _context(self, chat: str, question: Question) -> tuple[str | None, str]:
        """Return what the student did, and in which notebook; what was recorded before telemetry was off stays here."""
        folder, attached = self.settings.processed_logs, question.attached
        if self.journal.settings.switch == telemetry_settings.OFF:
            return None, ""
        everything = context.is_report(question.message.body)

        def look() -> tuple[str | None, str]:
            text = context.for_chat(folder, chat, self.settings.context_chars, attached=attached, everything=everything)
            return text, context.notebook(folder, chat, attached)

        return await asyncio.to_thread(look)


def _hub_token(settings: Settings) -> str:
    """Return the token to show the tutor: an outside one is never told that it should be."""
    token = os.environ.get("JUPYTERHUB_API_TOKEN", "") if settings.tutor_send_hub_token else ""
    if settings.tutor_send_hub_token and not token:
        log.warning("TUTOR_SEND_HUB_TOKEN is set, but there is no JUPYTERHUB_API_TOKEN to show the tutor")
    return token
