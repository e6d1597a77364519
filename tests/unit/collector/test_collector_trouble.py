"""An outage that is over must not make the collector ill for ever when nobody sends anything meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from collector import writer
from collector.database import StoreError
from collector.store import Batch
from collector.writer import Writer


class Away:
    """A store whose database is away."""

    def write(self, batches: list[Batch]) -> None:
        raise StoreError("the database is away")


def test_a_trouble_is_news_until_nobody_met_it_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = Away()
    found = Writer(store)
    found.start()
    with pytest.raises(StoreError):
        asyncio.run(found.stored(Batch("ada", "", "course", [])))
    assert found.trouble() == "the database is away"
    monkeypatch.setattr(writer, "TROUBLE_SECONDS", 0.0)
    assert found.trouble() == ""
    found.finish()
