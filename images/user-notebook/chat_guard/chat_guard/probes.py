"""Small simulations that show whether this version of the chat extension still loses messages. Milliseconds each."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def stamping_loses_messages(chat_class: Any) -> bool:
    """Let two messages arrive before the server stamps the first: are both there, in place, and stamped?"""
    outcome: list[bool] = []
    # In a thread of its own: the server's event loop does not run yet, and one may run in tests.
    worker = threading.Thread(target=lambda: outcome.append(asyncio.run(_two_at_once(chat_class))), daemon=True)
    worker.start()
    worker.join(5)
    return outcome != [True]


async def _two_at_once(chat_class: Any) -> bool:
    from pycrdt import Map

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # a loss shows as an IndexError in a callback
    chat = chat_class()
    chat.dirty = False
    await asyncio.sleep(0)
    earlier = time.time() - 60
    for identity in ("one", "two"):
        message = {"id": identity, "body": identity, "time": earlier, "sender": "a", "raw_time": True, "type": "msg"}
        chat.ymessages.append(Map(message))
    for _ in range(5):
        await asyncio.sleep(0)
    held = chat.ymessages.to_py()
    return [m["id"] for m in held] == ["one", "two"] and all(m["raw_time"] is False for m in held)


def socket_destroys_files(model_class: Any) -> bool:
    """Does a chat without collaboration open a file that is not a chat as an empty one, or save in place?"""
    with TemporaryDirectory(prefix="chat_guard-") as folder:
        root = Path(folder)
        (root / "broken.chat").write_text('{"messages": [{"id"')
        (root / "good.chat").write_text("{}")
        before = (root / "good.chat").stat().st_ino
        good = model_class(path="good.chat", root_dir=root)
        good.load_from_file()
        good.save()
        in_place = (root / "good.chat").stat().st_ino == before
        try:
            model_class(path="broken.chat", root_dir=root).load_from_file()
        except (ValueError, OSError):
            return in_place
        return True
