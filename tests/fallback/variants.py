"""Images that the suites build beside the usual ones; .build/images.json stays as it is."""

from __future__ import annotations

import functools
import os

import build_images
import image_settings


@functools.cache
def without_ydoc_layer() -> str:
    """The id of an image without the YDoc layer; built from what the usual build left in the cache."""
    results = build_images.build(
        image_settings.load({**os.environ, "YDOC_LAYER": "off"}),
        lambda line: print(line, flush=True),
        requirements=build_images.REQUIREMENTS,
        tag="no-ydoc",
        only=["user-notebook"],
        output=build_images.WORK / "images-no-ydoc.json",
    )
    assert not results["user-notebook"]["layers"]["ydoc"]["installed"]
    return str(results["user-notebook"]["image"])
