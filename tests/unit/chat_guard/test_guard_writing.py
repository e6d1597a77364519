"""Writing a chat file: at every moment it is the old one or the new one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from chat_guard.files import Changed, signature, write_atomic


def run(script: str, chat: Path) -> str:
    """Run Python with what the tests can import; return what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    argv = [sys.executable, "-c", script, str(chat)]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env=environment).stdout


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    chat = tmp_path / "a.chat"
    chat.write_bytes(b"0" * 50_000)
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(chat.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(60):
        write_atomic(chat, b"%d" % (n % 10) * 50_000)
    done.set()
    reader.join()
    assert {len(content) for content in seen} == {50_000}
    assert all(len(set(content)) == 1 for content in seen)
    assert os.listdir(tmp_path) == ["a.chat"]


def test_mode_and_links_are_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.chat", tmp_path / "link.chat"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real.name)
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_file_with_two_names_keeps_both(tmp_path: Path) -> None:
    one, other = tmp_path / "one.chat", tmp_path / "other.chat"
    one.write_text("a longer old content")
    other.hardlink_to(one)
    write_atomic(one, b"new")
    assert other.read_text() == "new"


def test_a_file_that_somebody_else_wrote_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    chat = tmp_path / "a.chat"
    chat.write_text("looked at")
    seen = signature(chat)
    chat.write_text("written by somebody else")
    with pytest.raises(Changed):
        write_atomic(chat, b"ours", seen)
    assert chat.read_text() == "written by somebody else"
    assert os.listdir(tmp_path) == ["a.chat"]


def test_a_new_file_is_made(tmp_path: Path) -> None:
    held = write_atomic(tmp_path / "new.chat", b"{}")
    assert held == signature(tmp_path / "new.chat")


def test_a_disk_that_takes_only_so_much_leaves_the_old_file(tmp_path: Path) -> None:
    chat = tmp_path / "a.chat"
    chat.write_text("old and whole")
    script = (
        "import resource, sys; from pathlib import Path; from chat_guard.files import write_atomic\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_atomic(Path(sys.argv[1]), b'x' * 10000)\n"
        "except OSError: print('refused')"
    )
    assert run(script, chat) == "refused\n"
    assert chat.read_text() == "old and whole"
    assert os.listdir(tmp_path) == ["a.chat"]


def test_a_read_only_file_is_not_replaced() -> None:
    script = (
        "import os, sys; from pathlib import Path; from chat_guard.files import write_atomic\n"
        "if os.geteuid() == 0: os.setuid(65534)  # root may write everything\n"
        "try: write_atomic(Path(sys.argv[1]), b'new')\n"
        "except PermissionError: print('refused')"
    )
    with tempfile.TemporaryDirectory() as folder:
        chat = Path(folder, "a.chat")
        chat.write_text("old")
        chat.chmod(0o444)
        Path(folder).chmod(0o777)
        assert run(script, chat) == "refused\n"
        assert chat.read_text() == "old"
