"""What Juno decided to say survives a SIGKILL; a broken journal never stops Juno."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chat_interact.outbox import Outbox, Reply

REPLY = Reply("r1", "q1", "chats/a.chat", "because", "done", 4_000_000_000.0)


def test_a_recorded_answer_survives_sigkill(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, pathlib, signal, sys\n"
        "from chat_interact.outbox import Outbox, Reply\n"
        "async def main():\n"
        "    box = Outbox(pathlib.Path(sys.argv[1])); await box.open()\n"
        "    await box.record(Reply('r1', 'q1', 'chats/a.chat', 'because', 'done', 4e9))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], env={"PYTHONPATH": ":".join(sys.path)})
    assert ended.returncode == -signal.SIGKILL

    async def look() -> Reply | None:
        box = Outbox(tmp_path)
        await box.open()
        found = await box.find("r1")
        await box.close()
        return found

    assert asyncio.run(look()) == REPLY


def test_an_answer_waits_until_delivered_and_follows_its_chat(tmp_path: Path) -> None:
    async def story() -> list[object]:
        box = Outbox(tmp_path)
        await box.open()
        await box.record(REPLY)
        await box.moved("chats/a.chat", "old/b.chat")
        before = await box.chats_waiting()
        await box.delivered(["r1"])
        seen = [before, await box.chats_waiting(), (await box.find("r1")) is not None]
        await box.close()
        return seen

    assert asyncio.run(story()) == [{"old/b.chat": 1}, {}, True]


def test_a_new_question_does_not_wait_for_a_slow_disk_and_an_old_one_is_forgotten(tmp_path: Path) -> None:
    async def story() -> list[Reply | None]:
        earlier = Outbox(tmp_path)
        await earlier.open()
        for reply in (REPLY, Reply("r0", "q0", "chats/a.chat", "long ago", "done", 1.0)):
            await earlier.record(reply)
        await earlier.close()
        box, slow = Outbox(tmp_path), threading.Event()
        await box.open()
        box._thread.submit(slow.wait)
        found = [await asyncio.wait_for(box.find("new"), 1)]
        slow.set()
        await box.prune()
        found += [await box.find("r0"), await box.find("r1")]
        assert box._recorded == {"r1"}
        await box.close()
        return found

    assert asyncio.run(story()) == [None, None, REPLY]


def test_a_damaged_journal_is_kept_aside_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(b"this is not a database, by no means at all" * 100)

    async def story() -> Reply | None:
        box = Outbox(tmp_path)
        await box.open()
        await box.record(REPLY)
        found = await box.find("r1")
        await box.close()
        return found

    assert asyncio.run(story()) == REPLY
    assert len(list(tmp_path.glob("outbox.damaged-*"))) == 1


def test_a_folder_that_cannot_be_written_is_reported_and_juno_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = tmp_path / "state"
    blocker.write_text("a file where the folder should be")

    async def story() -> tuple[str | None, Reply | None]:
        box = Outbox(blocker)
        await box.open()
        await box.record(REPLY)
        found = await box.find("r1")
        await box.close()
        return box.problem, found

    problem, found = asyncio.run(story())
    assert found is None
    assert problem is not None
    assert str(blocker) in problem
    assert sum("cannot be written" in record.message for record in caplog.records) == 1
