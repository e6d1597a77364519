"""The folders of the home and of /run/jelai, and the notes that the programs find there."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

CHAT_SCHEMA = "jupyterlab-chat-extension:factory"


class FolderError(Exception):
    """A folder cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Places:
    """Where things are in a student's container."""

    home: Path
    run: Path
    chat_dir: str

    @property
    def materials(self) -> Path:
        return self.home / "work" / "learning_materials"

    @property
    def materials_manifest(self) -> Path:
        return self.home / ".local" / "state" / "jelai" / "materials.json"

    def folders(self) -> list[Path]:
        """Every folder that a program takes for granted; the volumes start empty."""
        home, run = self.home, self.run
        return [
            *(run, run / "jupyter", run / "programs", run / "config" / "labconfig"),
            *(home, home / "work", home / "work" / self.chat_dir, home / "logs", home / "logs" / "processed"),
            *(
                home / ".local" / "share" / "jupyter",
                home / ".local" / "state" / "jelai",
                home / ".local" / "state" / "juno",
            ),
        ]


def make_folders(places: Places) -> None:
    """Make what is missing; raise FolderError where this user cannot write."""
    for folder in places.folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(_sentence(folder, error.strerror or str(error))) from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FolderError(_sentence(folder, "Permission denied"))


def _sentence(folder: Path, reason: str) -> str:
    who = f"user {os.getuid()} (group {os.getgid()})"
    return (
        f"The folder {folder} cannot be used: {reason}. The volume or tmpfs that holds it must be writable for {who}."
    )


def write_notes(places: Places, *, rtc: str) -> None:
    """Tell run-notebook whether RTC is on, and JupyterLab's chat where the chats are."""
    (places.run / "rtc").write_text(rtc + "\n")
    overrides = {CHAT_SCHEMA: {"defaultDirectory": places.chat_dir}}
    (places.run / "config" / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(overrides) + "\n")
    # Left by a container that was stopped and is started again: the health check would believe them, and
    # a container that starts follows its environment.
    for stale in [*(places.run / "jupyter").glob("jpserver-*"), *(places.run / "programs").iterdir()]:
        stale.unlink()
    for name in ("notebook.exit", "supervisor.sock", "supervisord.pid", "use_ydoc_chat"):
        (places.run / name).unlink(missing_ok=True)
