"""Prepares a student's container, or says in one sentence for each thing wrong why it cannot start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import materials, settings
from .folders import FolderError, Places, make_folders, write_notes
from .knock import knock_later

SOURCE = Path("/srv/learning_materials")
LAYERS = Path("/opt/juno/layers.json")


def main() -> int:
    """Return 0 when the programs may start, 2 when a setting or a volume is wrong."""
    try:
        wanted = settings.load(os.environ)
        places = Places(home=Path.home(), run=Path("/run/jelai"), chat_dir=wanted.chat_dir)
        make_folders(places)
        write_notes(places, rtc=settings.rtc(wanted.use_ydoc_chat, LAYERS))
    except (settings.SettingsError, FolderError) as error:
        print(error, file=sys.stderr)
        return 2
    outcome = materials.sync(SOURCE, places.materials, places.materials_manifest)
    for line in outcome.lines():
        print(f"learning materials: {line}", flush=True)
    knock_later(places.run / "supervisor.sock")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
