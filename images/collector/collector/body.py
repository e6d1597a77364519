"""A request's body, unpacked while it comes, within limits."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable

GZIP = 16 + zlib.MAX_WBITS


class TooLong(Exception):
    """The body is longer than it may be; the message says how long that is."""


class NotGzip(Exception):
    """The body is not what its Content-Encoding says."""


async def read(
    chunks: AsyncIterator[bytes], *, gzip: bool, limit: int, unpacked_limit: int, hold: Callable[[int], None]
) -> tuple[bytes, int]:
    """Return the body and how long it was on the way. Tells `hold` of each piece. Raises TooLong, NotGzip."""
    unpack = Gunzip() if gzip else None
    pieces: list[bytes] = []
    came = size = 0
    async for chunk in chunks:
        came += len(chunk)
        if came > limit:
            raise TooLong(f"the body is longer than {limit} bytes (MAX_BODY)")
        piece = unpack.feed(chunk, unpacked_limit - size + 1) if unpack else chunk
        size += len(piece)
        if size > unpacked_limit:
            raise TooLong(f"the body is longer than {unpacked_limit} bytes when unpacked (MAX_BODY_UNPACKED)")
        hold(len(piece))
        pieces.append(piece)
    if unpack:
        unpack.finish()
    return b"".join(pieces), came


class Gunzip:
    """One or more gzip members, a piece at a time."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(GZIP)
        self._begun = False

    def feed(self, data: bytes, most: int) -> bytes:
        """Return what `data` unpacks to, cut off after `most` bytes. Raises NotGzip."""
        pieces: list[bytes] = []
        while data and most > 0:
            if self._member.eof:
                self._member = zlib.decompressobj(GZIP)
            self._begun = True
            try:
                piece = self._member.decompress(data, most)
            except zlib.error as error:
                raise NotGzip(f"the body is not gzip: {error}") from error
            pieces.append(piece)
            most -= len(piece)
            data = self._member.unused_data or self._member.unconsumed_tail
        return b"".join(pieces)

    def finish(self) -> None:
        """Check that nothing is missing. Raises NotGzip."""
        if self._begun and not self._member.eof:
            raise NotGzip("the body is cut off: its gzip data has no end")
