"""
A token endpoint that rotates refresh tokens, and answers 50 ms after it was asked.

A second use of a refresh token ends its family: every later request is refused. Bare asyncio in a thread, because the tests'
authority would take a good part of those 50 ms from two shared cores.
"""

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs

from slow_server import content_length

__all__ = ["LATENCY", "RotatingAuthority", "rotating_authority"]

LATENCY = 0.05
LIFETIME = 3600
ENDED = -1


class RotatingAuthority:
    """A refresh token is `FAMILY.NUMBER`; a family begins with its number 0."""

    def __init__(self) -> None:
        self.port = 0
        self.calls = 0
        self.refused = 0
        self._newest: dict[str, int] = {}

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def server(self) -> str:
        """Whose tokens it gives, which nobody asks anything."""
        return f"{self.issuer}/mcp"

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                form = parse_qs((await reader.readexactly(content_length(head))).decode())
                status, body = self._rotate(form["refresh_token"][0])
                await asyncio.sleep(LATENCY)
                content = json.dumps(body).encode()
                writer.write(
                    b"HTTP/1.1 %d .\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(content))
                )
                writer.write(content)
                await writer.drain()
        writer.close()

    def _rotate(self, refresh_token: str) -> tuple[int, dict[str, object]]:
        self.calls += 1
        family, _, number = refresh_token.rpartition(".")
        if self._newest.setdefault(family, 0) != int(number):
            self._newest[family] = ENDED
            self.refused += 1
            return 400, {"error": "invalid_grant"}
        self._newest[family] += 1
        following = f"{family}.{self._newest[family]}"
        return 200, {
            "access_token": f"access-{following}",
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "refresh_token": following,
        }


@contextmanager
def rotating_authority() -> Generator[RotatingAuthority]:
    authority, ready, loop = RotatingAuthority(), threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with await asyncio.start_server(authority.speak, "127.0.0.1", 0) as server:
            authority.port = server.sockets[0].getsockname()[1]
            ready.set()
            await ended.wait()

    def be_a_thread() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=be_a_thread)
    thread.start()
    ready.wait()
    try:
        yield authority
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
