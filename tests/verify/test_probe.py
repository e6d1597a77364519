"""A throw-away student, when one is asked for (PROBE=1): it needs a server and some seconds of the tutor."""

from __future__ import annotations

import os
from typing import Any

import pytest
from conftest import Place


@pytest.mark.skipif(not os.environ.get("VERIFY_PROBE"), reason="not asked for (PROBE=1)")
@pytest.mark.timeout(600)
def test_probe(place: Place, say: Any) -> None:
    """A throw-away student signs in, gets a server, asks, and is answered once"""
    done = place.host.ansible("jelai_confirm", f"root={place.root}", check=False, become=True)
    assert not done.get("failed"), str(done.get("msg", "the probe failed"))
    say(f"release {done['release']}")
