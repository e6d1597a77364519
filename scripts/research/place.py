"""The folder that an export or a report is written to. It holds what students did: only its owner can read it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class PlaceError(Exception):
    """Nothing can be written there; the message says why."""


@contextmanager
def place(folder: Path, replaced: tuple[str, ...] = ()) -> Iterator[Path]:
    """A folder to write into. At the end its files take their places in `folder`, all at once as far as that goes.

    `replaced` are names of an earlier export that this one has not. After a failure `folder` is as it was.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        work = tempfile.TemporaryDirectory(prefix=".part-", dir=folder)  # 0700, on the same disk
    except OSError as error:
        raise PlaceError(f"{folder} cannot be written to ({error.strerror}): choose another with OUT=FOLDER") from None
    with work as name:
        part = Path(name)
        yield part
        files = sorted(part.iterdir())
        for file in files:
            os.chmod(file, 0o600)
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        for file in files:
            os.replace(file, folder / file.name)
        for gone in set(replaced) - {file.name for file in files}:
            (folder / gone).unlink(missing_ok=True)
