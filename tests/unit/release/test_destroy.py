"""What serves can be ended whatever happened to its files, and an interrupted end leaves nothing in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from release.destroy import destroy, would_end
from release.layout import Layout
from release.serving import Serving
from release_cases import Staging


@pytest.fixture
def serving(layout: Layout, staged: Staging, fake_docker: Path) -> Serving:
    """Two releases, the second of which serves."""
    serving = Serving(layout)
    for number in (1, 2):
        serving.store.point(staged(number, "passed").id)
    current = serving.store.current()
    assert current
    serving.project(current.id).up(1)
    return serving


def up(home: Path) -> bool:
    return (home / "up.json").exists()


@pytest.mark.parametrize("file", ["compose.yaml", "settings.json", "manifest.json"])
def test_a_damaged_release_can_be_ended(serving: Serving, fake_docker: Path, file: str) -> None:
    (serving.layout.current / file).write_text("edited by hand")
    assert destroy(serving.layout, volumes=False).startswith("s is ended")
    assert not up(fake_docker) and not serving.layout.current.is_symlink()
    assert would_end(serving.layout, volumes=False) == ""


def test_an_end_that_was_interrupted_is_finished(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("release.destroy.shutil.rmtree", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        destroy(serving.layout, volumes=True)
    monkeypatch.undo()
    assert not serving.layout.current.is_symlink() and serving.store.all()
    assert would_end(serving.layout, volumes=True) == "s"
    destroy(serving.layout, volumes=True)
    assert not serving.layout.releases.exists()


def test_links_to_what_is_gone_are_no_hindrance(layout: Layout, fake_docker: Path) -> None:
    layout.current.symlink_to("releases/20250301-120100-95ef7039")
    assert destroy(layout, volumes=False) == "nothing served on this host"
    assert not layout.current.is_symlink()


def test_a_dangling_current_is_mended_and_said(serving: Serving, fake_docker: Path) -> None:
    current = serving.store.current()
    assert current
    serving.layout.release(current.id).rename(serving.layout.root / "moved")
    assert f"current pointed at {current.id}, which is not there" in serving.recover()
    assert serving.store.serving() is None


def test_a_damaged_current_release_is_said_by_mending_and_stops_nobody(serving: Serving, fake_docker: Path) -> None:
    (serving.layout.current / "compose.yaml").write_text("services: {edited: {}}")
    assert "are not those that were staged: another release can take its place" in serving.recover()
    assert json.loads((fake_docker / "up.json").read_text())
