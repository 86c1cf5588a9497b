"""
Reading a body that a stranger sends: never more than we asked for, never more than it may unpack to.

A quarter of a megabyte of gzip unpacks to a quarter of a gigabyte, and a server can send without end (TA13, TA14). So the bytes
are counted as they come, at most one content coding is undone, and that by a decoder that stops at the cap instead of after it.
"""

import zlib
from collections.abc import Sequence

from handstamp.errors import MalformedResponse

__all__ = ["MAX_BODY", "MAX_CODED", "Body"]

MAX_BODY = 256 * 1024
"""Bytes of a decoded body."""

MAX_CODED = 64 * 1024
"""Bytes on the wire of a compressed one."""

DECODABLE = {"gzip", "x-gzip", "deflate"}
ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


class Body:
    """One body, fed in chunks. `sender` names in errors who sent it. What came before a MalformedResponse stays in `decoded`."""

    def __init__(self, content_encoding: Sequence[str], *, sender: str) -> None:
        self.decoded = bytearray()
        self._sender = sender
        self._received = 0
        self._is_coded = self._judge_codings(content_encoding)
        self._decoder = zlib.decompressobj(ZLIB_OR_GZIP)

    def feed(self, chunk: bytes) -> None:
        """Raises MalformedResponse at the first byte over a cap."""
        self._received += len(chunk)
        if not self._is_coded:
            self._keep(chunk)
            return
        if self._received > MAX_CODED:
            raise MalformedResponse(f"Expected at most {MAX_CODED // 1024} KiB of compressed body from {self._sender}, got more.")
        self._keep(self._decode(chunk))

    def finish(self) -> bytes:
        """The whole body, decoded. Raises MalformedResponse where its coding broke off."""
        if self._is_coded and self._received and not self._decoder.eof:
            raise MalformedResponse(f"Expected a whole compressed body from {self._sender}, got one that breaks off.")
        return bytes(self.decoded)

    def _judge_codings(self, content_encoding: Sequence[str]) -> bool:
        names = [name.strip().lower() for value in content_encoding for name in value.split(",")]
        codings = [name for name in names if name not in ("", "identity")]
        if len(codings) > 1 or not DECODABLE.issuperset(codings):
            raise MalformedResponse(f"Expected a plain or gzipped body from {self._sender}, got another content coding.")
        return bool(codings)

    def _decode(self, chunk: bytes) -> bytes:
        room = MAX_BODY - len(self.decoded)
        try:
            # One byte more than there is room for tells a body at the cap from one over it.
            decoded = self._decoder.decompress(chunk, room + 1)
        except zlib.error as error:
            raise MalformedResponse(f"Expected gzip or deflate from {self._sender}, got bytes that are neither.") from error
        if self._decoder.unused_data:
            raise MalformedResponse(f"Expected one compressed body from {self._sender}, got bytes after its end.")
        return decoded

    def _keep(self, chunk: bytes) -> None:
        room = MAX_BODY - len(self.decoded)
        self.decoded += chunk[:room]
        if len(chunk) > room:
            raise MalformedResponse(f"Expected at most {MAX_BODY // 1024} KiB of body from {self._sender}, got more.")
